"""Give every footprint its map object: the one it had in earlier maps of the region, or a new one."""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.db import connection

from annotation.common.engine import Progress, stop_if_asked
from annotation.sources.engine import LibraryFeature
from annotation.sources.models import MapObject, Region

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
JOIN sources_mapobject AS object USING (shape) WHERE object.region_id = %(region)s AND object.osm_id IS NULL
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


def objects_of(region: Region, features: Sequence[LibraryFeature]) -> dict[str, int]:
    """Ids of the objects of footprints, by the library's key; missing ones are made."""
    named = [one for one in features if one.osm_type is not None and one.osm_id is not None]
    shapes = [one.key.removeprefix("shape/") for one in features if one.osm_type is None or one.osm_id is None]
    found: dict[str, int] = {}
    with connection.cursor() as cursor:
        if named:
            types, ids = [one.osm_type for one in named], [one.osm_id for one in named]
            cursor.execute(BY_ID, {"region": region.pk, "types": types, "ids": ids})
            found |= dict(cursor.fetchall())
        if shapes:
            cursor.execute(BY_SHAPE, {"region": region.pk, "shapes": shapes})
            found |= dict(cursor.fetchall())
    return found
