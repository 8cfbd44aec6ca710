"""Tiles of a region's grid, and the image-map pairs made on them."""

from django.contrib.gis.db import models

from annotation.sources.models import Imagery, MapSnapshot, Region


class Tile(models.Model):
    """One address of a region's grid."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="tiles")
    z = models.PositiveSmallIntegerField()
    x = models.PositiveIntegerField()
    y = models.PositiveIntegerField()
    geometry = models.PolygonField(srid=4326)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "z", "x", "y"], name="tile_once_per_region")]

    def __str__(self) -> str:
        return f"{self.z}/{self.x}/{self.y}"


class TilePair(models.Model):
    """One imagery and one snapshot on one tile; everything derived points here."""

    tile = models.ForeignKey(Tile, on_delete=models.CASCADE, related_name="pairs")
    imagery = models.ForeignKey(Imagery, on_delete=models.CASCADE, related_name="pairs")
    snapshot = models.ForeignKey(MapSnapshot, on_delete=models.CASCADE, related_name="pairs")
    valid_share = models.FloatField(help_text="share of the tile where the image has data, 0..1")
    mapped = models.BooleanField(help_text="inside the part where the map is complete")
    buildings = models.PositiveIntegerField(default=0, help_text="buildings of the map that meet the tile")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tile", "imagery", "snapshot"], name="pair_once"),
            models.CheckConstraint(condition=models.Q(valid_share__gte=0, valid_share__lte=1), name="pair_valid_share"),
        ]
        indexes = [models.Index(fields=["imagery", "snapshot"])]

    def __str__(self) -> str:
        return f"pair {self.tile_id}"
