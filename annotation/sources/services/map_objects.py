"""Give every footprint its map object: the one it had in earlier maps of the region, or a new one.

It is known by its name; where that is new, by having the very outline of a footprint that had no such name: the map
before may have come without ids, or this one does. A negative id is none: another session of JOSM gives it to another
building.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import shapely
from django.db import connection
from django.db.backends.utils import CursorWrapper

from annotation.common.engine import Progress, stop_if_asked
from annotation.sources.engine import LibraryFeature
from annotation.sources.models import Footprint, MapObject, MapSnapshot, Region

LOCK_SPACE = 7301
PAUSE_S = 0.2
BY_ID = """
WITH given AS (SELECT DISTINCT * FROM unnest(%(types)s::text[], %(ids)s::bigint[]) AS one (osm_type, osm_id)),
made AS (
    INSERT INTO sources_mapobject (region_id, osm_type, osm_id, shape)
    SELECT %(region)s, osm_type, osm_id, '' FROM given ON CONFLICT DO NOTHING RETURNING id, osm_type, osm_id
)
SELECT osm_type || '/' || osm_id, id FROM made
UNION ALL
SELECT given.osm_type || '/' || given.osm_id, object.id FROM given
JOIN sources_mapobject AS object USING (osm_type, osm_id) WHERE object.region_id = %(region)s
"""
BY_SHAPE = """
WITH given AS (SELECT DISTINCT shape FROM unnest(%(shapes)s::text[]) AS shape),
made AS (
    INSERT INTO sources_mapobject (region_id, osm_type, osm_id, shape)
    SELECT %(region)s, '', NULL, shape FROM given ON CONFLICT DO NOTHING RETURNING id, shape
)
SELECT 'shape/' || shape, id FROM made
UNION ALL
SELECT 'shape/' || given.shape, object.id FROM given
JOIN sources_mapobject AS object USING (shape) WHERE object.region_id = %(region)s
"""
GIVE_IDS = """
WITH given AS (
    SELECT osm_type, osm_id, shown::geometry AS geometry
    FROM unnest(%(types)s::text[], %(ids)s::bigint[], %(outlines)s::text[]) AS one (osm_type, osm_id, shown)
    WHERE NOT EXISTS (
        SELECT 1 FROM sources_mapobject AS known
        WHERE known.region_id = %(region)s AND known.osm_type = one.osm_type AND known.osm_id = one.osm_id
    )
),
found AS (
    SELECT DISTINCT ON (object.id) object.id, given.osm_type, given.osm_id
    FROM given
    JOIN sources_footprint AS one ON one.geometry && given.geometry AND ST_Equals(one.geometry, given.geometry)
    JOIN sources_mapobject AS object ON object.id = one.object_id AND object.region_id = %(region)s
    WHERE NOT EXISTS (
        SELECT 1 FROM sources_footprint AS here
        WHERE here.object_id = object.id AND here.snapshot_id = %(snapshot)s
    ) AND object.osm_id IS NULL
    ORDER BY object.id, given.osm_type, given.osm_id
),
same AS (SELECT DISTINCT ON (osm_type, osm_id) * FROM found ORDER BY osm_type, osm_id, id)
UPDATE sources_mapobject AS object SET osm_type = same.osm_type, osm_id = same.osm_id FROM same
WHERE object.id = same.id
"""
GIVE_SHAPES = """
WITH given AS (
    SELECT shape, shown::geometry AS geometry
    FROM unnest(%(shapes)s::text[], %(outlines)s::text[]) AS one (shape, shown)
    WHERE NOT EXISTS (
        SELECT 1 FROM sources_mapobject AS known WHERE known.region_id = %(region)s AND known.shape = one.shape
    )
),
found AS (
    SELECT DISTINCT ON (object.id) object.id, given.shape, one.id AS footprint
    FROM given
    JOIN sources_footprint AS one ON one.geometry && given.geometry AND ST_Equals(one.geometry, given.geometry)
    JOIN sources_mapobject AS object ON object.id = one.object_id AND object.region_id = %(region)s
    WHERE NOT EXISTS (
        SELECT 1 FROM sources_footprint AS here
        WHERE here.object_id = object.id AND here.snapshot_id = %(snapshot)s
    ) AND object.shape = ''
    ORDER BY object.id, given.shape
),
same AS (SELECT DISTINCT ON (shape) * FROM found ORDER BY shape, footprint DESC)
UPDATE sources_mapobject AS object SET shape = same.shape FROM same WHERE object.id = same.id
"""


def one_import_at_a_time(region: Region, progress: Progress) -> None:
    """Wait until no other import of the region makes objects; until the end of the transaction.

    Raises:
        StoppedError: `progress` asked to stop meanwhile.
    """
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_SPACE, region.pk % 2**31])
            if cursor.fetchone()[0]:
                return
            stop_if_asked(progress)
            time.sleep(PAUSE_S)


def drop_objects_of_nothing(region_id: int) -> None:
    """Remove objects that no map, change or edit speaks of any more; left to the next removal while an import runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_SPACE, region_id % 2**31])
        if cursor.fetchone()[0]:
            named = {"footprints__isnull": True, "changes__isnull": True, "edits__isnull": True}
            orphans = MapObject.objects.filter(region=region_id, **named).values("pk")
            MapObject.objects.filter(pk__in=orphans)._raw_delete(connection.alias)


def objects_of(snapshot: MapSnapshot, features: Sequence[LibraryFeature]) -> dict[str, int]:
    """Ids of the objects of a map's footprints, by the library's key; missing ones are made."""
    named = [one for one in features if one.osm_type is not None and (one.osm_id or 0) > 0]
    unnamed = {one.key: one for one in features if one.osm_type is None or (one.osm_id or 0) <= 0}
    region = {"region": snapshot.region_id, "snapshot": snapshot.pk}
    before = Footprint.objects.filter(snapshot__region=snapshot.region_id).exclude(snapshot=snapshot).exists()
    found: dict[str, int] = {}
    with connection.cursor() as cursor:
        if named:
            types, ids = [one.osm_type for one in named], [one.osm_id for one in named]
            known = region | {"types": types, "ids": ids, "outlines": _outlines(named)}
            without_id = MapObject.objects.filter(region=snapshot.region_id, osm_id=None)
            found |= _named(cursor, GIVE_IDS if before and without_id.exists() else None, BY_ID, known)
        if unnamed:
            shapes = {key: replace(one, osm_type=None, osm_id=None).key for key, one in unnamed.items()}
            digests = [shape.removeprefix("shape/") for shape in shapes.values()]
            known = region | {"shapes": digests, "outlines": _outlines(list(unnamed.values()))}
            objects = _named(cursor, GIVE_SHAPES if before else None, BY_SHAPE, known)
            found |= {key: objects[shape] for key, shape in shapes.items()}
    return found


def _named(cursor: CursorWrapper, give: str | None, find: str, known: dict[str, Any]) -> dict[str, int]:
    """Object ids by key, after objects that other maps have under another name were given these."""
    if give is not None:
        cursor.execute(give, known)
    cursor.execute(find, known)
    return dict(cursor.fetchall())


def _outlines(features: Sequence[LibraryFeature]) -> list[str]:
    shapes = shapely.set_srid([one.geometry for one in features], 4326)
    return list(shapely.to_wkb(shapes, hex=True, include_srid=True))
