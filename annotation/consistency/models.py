"""Scans: a match score for every tile of a region."""

from django.conf import settings
from django.db import models

from annotation.common.models import Job, Timestamped
from annotation.learning.models import ModelVersion
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.tiles.models import TilePair


class ScanState(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class Scan(Timestamped):
    """One pass of one model over the pairs of one imagery and one snapshot."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="scans")
    model = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="scans")
    imagery = models.ForeignKey(Imagery, on_delete=models.CASCADE, related_name="+")
    snapshot = models.ForeignKey(MapSnapshot, on_delete=models.CASCADE, related_name="+")
    include_unmapped = models.BooleanField(
        default=False, help_text="also tiles where the map is known to be incomplete"
    )
    state = models.CharField(max_length=16, choices=ScanState, default=ScanState.PENDING)
    evidence_path = models.CharField(
        max_length=500, blank=True, default="", help_text="GeoTIFF of building evidence per pixel"
    )
    offset_east_m = models.FloatField(
        null=True, help_text="how far the image lies to the east of the map in the region as a whole, metres"
    )
    offset_north_m = models.FloatField(null=True, help_text="the same to the north")
    offset_confidence = models.FloatField(null=True, help_text="how surely one offset holds for the region, 0..1")
    offset_tiles = models.PositiveIntegerField(null=True, help_text="tiles whose own shift agrees with the offset")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return f"scan {self.pk}"


class ShiftOrigin(models.TextChoices):
    """Where a tile's shift comes from: people, a matcher, the scan's own measurement of it, or other tiles."""

    VERIFIED = "verified"
    MATCHED = "matched"
    MEASURED = "measured"
    NEIGHBOURS = "neighbours"
    REGION = "region"
    NONE = "none"


class TileScore(models.Model):
    """How well image and map agree on one tile; `probability` near 1 = they agree (U-CSA Eq. 8-10, then calibrated)."""

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="scores")
    pair = models.ForeignKey(TilePair, on_delete=models.CASCADE, related_name="scores")
    fold = models.PositiveSmallIntegerField(
        null=True,
        help_text="the fold held out of the model that scored it; empty: the mean of all",
    )
    disc = models.FloatField()
    proto = models.FloatField()
    final = models.FloatField()
    difference = models.FloatField(help_text="building evidence against the map")
    probability = models.FloatField()
    shift_east_m = models.FloatField(null=True, help_text="how far the image lies to the east of the map here, metres")
    shift_north_m = models.FloatField(null=True, help_text="the same to the north")
    shift_confidence = models.FloatField(null=True, help_text="probability that the shift is right, 0..1")
    shift_origin = models.CharField(max_length=16, choices=ShiftOrigin, default=ShiftOrigin.NONE)
    shift_transform = models.JSONField(
        null=True, help_text="{kind, parameters, covariance} at 256 px, where the map was turned or scaled as well"
    )

    outdated = models.BooleanField(
        default=False, help_text="people say otherwise by now where the image shows the map here: to be scored anew"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scan", "pair"], name="tile_score_once_per_scan"),
            models.CheckConstraint(
                condition=models.Q(probability__gte=0, probability__lte=1), name="tile_score_probability"
            ),
        ]
        indexes = [
            models.Index(fields=["scan", "probability"]),
            models.Index(fields=["scan"], condition=models.Q(outdated=True), name="tile_score_outdated"),
        ]

    def __str__(self) -> str:
        return f"{self.probability:.2f}"
