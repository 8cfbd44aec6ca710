"""Reference imagery: sets that an admin registers, those of regions, and the bases that all are cut into."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.gis.db import models
from django.db.models import Q

from annotation.common.models import Job, Timestamped
from annotation.sources.models import Imagery, Region


class ReferenceKind(models.TextChoices):
    FILES = "files"
    TILES = "tiles"
    REGION = "region"


class ReferenceState(models.TextChoices):
    REGISTERED = "registered"
    CUTTING = "cutting"
    READY = "ready"
    FAILED = "failed"


class ReferenceSetQuerySet(models.QuerySet["ReferenceSet"]):
    def visible_to(self, user: Any) -> ReferenceSetQuerySet:
        """Sets the person may see: all for admins, else those of their regions, open ones and those they are given."""
        if user.is_admin:
            return self
        of_regions = Q(kind=ReferenceKind.REGION, region__in=Region.objects.visible_to(user).values("pk"))
        given = Q(pk__in=ReferenceSet.viewers.through.objects.filter(user=user).values("referenceset"))
        return self.filter(of_regions | ~Q(kind=ReferenceKind.REGION) & (Q(open_to_all=True) | given))

    def registered(self) -> ReferenceSetQuerySet:
        """Sets that an admin registered; regions have theirs by themselves."""
        return self.exclude(kind=ReferenceKind.REGION)


class ReferenceSet(Timestamped):
    """Imagery that images without a place are looked for in: files, tiles of a server, or that of a region.

    Who may see the set of a region is said by the region, of the others by `open_to_all` and `viewers`.
    """

    name = models.CharField(max_length=120, help_text="of a region: the region's name when it was made")
    kind = models.CharField(max_length=16, choices=ReferenceKind)
    region = models.OneToOneField(Region, null=True, on_delete=models.CASCADE, related_name="reference_set")
    url_template = models.CharField(
        max_length=500, blank=True, default="", help_text="https, with {z}, {x} and {y}, or {TileMatrix}, ... of WMTS"
    )
    zoom = models.PositiveSmallIntegerField(null=True, blank=True, help_text="the zoom that its tiles are fetched at")
    licence = models.CharField(max_length=120)
    attribution = models.CharField(max_length=300)
    resolution_m = models.FloatField(null=True, blank=True, help_text="metres on the ground per pixel of its bases")
    area = models.MultiPolygonField(srid=4326, null=True, blank=True, help_text="where it has imagery")
    open_to_all = models.BooleanField(default=False, help_text="every signed-in person may see it")
    viewers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    state = models.CharField(max_length=16, choices=ReferenceState, default=ReferenceState.REGISTERED)
    error = models.CharField(max_length=500, blank=True, default="", help_text="why it failed, and the remedy")
    base_count = models.PositiveIntegerField(default=0, help_text="kept by the job that cuts it")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = ReferenceSetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=~Q(kind="region"), name="reference_set_name_once"),
            models.CheckConstraint(condition=Q(kind__in=ReferenceKind.values), name="reference_set_kind_known"),
            models.CheckConstraint(condition=Q(state__in=ReferenceState.values), name="reference_set_state_known"),
            models.CheckConstraint(
                condition=Q(kind=ReferenceKind.REGION, region__isnull=False)
                | ~Q(kind=ReferenceKind.REGION) & Q(region__isnull=True),
                name="reference_set_of_a_region_names_it",
            ),
            models.CheckConstraint(
                condition=Q(kind=ReferenceKind.TILES, zoom__isnull=False, area__isnull=False) & ~Q(url_template="")
                | ~Q(kind=ReferenceKind.TILES) & Q(url_template="", zoom__isnull=True),
                name="reference_set_of_tiles_says_where",
            ),
            models.CheckConstraint(
                condition=Q(resolution_m__isnull=True) | Q(resolution_m__gt=0), name="reference_set_resolution_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ReferenceFile(Timestamped):
    """A raster of a set of files: as it came, then as a clean cloud-optimised GeoTIFF in EPSG:3857."""

    set = models.ForeignKey(ReferenceSet, on_delete=models.CASCADE, related_name="files")
    original_name = models.CharField(max_length=255)
    upload_path = models.CharField(
        max_length=500, blank=True, default="", help_text="as it was uploaded, below the media folder"
    )
    server_path = models.CharField(
        max_length=500, blank=True, default="", help_text="where it lies in the folder for reference imagery"
    )
    cog_path = models.CharField(
        max_length=500, blank=True, default="", help_text="below the media folder; empty: not read yet"
    )
    sha256 = models.CharField(max_length=64)
    warnings = models.JSONField(default=list, help_text="what was mended or will not work, one sentence each")
    error = models.CharField(max_length=500, blank=True, default="", help_text="why it can't be read, and the remedy")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["set", "sha256"], name="reference_file_once_per_set")]

    def __str__(self) -> str:
        return f"reference file {self.original_name}"


class BaseState(models.TextChoices):
    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class ReferenceBaseQuerySet(models.QuerySet["ReferenceBase"]):
    def visible_to(self, user: Any) -> ReferenceBaseQuerySet:
        """Bases of the sets that the person may see."""
        if user.is_admin:
            return self
        return self.filter(set__in=ReferenceSet.objects.visible_to(user).values("pk"))

    def usable(self) -> ReferenceBaseQuerySet:
        """Bases that are not known to be unreadable."""
        return self.exclude(state=BaseState.FAILED)


class ReferenceBase(models.Model):
    """A piece of a set that images are matched with: where it lies, how it is read, whether its features are built.

    `name` is the name it has in every feature database (mlcore's `Base.name`).
    """

    set = models.ForeignKey(ReferenceSet, on_delete=models.CASCADE, related_name="bases")
    imagery = models.ForeignKey(Imagery, null=True, on_delete=models.CASCADE, related_name="reference_bases")
    file = models.ForeignKey(ReferenceFile, null=True, on_delete=models.CASCADE, related_name="bases")
    name = models.CharField(max_length=120)
    footprint = models.MultiPolygonField(srid=4326)
    transform = models.JSONField(
        help_text="[a, b, c, d, e, f]: x = a*col + b*row + c, y = d*col + e*row + f, EPSG:3857"
    )
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    source = models.CharField(
        max_length=200, blank=True, default="", help_text="tiles: z/x/y of the first and how many; else empty"
    )
    digest = models.CharField(max_length=64, help_text="of what it is cut from; another one makes another base")
    state = models.CharField(max_length=16, choices=BaseState, default=BaseState.WAITING)
    error = models.CharField(max_length=300, blank=True, default="", help_text="why it can't be read")

    objects = ReferenceBaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], name="reference_base_name_once"),
            models.CheckConstraint(condition=Q(state__in=BaseState.values), name="reference_base_state_known"),
            models.CheckConstraint(condition=Q(width__gt=0, height__gt=0), name="reference_base_has_a_size"),
            models.CheckConstraint(
                condition=Q(imagery__isnull=True) | Q(file__isnull=True), name="reference_base_has_one_source"
            ),
        ]
        indexes = [
            models.Index(fields=["set", "id"], name="reference_base_list"),
            models.Index(fields=["state", "set", "id"], name="reference_base_by_state"),
        ]

    def __str__(self) -> str:
        return self.name
