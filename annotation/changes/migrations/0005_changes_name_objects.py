from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("changes", "0004_objects_of_changes")]

    operations = [
        migrations.AddConstraint(
            model_name='change',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'add'), models.Q(('footprint__isnull', False), ('object__isnull', False)), _connector='OR'), name='change_of_a_footprint_names_it'),
        ),
    ]
