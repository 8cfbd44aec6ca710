"""Correspondences: the control points of an image-map pair, and the transform that stands on them.

All pixels are those of the tile at 256 px, x to the east and y to the south; a transform brings points of the map to
where the image shows them.
"""

from django.db import models
from django.db.models import F, Q

from annotation.common.models import Job, Timestamped
from annotation.review.models import QueueItem
from annotation.sources.models import Imagery, Region
from annotation.tiles.models import Tile, TilePair

NEAREST_PX, FARTHEST_PX = -256.0, 512.0
"""A control point lies on its tile or on a neighbour of it."""


class CorrespondencesState(models.TextChoices):
    PROPOSED = "proposed"
    VERIFIED = "verified"
    CORRECTED = "corrected"
    REJECTED = "rejected"


IN_FORCE = (CorrespondencesState.VERIFIED, CorrespondencesState.CORRECTED)
"""A person, or the gate that an administrator set, stands by the transform."""


class TransformKind(models.TextChoices):
    SHIFT = "shift"
    SIMILARITY = "similarity"
    AFFINE = "affine"
    HOMOGRAPHY = "homography"


class PointOrigin(models.TextChoices):
    AUTO = "auto"
    MANUAL = "manual"


class PointRole(models.TextChoices):
    FIT = "fit"
    CHECK = "check"


def _whole(prefix: str) -> Q:
    """The transform of these columns is there, with its parameters and covariance."""
    there = {f"{prefix}parameters__isnull": False, f"{prefix}covariance__isnull": False}
    return Q(**{f"{prefix}kind__in": TransformKind.values}, **there)


def _none(prefix: str) -> Q:
    """There is no transform in these columns."""
    return Q(**{f"{prefix}kind": "", f"{prefix}parameters__isnull": True, f"{prefix}covariance__isnull": True})


class Correspondences(Timestamped):
    """What one matcher says of one pair, and what people made of that.

    The matcher's transform, or why it found none, never changes; a correction is kept beside it. A pair has one
    proposal for every matcher and weights that looked at it.

    The map of a pair is a snapshot's, or else a scan of a map: then there is no pair, but the scan and the tile. Reads
    of what is known of a region's own map ask by the pair, and so never meet a scan's.
    """

    region = models.ForeignKey(
        Region, on_delete=models.CASCADE, related_name="correspondences", db_index=False,
        help_text="the pair's, so that lists of a region walk one index",
    )  # fmt: skip
    pair = models.ForeignKey(
        TilePair, null=True, on_delete=models.CASCADE, related_name="correspondences", db_index=False
    )
    scan = models.ForeignKey(
        "MapScan", null=True, on_delete=models.CASCADE, related_name="proposals", db_index=False,
        help_text="whose picture is the map, brought onto the tile by the scan's coarse homography",
    )  # fmt: skip
    scan_tile = models.ForeignKey(Tile, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    matcher = models.CharField(max_length=64)
    matcher_digest = models.CharField(
        max_length=64, help_text="SHA-256 of the weights, or the version of the library that matched"
    )
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    transform_kind = models.CharField(max_length=16, choices=TransformKind, blank=True, default="")
    transform_parameters = models.JSONField(null=True)
    transform_covariance = models.JSONField(null=True)
    inliers = models.PositiveIntegerField(default=0, help_text="points that agree with the transform")
    needed_inliers = models.PositiveIntegerField(default=0, help_text="as many as chance does not explain")
    log10_nfa = models.FloatField(null=True, help_text="of fits by chance as good as this; null: no fit at all")
    rmse_m = models.FloatField(null=True, help_text="of the inliers, metres on the ground")
    refused = models.CharField(max_length=300, blank=True, default="", help_text="why there is no match, in words")
    passed_gate = models.BooleanField(default=False, help_text="verified by the gate of the settings, not by a person")
    state = models.CharField(max_length=16, choices=CorrespondencesState, default=CorrespondencesState.PROPOSED)
    queued = models.BooleanField(default=False, help_text="an answer on it is asked for: one of its items is open")
    final_kind = models.CharField(
        max_length=16, choices=TransformKind, blank=True, default="", help_text="of a corrected transform"
    )
    final_parameters = models.JSONField(null=True)
    final_covariance = models.JSONField(null=True)
    final_fit_rmse_m = models.FloatField(null=True, help_text="of the points that a correction was fitted to")
    final_check_rmse_m = models.FloatField(null=True, help_text="of its check points; null without any")

    class Meta:
        verbose_name_plural = "correspondences"
        constraints = [
            models.UniqueConstraint(fields=["pair", "matcher", "matcher_digest"], name="correspondences_once"),
            models.UniqueConstraint(
                fields=["scan", "scan_tile", "matcher", "matcher_digest"], name="correspondences_of_a_scan_once"
            ),
            models.CheckConstraint(
                condition=Q(pair__isnull=False, scan__isnull=True, scan_tile__isnull=True)
                | Q(pair__isnull=True, scan__isnull=False, scan_tile__isnull=False),
                name="correspondences_of_a_map_or_a_scan",
            ),
            models.CheckConstraint(
                condition=Q(state__in=CorrespondencesState.values), name="correspondences_state_known"
            ),
            models.CheckConstraint(
                condition=(
                    _whole("transform_") & Q(refused="", log10_nfa__isnull=False, rmse_m__isnull=False, rmse_m__gte=0)
                )
                | (_none("transform_") & ~Q(refused="") & Q(inliers=0, rmse_m__isnull=True)),
                name="correspondences_matched_or_refused",
            ),
            models.CheckConstraint(
                condition=~Q(transform_kind="") | (~Q(state="verified") & Q(passed_gate=False)),
                name="correspondences_verified_has_its_transform",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="corrected") & _whole("final_") & Q(final_fit_rmse_m__isnull=False, final_fit_rmse_m__gte=0)
                )
                | (
                    ~Q(state="corrected")
                    & _none("final_")
                    & Q(final_fit_rmse_m__isnull=True, final_check_rmse_m__isnull=True)
                ),
                name="correspondences_corrected_has_its_correction",
            ),
        ]
        indexes = [
            models.Index(fields=["region", "-id"], name="correspondences_list"),
            models.Index(fields=["region", "state", "-id"], name="correspondences_by_state"),
            # Batches of what chance explains best (`most_unsure`), and the count of tiles without a match.
            models.Index(
                "region",
                "transform_kind",
                "matcher",
                F("log10_nfa").desc(nulls_last=True),
                "id",
                condition=Q(state="proposed", queued=False),
                name="correspondences_waiting",
            ),
            models.Index(
                fields=["region"], condition=Q(state="proposed", transform_kind=""), name="correspondences_unmatched"
            ),
            models.Index(fields=["scan_tile"], condition=Q(scan_tile__isnull=False), name="correspondences_scan_tile"),
            # What people or the gate stand by, by its pair, and what the gate alone does: training reads and counts it.
            models.Index(
                fields=["pair", "-id"],
                condition=Q(state__in=["verified", "corrected"]),
                name="correspondences_in_force",
            ),
            models.Index(fields=["id"], condition=Q(state="verified", passed_gate=True), name="correspondences_gate"),
        ]

    def __str__(self) -> str:
        of = f"scan {self.scan_id}" if self.pair_id is None else f"pair {self.pair_id}"
        return f"{self.matcher} correspondences of {of}"

    @property
    def map_pair(self) -> TilePair:
        """The pair of a region's own map; ValueError for a scan's."""
        if self.pair is None:
            raise ValueError("the map of these correspondences is a scan, which has no pair")
        return self.pair

    @property
    def tile(self) -> Tile:
        """Where it lies."""
        return self.map_pair.tile if self.scan_tile is None else self.scan_tile

    @property
    def imagery(self) -> Imagery:
        """The image that the map is brought onto."""
        return self.map_pair.imagery if self.scan is None else self.scan.imagery

    @property
    def matched(self) -> bool:
        """Whether the matcher found a transform."""
        return bool(self.transform_kind)


