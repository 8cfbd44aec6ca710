"""Images without a place: the uploads, what they say of where they were taken, and where they may lie."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.gis.db import models
from django.db.models import Q

from annotation.common.models import Job, Timestamped
from annotation.geolocation.models.references import ReferenceBase, ReferenceSet
from annotation.sources.models import Imagery, MapSnapshot, Region


def _visible(user: Any, prefix: str = "") -> Q:
    """Images of the person, and of regions that the person may see."""
    if user.is_admin:
        return Q()
    regions = Region.objects.visible_to(user).values("pk")
    return Q(**{f"{prefix}owner": user}) | Q(**{f"{prefix}region__in": regions})


class FlightQuerySet(models.QuerySet["Flight"]):
    def visible_to(self, user: Any) -> FlightQuerySet:
        """The person's own flights; all for admins."""
        return self if user.is_admin else self.filter(owner=user)


class Flight(Timestamped):
    """Frames that were taken one after the other: where one lies says about where its neighbours do."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="flights")
    name = models.CharField(max_length=120)

    objects = FlightQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="flight_name_once_per_person")]

    def __str__(self) -> str:
        return self.name


class ImageState(models.TextChoices):
    UPLOADED = "uploaded"
    SEARCHING = "searching"
    CANDIDATES = "candidates"
    PLACED = "placed"
    NOT_FOUND = "not_found"
    REJECTED = "rejected"
    FAILED = "failed"


class PriorKind(models.TextChoices):
    NONE = "none"
    EXIF = "exif"
    XMP = "xmp"
    FLIGHT = "flight"
    PERSON = "person"


class UnplacedImageQuerySet(models.QuerySet["UnplacedImage"]):
    def visible_to(self, user: Any) -> UnplacedImageQuerySet:
        """The person's own images and those of regions that they may see; all for admins."""
        return self.filter(_visible(user))


