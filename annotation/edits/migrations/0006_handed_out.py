from django.db import migrations, models
from django.db.models import F


def as_exported(apps, schema_editor):
    """Which of the earlier exports were files for people is not known: be warned of all of them."""
    changesets = apps.get_model("edits", "Changeset").objects
    changesets.filter(exported_at__isnull=False).update(handed_out_at=F("exported_at"))


class Migration(migrations.Migration):
    dependencies = [("edits", "0005_uploads")]

    operations = [
        migrations.AlterField(
            model_name="changeset",
            name="exported_at",
            field=models.DateTimeField(help_text="of the first export as osmChange, or the first upload", null=True),
        ),
        migrations.AddField(
            model_name="changeset",
            name="handed_out_at",
            field=models.DateTimeField(help_text="when a person first had a file of it, or a link to one", null=True),
        ),
        migrations.RunPython(as_exported, migrations.RunPython.noop),
    ]
