"""Writes the features of a map to the database in two COPY streams."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import shapely

from annotation.common.copy import copy_rows
from annotation.common.engine import Progress, stop_if_asked
from annotation.sources.engine import LibraryFeature, parts_of
from annotation.sources.models import Footprint, MapFeature, MapSnapshot
from annotation.sources.services.map_objects import objects_of, one_import_at_a_time

SHARED = ("snapshot_id", "osm_type", "osm_id", "version", "edited_at", "tags", "geometry")
FOOTPRINT = (*SHARED, "nodes", "members", "ways", "in_relation", "object_id")
BATCH = 5000


def store_features(snapshot: MapSnapshot, features: Iterable[LibraryFeature], progress: Progress) -> int:
    """Append every feature to the tables of footprints and other features; returns how many.

    Runs in the caller's transaction: a reader sees all of the map or nothing of it. Between two batches, each a second
    of copying or less, it looks whether it is to stop.

    Raises:
        StoppedError: `progress` asked to stop; the caller's transaction takes back what was copied.
    """
    stored = 0
    one_import_at_a_time(snapshot.region, progress)
    for batch in _batches(features):
        stop_if_asked(progress)
        buildings = [feature for feature in batch if feature.kind == "building"]
        objects = objects_of(snapshot, buildings)
        copy_rows(Footprint._meta.db_table, FOOTPRINT, _footprints(snapshot, buildings, objects))
        copy_rows(MapFeature._meta.db_table, (*SHARED, "kind"), _others(snapshot, batch))
        stored += len(batch)
    stop_if_asked(progress)
    return stored


def _batches(features: Iterable[LibraryFeature]) -> Iterator[list[LibraryFeature]]:
    batch: list[LibraryFeature] = []
    for feature in features:
        batch.append(feature)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def _footprints(
    snapshot: MapSnapshot, buildings: list[LibraryFeature], objects: dict[str, int]
) -> Iterator[tuple[Any, ...]]:
    for one in buildings:
        nodes, members, ways = parts_of(one)
        kept = (json.dumps(nodes), json.dumps(members), None if ways is None else json.dumps(ways))
        yield (*_shared(snapshot, one), *kept, one.in_relation, objects[one.key])


def _others(snapshot: MapSnapshot, features: list[LibraryFeature]) -> Iterator[tuple[Any, ...]]:
    for feature in features:
        if feature.kind != "building":
            yield (*_shared(snapshot, feature), feature.kind)


def _shared(snapshot: MapSnapshot, feature: LibraryFeature) -> tuple[Any, ...]:
    geometry = shapely.to_wkb(shapely.set_srid(feature.geometry, 4326), hex=True, include_srid=True)
    tags = {_clean(key): _clean(value) for key, value in feature.tags.items()}
    return (
        snapshot.pk,
        feature.osm_type or "",
        feature.osm_id,
        feature.version,
        feature.timestamp,
        json.dumps(tags),
        geometry,
    )


def _clean(text: str) -> str:
    """The text without what PostgreSQL can't keep: NUL and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
