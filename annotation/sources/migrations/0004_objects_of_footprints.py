from django.db import migrations

STEP = 50_000
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


def give_objects(apps, schema_editor):
    """By ranges of ids, each committed: no row is locked for long, and a stopped run goes on."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM sources_footprint")
        first, last = cursor.fetchone()
        for start in range(first, last + 1, STEP):
            span = {"first": start, "end": start + STEP}
            for statement in (MAKE_NAMED, MAKE_SHAPES, NAME, NAME_SHAPES):
                cursor.execute(statement, span)


class Migration(migrations.Migration):
    """Every footprint gets the object it is a state of; the digest of a shape is the library's."""

    atomic = False

    dependencies = [("sources", "0003_map_objects")]

    operations = [migrations.RunPython(give_objects, migrations.RunPython.noop)]
