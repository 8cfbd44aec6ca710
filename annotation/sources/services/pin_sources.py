"""Chooses which imagery and which map a region works with, in place of the newest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.common.signals import map_pinned
from annotation.review.services import audit
from annotation.sources.errors import NotReadyError
from annotation.sources.models import Imagery, MapSnapshot, Region, SourceState

Pin = Literal["pinned_imagery", "pinned_snapshot"]
MODELS: dict[Pin, type[Imagery] | type[MapSnapshot]] = {"pinned_imagery": Imagery, "pinned_snapshot": MapSnapshot}
PINS: tuple[Pin, ...] = tuple(MODELS)


@transaction.atomic
def pin_sources(*, user: User, region: Region, pins: Mapping[Pin, int | None]) -> Region:
    """Keep the region on these sources until they are let go of (None: on the newest).

    What was made of another source stays as it is, and is told as stale.

    Raises:
        NotFoundError: a source is missing, or of another region.
        NotReadyError: its import has not ended, or failed.
    """
    for name, source_id in pins.items():
        if source_id is not None:
            _check_usable(MODELS[name], region, source_id)
    # After its sources, in the order in which imports and removals lock them.
    region = Region.objects.select_for_update(no_key=True).get(pk=region.pk)
    map_before = region.pinned_snapshot_id
    for name, source_id in pins.items():
        setattr(region, f"{name}_id", source_id)
    region.save(update_fields=list(pins))
    audit.record(
        actor=user,
        action="region.pin",
        object_kind="region",
        object_id=region.pk,
        scope_id=region.pk,
        **{str(name): source_id for name, source_id in pins.items()},
    )
    if region.pinned_snapshot_id not in {None, map_before}:
        map_pinned.send(Region, region_id=region.pk, user=user)
    return region


def _check_usable(model: type[Imagery] | type[MapSnapshot], region: Region, source_id: int) -> None:
    """The row is locked, so that it can't be removed between this and the save."""
    source = model._default_manager.select_for_update(no_key=True).filter(pk=source_id, region=region).first()
    if source is None:
        raise NotFoundError(f"the region has no {model._meta.verbose_name} {source_id}")
    if source.state != SourceState.READY:
        raise NotReadyError(f"{source.original_name} is not ready: wait until its import has ended, or import it again")
