import django.db.models.deletion
from django.db import migrations, models

FILL = """
ALTER TABLE review_queueitem DISABLE TRIGGER review_count_updated;
UPDATE review_queueitem AS item SET origin_id = change.scan_id FROM changes_change AS change
WHERE change.item_id = item.id;
ALTER TABLE review_queueitem ENABLE TRIGGER review_count_updated;
"""
"""No count changes by it: what keeps them need not look at a million rows."""


class Migration(migrations.Migration):
    """Lists read the scan of a candidate from its item, and its item from the indexes of scan and size."""

    dependencies = [
        ("changes", "0013_split_and_merged"),
        ("consistency", "0006_outdated"),
        ("review", "0008_origins"),
    ]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="change", name="change_by_size"),
        migrations.AlterField(
            model_name="change",
            name="scan",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="changes",
                to="consistency.scan",
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["scan", "id"], include=("item",), name="change_of_a_scan"),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["scan", "square_m"], include=("item",), name="change_by_size"),
        ),
    ]