class UnplacedImage(Timestamped):
    """An image whose place is looked for. Of its metadata only what is named here is kept: no serials, no names."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="unplaced_images")
    region = models.ForeignKey(
        Region, null=True, blank=True, on_delete=models.SET_NULL, related_name="unplaced_images",
        help_text="where it is looked for, and becomes imagery; empty: everywhere the owner may see",
    )  # fmt: skip
    flight = models.ForeignKey(Flight, null=True, blank=True, on_delete=models.SET_NULL, related_name="images")
    path = models.CharField(max_length=500, help_text="the picture without its metadata, below the media folder")
    sha256 = models.CharField(max_length=64, help_text="of the file as it came")
    original_name = models.CharField(max_length=255)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    licence = models.CharField(max_length=120, blank=True, default="")
    attribution = models.CharField(max_length=300, blank=True, default="")
    prior_point = models.PointField(srid=4326, null=True, blank=True)
    prior_altitude_m = models.FloatField(null=True, blank=True, help_text="above the ground, as far as it is known")
    prior_heading_deg = models.FloatField(null=True, blank=True, help_text="of the image's top, clockwise from north")
    prior_accuracy_m = models.FloatField(null=True, blank=True, help_text="radius about the point")
    prior_resolution_m = models.FloatField(null=True, blank=True, help_text="ground per pixel, by height and lens")
    prior_kind = models.CharField(max_length=16, choices=PriorKind, default=PriorKind.NONE)
    prior_trust = models.FloatField(default=0.0, help_text="0: not used; 1: bounds the search")
    captured_at = models.DateTimeField(null=True, blank=True)
    camera = models.CharField(max_length=120, blank=True, default="", help_text="make and model")
    warnings = models.JSONField(default=list, help_text="what is odd about it, one sentence each")
    state = models.CharField(max_length=16, choices=ImageState, default=ImageState.UPLOADED)
    error_code = models.CharField(max_length=64, blank=True, default="", help_text="why it failed or was not found")
    error_detail = models.CharField(max_length=500, blank=True, default="")
    imagery = models.OneToOneField(
        Imagery, null=True, blank=True, on_delete=models.SET_NULL, related_name="placed_from",
        help_text="what it became once a person confirmed its place",
    )  # fmt: skip
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = UnplacedImageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ImageState.values), name="unplaced_image_state_known"),
            models.CheckConstraint(condition=Q(prior_kind__in=PriorKind.values), name="unplaced_image_prior_known"),
            models.CheckConstraint(
                condition=Q(prior_kind="none", prior_point__isnull=True)
                | ~Q(prior_kind="none") & Q(prior_point__isnull=False),
                name="unplaced_image_prior_has_its_point",
            ),
            models.CheckConstraint(
                condition=Q(prior_trust__gte=0, prior_trust__lte=1), name="unplaced_image_trust_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(prior_accuracy_m__isnull=True) | Q(prior_accuracy_m__gt=0),
                name="unplaced_image_accuracy_positive",
            ),
            models.CheckConstraint(
                condition=Q(imagery__isnull=True) | Q(state="placed"), name="unplaced_image_imagery_once_placed"
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="unplaced_image_of_owner"),
            models.Index(fields=["region", "-id"], name="unplaced_image_of_region"),
            models.Index(fields=["state", "-id"], name="unplaced_image_by_state"),
            models.Index(fields=["flight", "captured_at", "id"], name="unplaced_image_of_flight"),
            models.Index(fields=["sha256"], name="unplaced_image_by_content"),
        ]

    def __str__(self) -> str:
        return f"image {self.original_name}"


class CandidateState(models.TextChoices):
    PROPOSED = "proposed"
    CHOSEN = "chosen"
    REJECTED = "rejected"


class Against(models.TextChoices):
    BASE = "base"
    MAP = "map"


class PlacementCandidateQuerySet(models.QuerySet["PlacementCandidate"]):
    def visible_to(self, user: Any) -> PlacementCandidateQuerySet:
        """Candidates of images that the person may see, on reference imagery and maps that they may see.

        What was matched with imagery or a map whose region or set is gone is left to admins.
        """
        if user.is_admin:
            return self
        sets = ReferenceSet.objects.visible_to(user).values("pk")
        regions = Region.objects.visible_to(user).values("pk")
        return self.filter(_visible(user, "image__"), Q(by_hand=True) | Q(region__in=regions) | Q(set__in=sets))


class PlacementCandidate(Timestamped):
    """One place where an image may lie, on a base or on the map of a region, and what a person said of it.

    Who may see it is said by the region whose imagery or map it was matched with, or by the registered set: both are
    kept beside base, imagery and snapshot, which may be deleted.

    Where it lies is the homography (pixels of the image to pixels of what it was matched with) followed by
    `transform` (those to EPSG:3857); both stay when the base goes.
    """

    image = models.ForeignKey(UnplacedImage, on_delete=models.CASCADE, related_name="candidates")
    rank = models.PositiveSmallIntegerField(help_text="1: the most likely")
    against = models.CharField(max_length=8, choices=Against, default=Against.BASE)
    base = models.ForeignKey(ReferenceBase, null=True, on_delete=models.SET_NULL, related_name="candidates")
    region = models.ForeignKey(
        Region, null=True, on_delete=models.SET_NULL, related_name="+",
        help_text="whose imagery or map it was matched with: says who sees it",
    )  # fmt: skip
    set = models.ForeignKey(
        ReferenceSet, null=True, on_delete=models.SET_NULL, related_name="+",
        help_text="the registered set that it was matched with: says who sees it",
    )  # fmt: skip
    by_hand = models.BooleanField(default=False, help_text="a person said it, and it was matched with nothing")
    snapshot = models.ForeignKey(MapSnapshot, null=True, on_delete=models.SET_NULL, related_name="+")
    imagery = models.ForeignKey(
        Imagery, null=True, on_delete=models.SET_NULL, related_name="+", help_text="that it was matched with"
    )
    agreeing = models.PositiveIntegerField(null=True, help_text="points that agree; empty: nobody counted them")
    asked = models.PositiveIntegerField(null=True, help_text="points that were compared")
    title = models.CharField(max_length=200, help_text="what it was matched with, in words, with its attribution")
    transform = models.JSONField(help_text="[a, b, c, d, e, f]: pixels of the base or map picture to EPSG:3857")
    homography = models.JSONField(help_text="3x3 rows, pixels of the image to pixels of the base or map picture")
    covariance = models.JSONField(null=True, help_text="8x8 rows, of the first eight entries with the ninth 1")
    footprint = models.MultiPolygonField(srid=4326)
    score = models.FloatField()
    probability = models.FloatField()
    log10_nfa = models.FloatField(null=True)
    rmse_m = models.FloatField(null=True, help_text="root mean square of what its points are off, on the ground")
    points = models.JSONField(default=list, help_text="[[image x, y, base x, y, confidence], ...]")
    adjusted = models.JSONField(null=True, help_text="a person's points and homography in place of the proposed ones")
    state = models.CharField(max_length=16, choices=CandidateState, default=CandidateState.PROPOSED)
    reason = models.CharField(max_length=64, blank=True, default="", help_text="why it was rejected")
    model_digest = models.CharField(max_length=64, blank=True, default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects = PlacementCandidateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "rank"], name="placement_rank_once"),
            models.UniqueConstraint(fields=["image"], condition=Q(state="chosen"), name="placement_one_is_chosen"),
            models.CheckConstraint(condition=Q(state__in=CandidateState.values), name="placement_state_known"),
            models.CheckConstraint(
                condition=Q(against="base", snapshot__isnull=True) | Q(against="map", base__isnull=True),
                name="placement_on_a_base_or_a_map",
            ),
            models.CheckConstraint(
                condition=Q(by_hand=False)
                | Q(
                    base__isnull=True,
                    imagery__isnull=True,
                    snapshot__isnull=True,
                    region__isnull=True,
                    set__isnull=True,
                ),
                name="placement_by_hand_lies_on_nothing",
            ),
            models.CheckConstraint(
                condition=Q(region__isnull=True) | Q(set__isnull=True), name="placement_seen_by_one_word"
            ),
            models.CheckConstraint(
                condition=Q(probability__gte=0, probability__lte=1), name="placement_probability_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(state="proposed") | Q(decided_at__isnull=False), name="placement_decided_says_when"
            ),
        ]

    def __str__(self) -> str:
        return f"place {self.rank} of image {self.image_id}"
