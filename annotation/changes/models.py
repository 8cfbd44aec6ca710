"""Building-change candidates: what a scan suggests and a person decides."""

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GinIndex

from annotation.common.models import Timestamped
from annotation.consistency.models import Scan
from annotation.review.models import QueueItem
from annotation.sources.models import Footprint, MapObject, Region
from annotation.tiles.models import TilePair


class SquareMetres(models.Func):
    """Area on the ground, by a sphere: off by less than 0.5 %."""

    function, output_field = "ST_Area", models.FloatField()
    template = "ST_Area((%(expressions)s)::geography, false)"


class ChangeKind(models.TextChoices):
    ADD = "add"
    REMOVE = "remove"
    MODIFY = "modify"
    SHIFTED = "shifted"


class ChangeDecision(models.TextChoices):
    """What a person may say of a candidate; kept in the queue item and its verdicts."""

    ACCEPT = "accept"
    REJECT = "reject"
    CANT_TELL = "cant_tell"
    IMAGE_OFFSET = "image_offset"
    BAD_IMAGERY = "bad_imagery"
    TOO_OLD = "too_old"
    STILL_STANDS = "still_stands"


LEAVING = (ChangeDecision.ACCEPT, ChangeDecision.STILL_STANDS)
"""Answers that become edits of the map."""


class Change(Timestamped):
    """One suspected building change, on one scan, waiting for or carrying a person's decision."""

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="changes", db_index=False)
    item = models.OneToOneField(QueueItem, on_delete=models.CASCADE, related_name="change")
    pair = models.ForeignKey(TilePair, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=16, choices=ChangeKind)
    object = models.ForeignKey(
        MapObject, null=True, on_delete=models.CASCADE, related_name="changes", help_text="empty for a new building"
    )
    footprint = models.ForeignKey(Footprint, null=True, on_delete=models.CASCADE, related_name="changes")
    geometry = models.GeometryField(srid=4326, help_text="the shape proposed; of a removal, the shape now in the map")
    adjusted = models.GeometryField(srid=4326, null=True, help_text="the shape a person gave it")
    tags_set = models.JSONField(
        default=dict, db_default={}, help_text="tags that a person gave the building, over those it has or would get"
    )
    confirmed_on = models.DateField(
        null=True, help_text="the day on which it was seen to stand, where a person said so: its check_date to be"
    )
    in_map_at = models.DateTimeField(
        null=True, help_text="when a newer map was found to say it already, so that it left the queue"
    )
    looked_at = models.JSONField(
        default=list, db_default=[], help_text="titles of imagery of other servers by which it was accepted"
    )
    cut = models.LineStringField(
        srid=4326, null=True, spatial_index=False, help_text="the line along which a person split the building into two"
    )
    merged = models.ForeignKey(
        Footprint, null=True, on_delete=models.CASCADE, related_name="+", db_index=False,
        help_text="the building beside it that a person made one with it; `adjusted` is the shape of both",
    )  # fmt: skip
    set_aside = models.JSONField(
        default=list, db_default=[], help_text="items of suggestions about that building, which left the queue for it"
    )
    confidence = models.FloatField()
    square_m = models.GeneratedField(
        expression=SquareMetres("geometry"), output_field=models.FloatField(), db_persist=True
    )
    tags = models.JSONField(
        default=dict, db_default={}, help_text="of the object in the scanned map: lists ask for it without a join"
    )
    evidence = models.JSONField(default=dict)
    fingerprint = models.CharField(
        max_length=64, help_text="same object, imagery and kind: a rejected one never returns"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scan", "fingerprint"], name="change_once_per_scan"),
            models.CheckConstraint(condition=models.Q(kind__in=ChangeKind.values), name="change_kind_known"),
            models.CheckConstraint(
                condition=models.Q(kind="add") | models.Q(footprint__isnull=False, object__isnull=False),
                name="change_of_a_footprint_names_it",
            ),
            models.CheckConstraint(
                condition=models.Q(cut__isnull=True) | models.Q(merged__isnull=True), name="change_cut_or_merged"
            ),
            models.CheckConstraint(condition=models.Q(confidence__gte=0, confidence__lte=1), name="change_confidence"),
        ]
        indexes = [
            models.Index(fields=["fingerprint"]),
            # Both tell the queue's item without a look at the row.
            models.Index(fields=["scan", "id"], include=["item"], name="change_of_a_scan"),
            models.Index(fields=["scan", "square_m"], include=["item"], name="change_by_size"),
            GinIndex(fields=["tags"], name="change_by_tags"),
            models.Index(fields=["merged"], condition=models.Q(merged__isnull=False), name="change_by_merged"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class BulkRejection(Timestamped):
    """Suggestions that a person rejected together, for one reason, chunk by chunk; taken back together as well.

    The verdicts are where they always are, one for each suggestion; the row says which of them were given together and
    how far it is. What is to be rejected is settled when it is begun.
    """

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="+")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.UUIDField()
    reason = models.CharField(max_length=64)
    comment = models.TextField(blank=True, default="")
    wanted = models.JSONField(default=list, help_text="[[item, version], ...] as they were when it was begun")
    done = models.PositiveIntegerField(default=0, help_text="so many of them have been gone through")
    rejected = models.JSONField(default=list, help_text="[{item, version}] of every verdict, after it")
    left_out = models.JSONField(default=list, help_text="[{item, reason, detail}]: what was wanted and stayed")
    undo_begun_at = models.DateTimeField(null=True)
    undone = models.PositiveIntegerField(default=0, help_text="so many of those rejected have been gone through again")
    kept = models.JSONField(default=list, help_text="[{item, reason, detail}]: whose rejection stayed")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reviewer", "idempotency_key"], name="bulk_rejection_once_per_key")
        ]

    def __str__(self) -> str:
        return f"rejection of {len(self.wanted)} suggestions"


