import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("sources", "0004_objects_of_footprints")]

    operations = [
        migrations.AlterField(
            model_name="footprint",
            name="object",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.RESTRICT, related_name="footprints", to="sources.mapobject"
            ),
        ),
    ]
