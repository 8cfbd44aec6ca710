from django.db import migrations

from annotation.common.batched_sql import by_ranges

NAME = """
UPDATE edits_edititem AS item SET object_id = change.object_id
FROM changes_change AS change
WHERE item.id >= %(first)s AND item.id < %(end)s AND item.object_id IS NULL AND change.id = item.change_id
"""


class Migration(migrations.Migration):
    """An edit gets the object of its change."""

    atomic = False

    dependencies = [("edits", "0003_frozen_operations")]

    operations = [migrations.RunPython(by_ranges("edits_edititem", [NAME]), migrations.RunPython.noop)]
