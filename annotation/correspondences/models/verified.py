"""What people stand by, in the few numbers that are counted and chosen by."""

from django.db import models

from annotation.correspondences.models.proposals import Correspondences


class VerifiedPlace(models.Model):
    """A proposal that a person verified or corrected: its tile and its sources, without foreign keys.

    Written with every answer, in its transaction (`services/settle`). Matchers learn from these places, and what they
    would learn is counted here: a row of these is a few numbers, of the proposals some thousand bytes on three tables.
    """

    correspondences = models.OneToOneField(
        Correspondences, on_delete=models.CASCADE, primary_key=True, related_name="verified_place"
    )
    region_id = models.BigIntegerField()
    imagery_id = models.BigIntegerField()
    snapshot_id = models.BigIntegerField(null=True, help_text="the map; null where it is a scan")
    pair_id = models.BigIntegerField(null=True, help_text="null where the map is a scan")
    scan_id = models.BigIntegerField(null=True)
    tile_id = models.BigIntegerField()
    z = models.PositiveSmallIntegerField()
    x = models.IntegerField()
    y = models.IntegerField()
    corrected = models.BooleanField(help_text="a person set its points")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(pair_id__isnull=False, snapshot_id__isnull=False, scan_id__isnull=True)
                | models.Q(pair_id__isnull=True, snapshot_id__isnull=True, scan_id__isnull=False),
                name="verified_place_of_a_map_or_a_scan",
            )
        ]

    def __str__(self) -> str:
        return f"verified place {self.z}/{self.x}/{self.y}"
