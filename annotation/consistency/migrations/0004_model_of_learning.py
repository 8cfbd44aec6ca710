import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The table has only got another name, and its foreign keys went along."""

    dependencies = [
        ("consistency", "0003_shifts"),
        ("learning", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="scan",
                    name="model",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scans", to="learning.modelversion"
                    ),
                )
            ]
        )
    ]