class ControlPoint(models.Model):
    """One place of the map and where the image shows it.

    Of a proposal they are the matcher's and never change; those of a correction are kept beside them.
    """

    correspondences = models.ForeignKey(
        Correspondences, on_delete=models.CASCADE, related_name="points", db_index=False
    )
    corrected = models.BooleanField(default=False, help_text="of the correction that counts, not of the proposal")
    number = models.PositiveSmallIntegerField(help_text="from 1, as on the page")
    map_x = models.FloatField()
    map_y = models.FloatField()
    image_x = models.FloatField()
    image_y = models.FloatField()
    confidence = models.FloatField(null=True, help_text="the matcher's, 0..1; null for a point that a person set")
    origin = models.CharField(max_length=8, choices=PointOrigin, default=PointOrigin.AUTO)
    role = models.CharField(max_length=8, choices=PointRole, default=PointRole.FIT)
    enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["correspondences", "corrected", "number"], name="point_once_per_number"),
            models.CheckConstraint(
                condition=(Q(origin="auto", confidence__isnull=False, confidence__gte=0, confidence__lte=1))
                | Q(origin="manual", corrected=True, confidence__isnull=True),
                name="point_of_matcher_or_person",
            ),
            models.CheckConstraint(condition=Q(role__in=PointRole.values), name="point_role_known"),
            models.CheckConstraint(condition=Q(number__gte=1), name="point_numbers_from_one"),
            models.CheckConstraint(
                condition=Q(
                    **{f"{name}__range": (NEAREST_PX, FARTHEST_PX) for name in ("map_x", "map_y", "image_x", "image_y")}
                ),
                name="point_near_its_tile",
            ),
        ]

    def __str__(self) -> str:
        return f"point {self.number} of correspondences {self.correspondences_id}"

    @property
    def map_xy(self) -> tuple[float, float]:
        """Where it lies on the map, pixels at 256 px."""
        return self.map_x, self.map_y

    @property
    def image_xy(self) -> tuple[float, float]:
        """Where the image shows it, pixels at 256 px."""
        return self.image_x, self.image_y


class CorrespondencesReview(models.Model):
    """One answer asked for on a proposal: its queue item; a second answer and the settling of two are more rows."""

    item = models.OneToOneField(
        QueueItem, on_delete=models.CASCADE, primary_key=True, related_name="correspondences_review"
    )
    correspondences = models.ForeignKey(Correspondences, on_delete=models.CASCADE, related_name="reviews")

    def __str__(self) -> str:
        return f"review of correspondences {self.correspondences_id}"
