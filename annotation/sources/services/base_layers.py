"""Adds, changes and removes imagery of other servers that people look at beside ours."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import InvalidError
from annotation.review.services import audit
from annotation.sources.base_layers import BaseLayer
from annotation.sources.errors import NameTakenError
from annotation.sources.layer_address import check_address
from annotation.sources.models import Region

MOST = 40
"""Layers that one region offers: each is a host that its pages let the browser speak to."""


def add_layer(*, user: User, region: Region | None, **fields: Any) -> BaseLayer:
    """Offer a layer in a region, or, without one, in all.

    Args:
        fields: those of `BaseLayer`.

    Raises:
        LayerAddressError: a browser may not be sent to its address.
        NameTakenError: another layer has the title.
        InvalidError: zooms the wrong way round, or too many layers.
    """
    with transaction.atomic():
        if region is not None:
            region = Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        if BaseLayer.objects.filter(region=region).count() >= MOST:
            raise InvalidError(f"there are {MOST} layers already: remove one that nobody looks at")
        layer = _checked(BaseLayer(region=region, created_by=user, **fields))
        layer.save()
        _record(user, "layer.add", layer, title=layer.title, template=layer.template)
    return layer


def change_layer(*, user: User, layer: BaseLayer, changes: dict[str, Any]) -> BaseLayer:
    """Change what is said of a layer, or its address.

    Raises:
        LayerAddressError, NameTakenError, InvalidError: as of a new one.
    """
    with transaction.atomic():
        layer = BaseLayer.objects.select_for_update().get(pk=layer.pk)
        for name, value in changes.items():
            setattr(layer, name, value)
        _checked(layer).save()
        _record(user, "layer.change", layer, fields=sorted(changes))
    return layer


def remove_layer(*, user: User, layer: BaseLayer) -> None:
    """Offer it no more; what was decided while it was looked at keeps its name."""
    with transaction.atomic():
        _record(user, "layer.remove", layer, title=layer.title)
        layer.delete()


def _checked(layer: BaseLayer) -> BaseLayer:
    layer.template = check_address(layer.template, layer.kind, settings.LAYER_HOSTS)
    if layer.min_zoom > layer.max_zoom:
        raise InvalidError("the layer's first zoom lies beyond its last: exchange them")
    if ";" in layer.title:
        raise InvalidError("a title has no semicolon: edits list the titles of what was looked at, parted by them")
    others = BaseLayer.objects.exclude(pk=layer.pk).filter(title=layer.title)
    if (others if layer.region_id is None else others.for_region(layer.region_id)).exists():
        raise NameTakenError(f"another layer is named {layer.title}: choose another title")
    try:
        layer.full_clean(validate_unique=False, validate_constraints=False, exclude=["region", "created_by"])
    except ValidationError as error:
        raise InvalidError(
            "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
        ) from error
    return layer


def _record(user: User, action: str, layer: BaseLayer, **data: Any) -> None:
    audit.record(
        actor=user, action=action, object_kind="base_layer", object_id=layer.pk, scope_id=layer.region_id, **data
    )
