"""Versions of nodes given later, and removals that keep the object as a demolished building."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("edits", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="edititem",
            name="node_versions",
            field=models.JSONField(default=dict, help_text="versions given later, by node id"),
        ),
        migrations.AddField(
            model_name="edititem",
            name="demolish",
            field=models.BooleanField(
                default=False,
                help_text="of a removal: retag as demolished:building, as other imagery may still show it",
            ),
        ),
    ]
