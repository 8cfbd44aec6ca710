"""Regions and what comes in: imagery and map snapshots, immutable once imported."""

import hashlib

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.gis.geos import GEOSGeometry

from annotation.common.models import Job, Timestamped
from annotation.sources.base_layers import BaseLayer as BaseLayer


class RegionQuerySet(models.QuerySet["Region"]):
    def visible_to(self, user) -> "RegionQuerySet":
        """Regions that the person may see: all for admins, else the open ones and those they are a member of."""
        if user.is_admin:
            return self
        mine = RegionMember.objects.filter(user=user).values("region")
        return self.filter(models.Q(open_to_all=True) | models.Q(pk__in=mine))


class Region(Timestamped):
    """A part of the Earth that is kept true: an area and the one zoom of its grid."""

    name = models.CharField(max_length=120)
    area = models.MultiPolygonField(srid=4326, null=True, blank=True, help_text="empty until imagery gives it one")
    zoom = models.PositiveSmallIntegerField(null=True, blank=True, help_text="empty until imagery gives it one")
    open_to_all = models.BooleanField(default=False, help_text="every signed-in person may see it")
    first_look = models.BooleanField(
        default=True, help_text="the general model looks at what is imported by itself, until the region has its own"
    )
    second_person = models.BooleanField(
        default=False, db_default=False,
        help_text="a removal leaves only once a second person accepted it too",
    )  # fmt: skip
    confirm_standing = models.BooleanField(
        default=False, db_default=False,
        help_text="one key of the queue says that a building still stands, and its check_date leaves as an edit",
    )  # fmt: skip
    pinned_imagery = models.ForeignKey(
        "Imagery", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="the imagery a person chose to use; empty: the newest",
    )  # fmt: skip
    pinned_snapshot = models.ForeignKey(
        "MapSnapshot", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="the map a person chose to use; empty: the newest",
    )  # fmt: skip
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = RegionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], name="region_name_once"),
            models.CheckConstraint(
                condition=models.Q(zoom__isnull=True) | models.Q(zoom__gte=14, zoom__lte=22),
                name="region_zoom_14_to_22",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RegionMember(models.Model):
    """A person who works on a region."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "user"], name="region_member_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.region_id}"


class SourceState(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class Source(Timestamped):
    """What imagery and map snapshots share: the uploaded file, where it came from, and how its import went."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="%(class)s_set")
    state = models.CharField(max_length=16, choices=SourceState, default=SourceState.PENDING)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    original_name = models.CharField(max_length=255)
    upload_path = models.CharField(
        max_length=500, blank=True, default="", help_text="the file as it came, below the media folder"
    )
    sha256 = models.CharField(max_length=64, blank=True, default="")
    licence = models.CharField(max_length=120)
    attribution = models.CharField(max_length=300)
    repairs = models.JSONField(default=list, help_text="what was mended on import, one sentence each")
    warnings = models.JSONField(default=list, help_text="what will not work with it, one sentence each")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        abstract = True


class Imagery(Source):
    """A georeferenced image, kept as a clean cloud-optimised GeoTIFF in EPSG:3857."""

    captured_on = models.DateField(null=True, blank=True)
    cog_path = models.CharField(max_length=500, blank=True, default="")
    resolution_m = models.FloatField(null=True, help_text="metres on the ground per pixel")
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    footprint = models.MultiPolygonField(srid=4326, null=True, help_text="where the image has data")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="ready") | models.Q(footprint__isnull=False),
                name="imagery_ready_has_a_footprint",
            )
        ]

    def __str__(self) -> str:
        return f"imagery {self.original_name}"


class MapSnapshot(Source):
    """One state of the map, with the ids and versions its edits will need."""

    taken_at = models.DateTimeField(null=True, blank=True, help_text="when the extract was made")
    replication_sequence = models.BigIntegerField(null=True)
    coverage = models.MultiPolygonField(
        srid=4326, null=True, blank=True, help_text="where the map is complete; empty: everywhere"
    )
    counts = models.JSONField(default=dict, help_text="number of features by kind")

    def __str__(self) -> str:
        return f"map {self.original_name}"


