from django.db import migrations

from annotation.common.batched_sql import by_ranges

MAKE_NAMED = """
INSERT INTO sources_mapobject (region_id, osm_type, osm_id, shape)
SELECT DISTINCT snapshot.region_id, one.osm_type, one.osm_id, ''
FROM sources_footprint AS one JOIN sources_mapsnapshot AS snapshot ON snapshot.id = one.snapshot_id
WHERE one.id >= %(first)s AND one.id < %(end)s AND one.osm_id IS NOT NULL AND one.object_id IS NULL
ON CONFLICT DO NOTHING
"""
MAKE_SHAPES = """
INSERT INTO sources_mapobject (region_id, osm_type, osm_id, shape)
SELECT DISTINCT snapshot.region_id, '', NULL::bigint, left(encode(sha256(ST_AsBinary(one.geometry, 'NDR')), 'hex'), 16)
FROM sources_footprint AS one JOIN sources_mapsnapshot AS snapshot ON snapshot.id = one.snapshot_id
WHERE one.id >= %(first)s AND one.id < %(end)s AND one.osm_id IS NULL AND one.object_id IS NULL
ON CONFLICT DO NOTHING
"""
NAME = """
UPDATE sources_footprint AS one SET object_id = object.id
FROM sources_mapsnapshot AS snapshot, sources_mapobject AS object
WHERE one.id >= %(first)s AND one.id < %(end)s AND one.object_id IS NULL AND snapshot.id = one.snapshot_id
  AND object.region_id = snapshot.region_id AND one.osm_id IS NOT NULL
  AND object.osm_type = one.osm_type AND object.osm_id = one.osm_id
"""
NAME_SHAPES = """
UPDATE sources_footprint AS one SET object_id = object.id
FROM sources_mapsnapshot AS snapshot, sources_mapobject AS object
WHERE one.id >= %(first)s AND one.id < %(end)s AND one.object_id IS NULL AND snapshot.id = one.snapshot_id
  AND object.region_id = snapshot.region_id AND one.osm_id IS NULL AND object.osm_id IS NULL
  AND object.shape = left(encode(sha256(ST_AsBinary(one.geometry, 'NDR')), 'hex'), 16)
"""
GIVE_OBJECTS = by_ranges("sources_footprint", (MAKE_NAMED, MAKE_SHAPES, NAME, NAME_SHAPES))


class Migration(migrations.Migration):
    """Every footprint gets the object it is a state of; the digest of a shape is the library's."""

    atomic = False

    dependencies = [("sources", "0003_map_objects")]

    operations = [migrations.RunPython(GIVE_OBJECTS, migrations.RunPython.noop)]
