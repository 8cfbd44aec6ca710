"""Give the suggestions that were there before the tags of their buildings.

Apart from the migration that adds the column, whose transaction rewrites the table: an update there would leave checks
of foreign keys behind that keep its indexes from being made. By parts that each commit, so that on a large table no row
is locked for long; what has its tags is passed over, so that it may be broken off and run again.
"""

from django.db import migrations

PART = 20_000
LAST = "SELECT max(id) FROM (SELECT id FROM changes_change WHERE id > %s ORDER BY id LIMIT %s) AS part"
TAGS = """
UPDATE changes_change SET tags = known.tags FROM sources_footprint AS known
WHERE changes_change.id > %s AND changes_change.id <= %s AND changes_change.tags = '{}'::jsonb
  AND known.id = changes_change.footprint_id AND known.tags <> '{}'::jsonb
"""


def take_tags(apps, schema_editor):
    done = 0
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(LAST, [done, PART])
            (last,) = cursor.fetchone()
            if last is None:
                return
            cursor.execute(TAGS, [done, last])
            done = last


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("changes", "0008_saved_filters_and_bulk_rejections"),
        ("sources", "0008_first_look"),
    ]

    operations = [migrations.RunPython(take_tags, migrations.RunPython.noop, elidable=True)]
