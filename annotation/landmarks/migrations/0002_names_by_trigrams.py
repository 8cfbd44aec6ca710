"""Indexes of names, for words anywhere in them and for whole names and their beginnings; searches read anew whose their texts and photos are.

`pg_trgm` comes with PostgreSQL, and the owner of a database may create it.
"""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models
from django.db.models.functions import Now, Upper


def mark_stale(apps, schema_editor):
    """The next update writes the files that say whose texts and photos are."""
    index = apps.get_model("landmarks", "SearchIndex")
    index.objects.exclude(state="retired").filter(stale_since=None).update(stale_since=Now())


class Migration(migrations.Migration):
    dependencies = [("landmarks", "0001_landmarks")]

    operations = [
        TrigramExtension(),
        migrations.AddIndex(
            model_name="landmark",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(Upper("name"), name="gin_trgm_ops"),
                name="landmark_name_trigrams",
            ),
        ),
        migrations.AddIndex(
            model_name="landmark",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(Upper("name"), name="text_pattern_ops"),
                name="landmark_name_begins",
            ),
        ),
        migrations.RunPython(mark_stale, migrations.RunPython.noop, elidable=True),
    ]
