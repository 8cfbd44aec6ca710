from django.db import migrations

FILL = """
UPDATE review_queueitem AS item SET kind = change.kind FROM changes_change AS change WHERE change.item_id = item.id
"""


class Migration(migrations.Migration):
    """Lists read the kind of a candidate from its item."""

    dependencies = [
        ("changes", "0001_initial"),
        ("review", "0003_lists_and_counts"),
    ]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
