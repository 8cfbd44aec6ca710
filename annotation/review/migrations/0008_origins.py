from django.db import migrations, models


class Migration(migrations.Migration):
    """Items say what brought them. Their lists' indexes come back with that once it is filled in."""

    dependencies = [("review", "0007_scale")]

    operations = [
        migrations.AddField(
            model_name="queueitem",
            name="origin_id",
            field=models.BigIntegerField(
                null=True, help_text="id of what brought it, such as a scan, without a foreign key"
            ),
        ),
        migrations.RemoveIndex(model_name="queueitem", name="queue_list_by_age"),
        migrations.RemoveIndex(model_name="queueitem", name="queue_list_by_priority"),
        migrations.RemoveIndex(model_name="queueitem", name="queue_list_by_decision"),
    ]
