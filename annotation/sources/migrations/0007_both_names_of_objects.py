from django.db import migrations, models


class Migration(migrations.Migration):
    """An object that came without an id keeps the digest of its outline once a map gives it one."""

    dependencies = [("sources", "0006_warnings")]

    operations = [
        migrations.RemoveConstraint(model_name="mapobject", name="map_object_by_shape"),
        migrations.RemoveConstraint(model_name="mapobject", name="map_object_has_one_name"),
        migrations.AlterField(
            model_name="mapobject",
            name="shape",
            field=models.CharField(
                blank=True, default="", help_text="digest of its outline in maps that give no id", max_length=16
            ),
        ),
        migrations.AlterField(
            model_name="footprint",
            name="members",
            field=models.JSONField(
                default=list, help_text="[[type, ref, role, tagged as this building too], ...] of a relation, in order"
            ),
        ),
        migrations.AddConstraint(
            model_name="mapobject",
            constraint=models.UniqueConstraint(
                condition=models.Q(("shape", ""), _negated=True),
                fields=("region", "shape"),
                name="map_object_by_its_shape",
            ),
        ),
        migrations.AddConstraint(
            model_name="mapobject",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("osm_id__isnull", False), models.Q(("osm_type", ""), _negated=True)),
                    models.Q(("osm_id__isnull", True), ("osm_type", ""), models.Q(("shape", ""), _negated=True)),
                    _connector="OR",
                ),
                name="map_object_has_a_name",
            ),
        ),
    ]
