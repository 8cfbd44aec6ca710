"""Writes the features of a map to the database in two COPY streams."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import shapely
from django.db import connection
from psycopg import sql

from annotation.common.engine import Progress, stop_if_asked
from annotation.sources.engine import LibraryFeature
from annotation.sources.models import Footprint, MapFeature, MapSnapshot

SHARED = ("snapshot_id", "osm_type", "osm_id", "version", "edited_at", "tags", "geometry")
BATCH = 5000


def store_features(snapshot: MapSnapshot, features: Iterable[LibraryFeature], progress: Progress) -> int:
    """Append every feature to the tables of footprints and other features; returns how many.

    Runs in the caller's transaction: a reader sees all of the map or nothing of it. Between two batches, each a second
    of copying or less, it looks whether it is to stop.

    Raises:
        StoppedError: `progress` asked to stop; the caller's transaction takes back what was copied.
    """
    stored = 0
    for batch in _batches(features):
        stop_if_asked(progress)
        _copy(Footprint._meta.db_table, (*SHARED, "nodes", "members", "in_relation"), _footprints(snapshot, batch))
        _copy(MapFeature._meta.db_table, (*SHARED, "kind"), _others(snapshot, batch))
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


def _copy(table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _footprints(snapshot: MapSnapshot, features: list[LibraryFeature]) -> Iterator[tuple[Any, ...]]:
    for feature in features:
        if feature.kind == "building":
            nodes = [[node.id, node.version, node.lon, node.lat, node.shared] for node in feature.nodes]
            members = [[member.type, member.ref, member.role] for member in feature.members]
            yield (*_shared(snapshot, feature), json.dumps(nodes), json.dumps(members), feature.in_relation)


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
