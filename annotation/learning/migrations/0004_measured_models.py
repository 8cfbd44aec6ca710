from django.db import migrations

KEEP = """
UPDATE learning_modelversion AS model
SET measured = jsonb_build_object('tiles', figure -> 'count') || (figure -> 'first')
FROM (
    SELECT DISTINCT ON (model_id) model_id, figures FROM learning_evaluation
    WHERE finished_at IS NOT NULL ORDER BY model_id, id DESC
) AS newest, jsonb_array_elements(newest.figures) AS figure
WHERE newest.model_id = model.id AND figure ->> 'name' = 'tile_auroc' AND jsonb_typeof(figure -> 'first') = 'object'
"""


class Migration(migrations.Migration):
    """Models say themselves what their newest comparison measured; a region has a handful of them."""

    dependencies = [("learning", "0003_measured")]

    operations = [migrations.RunSQL(KEEP, migrations.RunSQL.noop)]
