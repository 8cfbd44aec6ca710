"""Places that were found before they kept who may see them: what they lie on says it, where it is still there.

Of those whose imagery, base or map is gone nobody can say it any more: they are left to admins.
"""

from django.db import migrations

PLACES = "geolocation_placementcandidate"
FILL = [
    f"""
    UPDATE {PLACES} place SET region_id = imagery.region_id FROM sources_imagery imagery
    WHERE imagery.id = place.imagery_id AND place.region_id IS NULL
    """,
    f"""
    UPDATE {PLACES} place SET region_id = of_set.region_id
    FROM geolocation_referencebase base JOIN geolocation_referenceset of_set ON of_set.id = base.set_id
    WHERE base.id = place.base_id AND place.region_id IS NULL
    """,
    f"""
    UPDATE {PLACES} place SET set_id = base.set_id FROM geolocation_referencebase base
    WHERE base.id = place.base_id AND place.region_id IS NULL
    """,
    f"""
    UPDATE {PLACES} SET by_hand = true
    WHERE title = 'placed by hand' AND against = 'base' AND agreeing IS NULL AND model_digest = ''
    AND base_id IS NULL AND imagery_id IS NULL AND region_id IS NULL AND set_id IS NULL AND snapshot_id IS NULL
    """,
]
EMPTY = [f"UPDATE {PLACES} SET region_id = NULL WHERE against = 'base'"]


class Migration(migrations.Migration):
    dependencies = [("geolocation", "0003_who_sees_a_place"), ("sources", "0008_first_look")]

    operations = [migrations.RunSQL(FILL, EMPTY)]
