"""Landmarks: named places with their texts and photographs; a photograph may be evidence beside a change."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db.models import Q
from django.db.models.functions import Upper

from annotation.changes.models import Change
from annotation.common.models import Timestamped
from annotation.sources.models import Region

LANDMARKS = "landmarks"
"""The kind of model that finds places, in `settings.MODEL_KINDS`."""


class OfRegionQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> OfRegionQuerySet:
        """Rows of the regions that the person may see."""
        return self.filter(region__in=Region.objects.visible_to(user).values("pk"))


class LandmarkSource(models.TextChoices):
    HAND = "hand"
    CSV = "csv"
    MAP = "map"


class LandmarkQuerySet(OfRegionQuerySet):
    def of_source(self, region: Region, source: LandmarkSource) -> LandmarkQuerySet:
        """Those of a region that came one way, and can be known again by their key."""
        return self.filter(region=region, source=source)

    def locked(self) -> LandmarkQuerySet:
        """As they are now, and nobody else changes them before the transaction ends; always in one order."""
        return self.select_for_update(of=("self",), no_key=True).order_by("pk")


class Landmark(Timestamped):
    """A place that people know by a name. One of the map follows the map until a person changes it."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="landmarks")
    name = models.CharField(max_length=200)
    description = models.TextField(max_length=2000, blank=True, default="")
    point = models.PointField(srid=4326)
    source = models.CharField(max_length=8, choices=LandmarkSource, default=LandmarkSource.HAND)
    key = models.CharField(
        max_length=64, blank=True, default="", help_text="its name where it comes from, such as way/12; empty: none"
    )
    tags = models.JSONField(default=dict, help_text="name, wikidata, tourism and historic of its element of the map")
    edited = models.BooleanField(default=False, help_text="a person changed it: an import leaves it as it is")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = LandmarkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(source__in=LandmarkSource.values), name="landmark_source_known"),
            models.CheckConstraint(condition=~Q(name=""), name="landmark_has_a_name"),
            models.UniqueConstraint(
                fields=["region", "source", "key"], condition=~Q(key=""), name="landmark_key_once_per_source"
            ),
        ]
        indexes = [
            models.Index(fields=["region", "-id"], name="landmark_of_region"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="landmark_name_trigrams"),
            models.Index(OpClass(Upper("name"), name="text_pattern_ops"), name="landmark_name_begins"),
        ]

    def __str__(self) -> str:
        return self.name


class PositionFrom(models.TextChoices):
    NOBODY = "", "nobody"
    PHOTO = "photo"
    PERSON = "person"


class LandmarkPhoto(Timestamped):
    """A photograph from the ground: of a landmark, evidence beside a change, or of a place of the region.

    The file is a small copy without its metadata; of that only what is named here is kept.
    """

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="landmark_photos")
    landmark = models.ForeignKey(Landmark, null=True, blank=True, on_delete=models.CASCADE, related_name="photos")
    change = models.ForeignKey(
        Change, null=True, blank=True, on_delete=models.SET_NULL, related_name="photos",
        help_text="the suggestion that it is evidence for or against",
    )  # fmt: skip
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    sha256 = models.CharField(max_length=64, help_text="of the file as it came")
    original_name = models.CharField(max_length=255)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    point = models.PointField(srid=4326, null=True, blank=True, help_text="where it was taken")
    position_from = models.CharField(max_length=8, choices=PositionFrom, blank=True, default=PositionFrom.NOBODY)
    accuracy_m = models.FloatField(null=True, blank=True, help_text="how far off the position may be")
    direction_deg = models.FloatField(null=True, blank=True, help_text="where it looks, clockwise from north")
    taken_at = models.DateTimeField(null=True, blank=True)
    camera = models.CharField(max_length=120, blank=True, default="", help_text="make and model")
    caption = models.CharField(max_length=300, blank=True, default="")
    licence = models.CharField(max_length=120, blank=True, default="")
    attribution = models.CharField(max_length=300, blank=True, default="")
    warnings = models.JSONField(default=list, help_text="what is odd about it, one sentence each")

    objects = OfRegionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(landmark__isnull=True) | Q(change__isnull=True), name="landmark_photo_shows_one_thing"
            ),
            models.CheckConstraint(
                condition=Q(direction_deg__isnull=True) | Q(direction_deg__gte=0, direction_deg__lt=360),
                name="landmark_photo_direction",
            ),
            models.CheckConstraint(
                condition=Q(position_from="", point__isnull=True)
                | Q(position_from__in=["photo", "person"], point__isnull=False),
                name="landmark_photo_position_says_whose",
            ),
            models.CheckConstraint(
                condition=Q(accuracy_m__isnull=True) | Q(accuracy_m__gt=0), name="landmark_photo_accuracy_positive"
            ),
        ]
        indexes = [
            models.Index(fields=["region", "-id"], name="landmark_photo_of_region"),
            models.Index(fields=["region", "sha256"], name="landmark_photo_by_content"),
        ]

    def __str__(self) -> str:
        return f"photo {self.original_name}"
