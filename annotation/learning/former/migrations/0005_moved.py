from django.db import migrations


class Migration(migrations.Migration):
    """Nothing is left of the former app but its past: the tables belong to `learning`."""

    dependencies = [
        ("training", "0004_anchor_counts"),
        ("learning", "0001_initial"),
        ("consistency", "0004_model_of_learning"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(name="Evaluation"),
                migrations.DeleteModel(name="ModelVersion"),
                migrations.DeleteModel(name="TrainingRun"),
                migrations.DeleteModel(name="DataSet"),
            ]
        )
    ]
