"""Map edits on their way out: changesets and what is in them, uploads, and who is told of events by webhook."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from annotation.changes.models import Change
from annotation.common.models import Timestamped
from annotation.sources.models import MapObject, MapSnapshot, Region


class ChangesetState(models.TextChoices):
    DRAFT = "draft"
    EXPORTED = "exported"


class Changeset(Timestamped):
    """A set of accepted changes of one small area, with the tags an OSM changeset carries.

    The first export as osmChange freezes what each edit does: the same file comes out every time, with the same ids.
    """

    region = models.ForeignKey(
        Region, on_delete=models.CASCADE, related_name="changesets", db_index=False, help_text="see `changeset_newest`"
    )
    snapshot = models.ForeignKey(MapSnapshot, on_delete=models.CASCADE, related_name="+")
    comment = models.CharField(max_length=255)
    source = models.CharField(max_length=255)
    tags = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=16, choices=ChangesetState, default=ChangesetState.DRAFT)
    exported_at = models.DateTimeField(null=True, help_text="of the first export as osmChange, or the first upload")
    handed_out_at = models.DateTimeField(null=True, help_text="when a person first had a file of it, or a link to one")
    last_ids = models.JSONField(default=dict, help_text="the last placeholder id drawn, by type of element")

    class Meta:
        indexes = [models.Index(fields=["region", "-id"], name="changeset_newest")]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ChangesetState.values), name="changeset_state_known"),
            models.CheckConstraint(
                condition=models.Q(state="exported", exported_at__isnull=False) | ~models.Q(state="exported"),
                name="changeset_exported_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"changeset {self.pk}"


class EditItem(models.Model):
    """One accepted change in a changeset, with the version it is based on."""

    changeset = models.ForeignKey(Changeset, on_delete=models.CASCADE, related_name="items")
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="edit_items")
    object = models.ForeignKey(
        MapObject, null=True, on_delete=models.CASCADE, related_name="edits", help_text="empty for a new building"
    )
    base_version = models.PositiveIntegerField(
        null=True, help_text="empty where the map gave none and nobody filled it in"
    )
    # of a member way by its key, such as `way/12`
    node_versions = models.JSONField(default=dict, help_text="versions given later, by node id")
    demolish = models.BooleanField(
        default=False, help_text="of a removal: retag as demolished:building, as other imagery may still show it"
    )

    rebased = models.JSONField(
        null=True,
        help_text="the state of a newer map that a person laid it over, as edits.states keeps it, and whose `shape` "
        "and `tags` it takes, ours or theirs",
    )
    operations = models.JSONField(null=True, help_text="what it does, as osmchange.frozen keeps it; once exported")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change"], name="edit_item_change_once")]

    def __str__(self) -> str:
        return f"edit of change {self.change_id}"


class OsmAccount(Timestamped):
    """A person's account on the map's server, with the token that edits in its name, sealed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="osm_accounts")
    server = models.CharField(max_length=255, help_text="address of the API, without a slash at the end")
    osm_id = models.BigIntegerField()
    name = models.CharField(max_length=255)
    sealed_token = models.TextField(help_text="services.uploads.sealing opens it, with the secret of this deployment")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "server"], name="osm_account_one_per_server")]

    def __str__(self) -> str:
        return f"{self.name} on {self.server}"


class UploadState(models.TextChoices):
    """Each step is stored before its request is made, and after its answer came."""

    PREPARED = "prepared"
    OPENING = "opening"
    OPEN = "open"
    SENDING = "sending"
    SENT = "sent"
    CLOSING = "closing"
    DONE = "done"
    CONFLICTED = "conflicted"
    FAILED = "failed"


NOTHING_SENT = (UploadState.PREPARED, UploadState.OPENING, UploadState.OPEN)
WITHOUT_EFFECT = (UploadState.CONFLICTED, UploadState.FAILED)
"""Ended, and the map's server took nothing."""
ENDED = (UploadState.DONE, *WITHOUT_EFFECT)


class UploadQuerySet(models.QuerySet["Upload"]):
    def in_force(self) -> "UploadQuerySet":
        """On their way to the map, or in it: what they hold must not change any more."""
        return self.exclude(state__in=WITHOUT_EFFECT)