class MapObject(models.Model):
    """One building over all snapshots of a region: an OSM element, or a shape where the map gives no id.

    Footprints, suspected changes and edits point here, so that "the same building" is one row whatever map it is in.
    One that came without an id gets it from the first map that has the very outline under one, and keeps both names.
    """

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="map_objects")
    osm_type = models.CharField(max_length=8, blank=True, default="")
    osm_id = models.BigIntegerField(null=True)
    shape = models.CharField(
        max_length=16, blank=True, default="", help_text="digest of its outline in maps that give no id"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["region", "osm_type", "osm_id"],
                condition=models.Q(osm_id__isnull=False),
                name="map_object_by_id",
            ),
            models.UniqueConstraint(
                fields=["region", "shape"], condition=~models.Q(shape=""), name="map_object_by_its_shape"
            ),
            models.CheckConstraint(
                condition=models.Q(osm_id__isnull=False) & ~models.Q(osm_type="")
                | models.Q(osm_id__isnull=True, osm_type="") & ~models.Q(shape=""),
                name="map_object_has_a_name",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """`way/12`, or `shape/` and a digest; the library's key of the same footprint."""
        return f"{self.osm_type}/{self.osm_id}" if self.osm_id is not None else f"shape/{self.shape}"


def shape_key(outline_wkb: bytes) -> str:
    """The key of an element without an id: `shape/` and a digest of its outline."""
    return f"shape/{hashlib.sha256(outline_wkb).hexdigest()[:16]}"


class OsmElement(models.Model):
    """What footprints and other features share: an OSM element with the state an edit must be based on."""

    snapshot = models.ForeignKey(MapSnapshot, on_delete=models.CASCADE, related_name="%(class)s_set")
    osm_type = models.CharField(max_length=8, blank=True, default="")
    osm_id = models.BigIntegerField(null=True)
    version = models.PositiveIntegerField(null=True)
    edited_at = models.DateTimeField(null=True)
    tags = models.JSONField(default=dict)

    class Meta:
        abstract = True

    @property
    def key(self) -> str:
        """`way/12`, or `shape/` and a digest of the outline for an element without an id."""
        if self.osm_id is not None:
            return f"{self.osm_type}/{self.osm_id}"
        outline: GEOSGeometry = self.geometry  # type: ignore[attr-defined]
        return shape_key(bytes(outline.wkb))


class Footprint(OsmElement):
    """A building of the map."""

    object = models.ForeignKey(MapObject, on_delete=models.RESTRICT, related_name="footprints")
    geometry = models.GeometryField(srid=4326)
    nodes = models.JSONField(
        default=list, help_text="[[id, version, lon, lat, kept, tagged], ...] of a way, in order; kept: used elsewhere"
    )
    members = models.JSONField(
        default=list, help_text="[[type, ref, role, tagged as this building too], ...] of a relation, in order"
    )
    ways = models.JSONField(
        null=True,
        help_text="[[id, version, tags, nodes, used by another relation], ...] of a relation's member ways, each once; "
        "kept there: used by more than this relation's ways; empty for ways, and where the import did not keep them",
    )
    in_relation = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "osm_type", "osm_id"], name="footprint_once_per_snapshot")
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def parts(self) -> dict[str, int | None]:
        """Versions of what its outline is made of, by key: nodes, and the member ways of a relation."""
        ways = self.ways or ()
        nodes = [*self.nodes, *(node for way in ways for node in way[3])]
        return {f"way/{way[0]}": way[1] for way in ways} | {f"node/{node[0]}": node[1] for node in nodes}


class FeatureKind(models.TextChoices):
    ROAD = "road"
    RAIL = "rail"
    WATER = "water"
    GREEN = "green"


class MapFeature(OsmElement):
    """Anything of the map that is drawn but is no building."""

    kind = models.CharField(max_length=16, choices=FeatureKind)
    geometry = models.GeometryField(srid=4326)

    class Meta:
        indexes = [models.Index(fields=["snapshot", "kind"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
