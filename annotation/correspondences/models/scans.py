"""Maps that are only pictures."""

from django.conf import settings
from django.db import models

from annotation.common.models import Job, Timestamped
from annotation.sources.models import Imagery, Region


class MapScan(Timestamped):
    """A map that is only a picture: looked for in an imagery as a whole, cut into pairs with it by a job.

    What the job leaves, the pairs and control points that place the picture, lies in the scan's folder; `made` is the
    set's manifest.
    """

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="map_scans")
    imagery = models.ForeignKey(Imagery, on_delete=models.CASCADE, related_name="map_scans")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    original_name = models.CharField(max_length=255)
    upload_path = models.CharField(max_length=500, help_text="the picture as it came, below the media folder")
    points_path = models.CharField(max_length=500, blank=True, default="", help_text="a person's control points")
    sha256 = models.CharField(max_length=64)
    licence = models.CharField(max_length=120)
    attribution = models.CharField(max_length=300)
    options = models.JSONField(default=dict, help_text="ratio, windows and seed, where they were given")
    made = models.JSONField(null=True, help_text="manifest of the set; null until the job has made it")
    placed = models.JSONField(
        null=True, help_text="{outline: GeoJSON of where the picture lies, or null; coarse_rmse_m, pair_rmse_m, pairs}"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["region", "-id"], name="map_scan_list")]

    def __str__(self) -> str:
        return f"map scan {self.original_name}"
