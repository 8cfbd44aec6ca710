"""Imagery of other servers that people look at beside ours: never compared, never stored, only shown by the browser."""

from __future__ import annotations

import re

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from annotation.common.models import Timestamped
from annotation.sources.layer_address import sources_of

CAPTURED = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


class LayerKind(models.TextChoices):
    XYZ = "xyz", "tiles (XYZ or TMS)"
    WMS = "wms", "WMS"


class OsmUse(models.TextChoices):
    """What the licence says of edits of OpenStreetMap that are made by looking at the layer."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"


class BaseLayerQuerySet(models.QuerySet["BaseLayer"]):
    def for_region(self, region_id: int) -> BaseLayerQuerySet:
        """Those of the region and those of every region, in the order they are offered."""
        return self.filter(models.Q(region=region_id) | models.Q(region=None)).order_by("title", "pk")


class BaseLayer(Timestamped):
    """A layer of another server, of one region or, without one, of all."""

    region = models.ForeignKey(
        "sources.Region", null=True, blank=True, on_delete=models.CASCADE, related_name="base_layers",
        help_text="empty: offered in every region",
    )  # fmt: skip
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=LayerKind, default=LayerKind.XYZ)
    template = models.CharField(max_length=1000, help_text="https, with {z}, {x} and {y} or {-y}; of a WMS {bbox}")
    attribution = models.CharField(max_length=300)
    attribution_url = models.URLField(max_length=500, blank=True, default="")
    licence = models.CharField(max_length=120)
    osm_use = models.CharField(
        max_length=16, choices=OsmUse, default=OsmUse.UNKNOWN, help_text="whether OSM may be edited by looking at it"
    )
    min_zoom = models.PositiveSmallIntegerField(default=0)
    max_zoom = models.PositiveSmallIntegerField(default=22, help_text="closer, its last zoom is drawn larger")
    captured = models.CharField(
        max_length=10, blank=True, default="", validators=[RegexValidator(rf"\A(?:{CAPTURED.pattern})\Z")],
        help_text="a year, month or day",
    )  # fmt: skip
    east_m = models.FloatField(default=0.0, help_text="it is drawn so many metres further to the east")
    north_m = models.FloatField(default=0.0, help_text="and to the north")
    index_id = models.CharField(max_length=120, blank=True, default="", help_text="its id in the editor-layer-index")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = BaseLayerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "title"], nulls_distinct=False, name="base_layer_once_by_title"),
            models.CheckConstraint(condition=models.Q(kind__in=LayerKind.values), name="base_layer_kind_known"),
            models.CheckConstraint(condition=models.Q(osm_use__in=OsmUse.values), name="base_layer_osm_use_known"),
            models.CheckConstraint(
                condition=models.Q(min_zoom__lte=models.F("max_zoom"), max_zoom__lte=24), name="base_layer_zooms"
            ),
            models.CheckConstraint(
                condition=models.Q(east_m__range=(-100, 100), north_m__range=(-100, 100)), name="base_layer_offset"
            ),
            models.CheckConstraint(
                condition=models.Q(template__regex=r"^https?://"), name="base_layer_template_is_an_address"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def hosts(self) -> list[str]:
        """The origins of its tiles, as a content security policy names them."""
        return sources_of(self.template)
