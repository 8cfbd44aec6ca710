from django.db import migrations, models


class Migration(migrations.Migration):
    """Lists pass over what did not come from where they ask without a look at its row."""

    dependencies = [
        ("review", "0008_origins"),
        ("changes", "0014_origins"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="queueitem",
            index=models.Index(
                fields=["scope_id", "stage", "state", "decision", "kind", "created_at", "id"],
                include=("origin_id",),
                name="queue_list_by_age",
            ),
        ),
        migrations.AddIndex(
            model_name="queueitem",
            index=models.Index(
                fields=["scope_id", "stage", "state", "decision", "kind", "priority", "id"],
                include=("origin_id",),
                name="queue_list_by_priority",
            ),
        ),
        migrations.AddIndex(
            model_name="queueitem",
            index=models.Index(
                condition=models.Q(("state", "decided")),
                fields=["scope_id", "stage", "decision", "kind", "decided_at", "id"],
                include=("origin_id",),
                name="queue_list_by_decision",
            ),
        ),
    ]
