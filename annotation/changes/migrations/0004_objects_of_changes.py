from django.db import migrations

from annotation.common.batched_sql import by_ranges

NAME = """
UPDATE changes_change AS change SET object_id = footprint.object_id
FROM sources_footprint AS footprint
WHERE change.id >= %(first)s AND change.id < %(end)s AND change.object_id IS NULL AND footprint.id = change.footprint_id
"""


class Migration(migrations.Migration):
    """A change gets the object of its footprint."""

    atomic = False

    dependencies = [("changes", "0003_objects"), ("sources", "0004_objects_of_footprints")]

    operations = [migrations.RunPython(by_ranges("changes_change", [NAME]), migrations.RunPython.noop)]