class Upload(Timestamped):
    """One changeset on its way to the map: exactly these bytes, once."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="+")
    changeset = models.ForeignKey(
        Changeset, on_delete=models.RESTRICT, related_name="uploads", help_text="goes with its region alone"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    server = models.CharField(max_length=255)
    site = models.CharField(max_length=255, help_text="where people look at the changeset")
    osm_id = models.BigIntegerField(help_text="the account on the server; nobody else can go on with it")
    osm_name = models.CharField(max_length=255)
    tags = models.JSONField(default=dict)
    token = models.CharField(max_length=40, unique=True, help_text="with the round, the tag by which it is found again")
    osc = models.BinaryField(help_text="the diff, with changeset 0 on every element")
    sha256 = models.CharField(max_length=64)
    elements = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=UploadState, default=UploadState.PREPARED)
    round = models.PositiveIntegerField(default=0, help_text="changesets opened for it so far, or about to be")
    osm_changeset = models.BigIntegerField(null=True)
    abandoned = models.JSONField(default=list, help_text="changesets that were closed empty, as an answer was lost")
    problem = models.JSONField(default=dict, help_text="why it ended without effect: code, detail, key, versions")
    job_id = models.UUIDField(null=True)
    done_at = models.DateTimeField(null=True)
    watched_at = models.DateTimeField(null=True, help_text="when the map was last asked what became of it")
    asked_at = models.DateTimeField(null=True, help_text="when that question was last queued, answered or not")
    watch_job_id = models.UUIDField(null=True)
    comments = models.JSONField(default=list, help_text="what people say of the changeset: at, user, text")

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["region", "-id"], condition=models.Q(state="done"), name="upload_in_the_map"),
            models.Index(fields=["server", "done_at"], condition=models.Q(state="done"), name="upload_lately"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=UploadState.values), name="upload_state_known"),
            models.UniqueConstraint(
                fields=["changeset"],
                condition=~models.Q(state__in=["conflicted", "failed"]),
                name="upload_once_per_changeset",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["prepared", "opening", "conflicted", "failed"])
                | models.Q(osm_changeset__isnull=False),
                name="upload_open_has_its_changeset",
            ),
        ]

    def __str__(self) -> str:
        return f"upload of changeset {self.changeset_id}: {self.state}"

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def why_without_effect(self) -> dict[str, Any] | None:
        return self.problem or None

    @property
    def mark(self) -> str:
        """The tag's value in this round."""
        return f"{self.token}.{self.round}"

    @property
    def url(self) -> str | None:
        return f"{self.site}/changeset/{self.osm_changeset}" if self.osm_changeset else None


class Fate(models.TextChoices):
    """What became of an element since it was uploaded."""

    AS_SENT = "as_sent"
    EDITED = "edited"
    DELETED = "deleted"
    REVERTED = "reverted"


class UploadReceipt(models.Model):
    """What became of one element in the map: at once, and by what others did since."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="receipts")
    kind = models.CharField(max_length=8)
    old_id = models.BigIntegerField(help_text="as the diff named it: negative for a new one")
    new_id = models.BigIntegerField(null=True, help_text="empty for what was deleted")
    new_version = models.PositiveIntegerField(null=True)
    fate = models.CharField(max_length=8, choices=Fate, blank=True, default="", help_text="empty: nobody asked yet")
    their_version = models.PositiveIntegerField(null=True, help_text="the newest one, where it is not ours")
    their_user = models.CharField(max_length=255, blank=True, default="")
    their_changeset = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["upload", "fate", "id"], name="upload_receipt_fate")]
        constraints = [models.UniqueConstraint(fields=["upload", "kind", "old_id"], name="upload_receipt_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.old_id} -> {self.new_id}"


class WebhookEvent(models.TextChoices):
    """What somebody else's server is told of."""

    DECIDED = "decided"
    EXPORTED = "exported"
    UPLOADED = "uploaded"


class Webhook(Timestamped):
    """An address that is told of events of one region, or of all; its secret signs what is sent."""

    region = models.ForeignKey(
        Region, null=True, on_delete=models.CASCADE, related_name="+", help_text="empty: of every region"
    )
    url = models.CharField(max_length=500)
    events = models.JSONField(default=list, help_text="names of the events it is told of")
    key = models.UUIDField(default=uuid.uuid4, unique=True, help_text="the secret is sealed for it")
    sealed_secret = models.TextField()
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"webhook {self.pk}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class Delivery(Timestamped):
    """One event for one webhook: written in the transaction of the event, sent afterwards until it is taken."""

    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False, help_text="see `delivery_newest`"
    )
    event = models.CharField(max_length=16, choices=WebhookEvent)
    event_id = models.UUIDField(help_text="the same for every webhook and every try, so that it counts once")
    body = models.TextField(help_text="exactly what is sent")
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField(default=timezone.now, help_text="of the event, or when it was sent again by hand")
    due_at = models.DateTimeField(default=timezone.now, help_text="not before; while it is sent: when it may be again")
    last_status = models.PositiveSmallIntegerField(null=True)
    problem = models.CharField(max_length=300, blank=True, default="")
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event_id"], name="delivery_once_per_webhook"),
            models.CheckConstraint(condition=models.Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=models.Q(state="delivered", delivered_at__isnull=False) | ~models.Q(state="delivered"),
                name="delivery_delivered_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["webhook", "due_at", "id"], condition=models.Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["webhook", "-id"], name="delivery_newest"),
            models.Index(fields=["webhook", "state", "-id"], name="delivery_of_a_webhook"),
            models.Index(
                fields=["webhook", "-id"], condition=models.Q(state="waiting", attempts__gt=0), name="delivery_failing"
            ),
            models.Index(fields=["delivered_at"], condition=models.Q(state="delivered"), name="delivery_old"),
            models.Index(fields=["due_at"], condition=models.Q(state="dead"), name="delivery_given_up"),
        ]

    def __str__(self) -> str:
        return f"{self.event} for webhook {self.webhook_id}: {self.state}"
