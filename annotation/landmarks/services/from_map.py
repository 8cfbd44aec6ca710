"""The job that makes landmarks of what the region's own map names: `name`, `wikidata`, `tourism` and `historic`."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.contrib.gis.geos import Point

from annotation.accounts.models import User
from annotation.common.engine import stop_if_asked
from annotation.common.errors import NotFoundError
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.common.services.jobs import JobContext
from annotation.landmarks import engine
from annotation.landmarks.models import Landmark, LandmarkSource
from annotation.landmarks.services import keep_up
from annotation.sources.errors import NoSourcesError
from annotation.sources.models import Region
from annotation.sources.selectors import snapshot_in_use

logger = logging.getLogger(__name__)
KIND = "landmarks.import_tags"
BATCH = 1000
TAGS = ("name", "wikidata", "tourism", "historic")
NO_MAP = "the region has no map that is ready: import one first, or wait for its import"


def start(*, user: User, region: Region, wake: bool = True) -> Job:
    """Queue the import from the map that is in use; one at a time in a region.

    Raises:
        NoSourcesError: there is no map.
    """
    if snapshot_in_use(region) is None:
        raise NoSourcesError(NO_MAP)
    return jobs.enqueue(kind=KIND, params={"region": region.pk}, scope_id=region.pk, created_by=user,
                        dedup_key=str(region.pk), wake=wake)  # fmt: skip


def run(context: JobContext) -> None:
    """Runner of `landmarks.import_tags`: new elements come, changed ones follow the map, and those that left it go.

    A landmark that a person changed, also while the map was read, or that has a photo, stays whatever the map says.
    Where the map names more places than are taken in, none goes: it may be among those that were left out.
    """
    region = Region.objects.filter(pk=context.params["region"]).first()
    snapshot = snapshot_in_use(region) if region is not None else None
    if region is None or snapshot is None:
        raise NotFoundError("the region or its map was removed meanwhile: import a map first")
    context.report(0.1, "the map is read")
    names = engine.named_in(region, snapshot, context)
    made = (_landmark(region, key, Point(*lonlat, srid=4326), tags) for key, lonlat, tags in names.places)
    found = {row.key: row for row in made if row.name}
    stop_if_asked(context)
    with context.transaction(final=True):
        known = {row.key: row for row in Landmark.objects.of_source(region, LandmarkSource.MAP).locked()}
        fresh = [row for key, row in found.items() if key not in known]
        other = [_followed(known[key], row) for key, row in found.items() if key in known and _differs(known[key], row)]
        gone = [row.pk for key, row in known.items() if key not in found and not row.edited]
        Landmark.objects.bulk_create(fresh, batch_size=BATCH, ignore_conflicts=True)
        Landmark.objects.bulk_update(other, ["name", "point", "tags", "description"], batch_size=BATCH)
        removed = 0 if names.left_out else _remove(gone)
        keep_up.changed()
        context.set_result({"added": len(fresh), "changed": len(other), "removed": removed, "landmarks": len(found),
                            "left_out": names.left_out})  # fmt: skip
        context.report(1.0, _told(len(found), names.left_out))
    if names.left_out:
        logger.warning("region %s: its map names %d more places than are taken in", region.pk, names.left_out)


def _told(kept: int, left_out: int) -> str:
    if not left_out:
        return f"the map names {kept:,} landmarks"
    return (
        f"of {kept + left_out:,} places that the map names here {kept:,} were taken and none was removed: make smaller "
        "regions of this one"
    )


def _remove(ids: list[int]) -> int:
    """Remove those of these landmarks that have no photo; how many these were."""
    _, by_model = Landmark.objects.filter(pk__in=ids, photos=None).delete()
    return by_model.get(Landmark._meta.label, 0)


def _landmark(region: Region, key: str, place: Point, tags: Mapping[str, str]) -> Landmark:
    """The landmark of an element."""
    kept = {name: tags[name] for name in TAGS if tags.get(name)}
    return Landmark(region=region, source=LandmarkSource.MAP, key=key, name=named(kept), tags=kept, point=place,
                    description=described(tags))  # fmt: skip


def named(tags: Mapping[str, str]) -> str:
    """What a landmark of the map is called: its name, else what kind of sight it is; empty where it is neither."""
    if tags.get("name"):
        return printable(tags["name"])[:200]
    kinds = [tags[key] for key in ("historic", "tourism") if tags.get(key) and tags[key] != "yes"]
    return printable(kinds[0].replace("_", " "))[:200] if kinds else ""


def printable(text: str) -> str:
    """One line without signs that can't be shown."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def described(tags: Mapping[str, str]) -> str:
    """What the map says of a landmark beside its name, in words."""
    said = [tags[key] for key in ("name:en", "description", "description:en") if tags.get(key)]
    for key in ("historic", "tourism", "amenity", "leisure", "natural", "building", "religion"):
        value = tags.get(key, "")
        if value and value not in ("yes", "no"):
            said.append(value.replace("_", " "))
    return ", ".join(dict.fromkeys(printable(one) for one in said))[:2000]


def _differs(row: Landmark, now: Landmark) -> bool:
    if row.edited:
        return False
    return (row.name, row.tags, row.description) != (now.name, now.tags, now.description) or row.point != now.point


def _followed(row: Landmark, now: Landmark) -> Landmark:
    row.name, row.tags, row.description, row.point = now.name, now.tags, now.description, now.point
    return row