class SavedFilter(Timestamped):
    """A filter of a region's changes that a person keeps by name, for themselves or for all who see the region.

    Whoever holds the address of its feed reads it without signing in, and sees what its owner may see at that moment;
    the address is signed, and a new `feed_key` makes it worthless.
    """

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=4000, blank=True, default="", help_text="as in an address: kind=add")
    shared = models.BooleanField(default=False, help_text="others who see the region find it as well")
    feed_key = models.CharField(max_length=32, blank=True, default="", help_text="of the feed's address; empty: none")
    alert = models.BooleanField(default=False, help_text="tell the owner by e-mail of what is new in it")
    alerted_to = models.BigIntegerField(default=0, help_text="the newest change that the owner was told of, or knew")
    alerted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "owner", "name"], name="saved_filter_once_by_name")]
        indexes = [models.Index(fields=["region"], condition=models.Q(shared=True), name="saved_filters_shared")]

    def __str__(self) -> str:
        return self.name


class GroupMove(Timestamped):
    """Suggestions of one group that a person accepted at once, all moved by one offset; taken back at once as well.

    The verdicts are where they always are; the row says which of them were given together, and answers a repeated save.
    """

    change = models.ForeignKey(
        Change, on_delete=models.CASCADE, related_name="group_moves", help_text="the suggestion the group lies around"
    )
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.UUIDField()
    east_m = models.FloatField(help_text="by what the shapes were moved, metres on the ground")
    north_m = models.FloatField()
    moved = models.JSONField(default=list, help_text="[{item, version}] of every verdict, after it")
    left_out = models.JSONField(default=list, help_text="[{item, reason, detail}]: what was asked for and stayed")
    undone_at = models.DateTimeField(null=True)
    undone = models.JSONField(null=True, help_text="what came of taking it back: {taken_back, left_out}")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reviewer", "idempotency_key"], name="group_move_once_per_key"),
            models.CheckConstraint(
                condition=models.Q(undone_at__isnull=True, undone__isnull=True)
                | models.Q(undone_at__isnull=False, undone__isnull=False),
                name="group_move_undone_says_what_came_of_it",
            ),
        ]

    def __str__(self) -> str:
        return f"move of {len(self.moved)} suggestions around change {self.change_id}"
