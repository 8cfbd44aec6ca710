"""Map edits on their way out: changesets and what is in them."""

from django.conf import settings
from django.db import models

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

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="changesets")
    snapshot = models.ForeignKey(MapSnapshot, on_delete=models.CASCADE, related_name="+")
    comment = models.CharField(max_length=255)
    source = models.CharField(max_length=255)
    tags = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=16, choices=ChangesetState, default=ChangesetState.DRAFT)
    exported_at = models.DateTimeField(null=True, help_text="of the first export as osmChange")
    last_ids = models.JSONField(default=dict, help_text="the last placeholder id drawn, by type of element")

    class Meta:
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
    node_versions = models.JSONField(default=dict, help_text="versions given later, by node id")
    demolish = models.BooleanField(
        default=False, help_text="of a removal: retag as demolished:building, as other imagery may still show it"
    )

    operations = models.JSONField(null=True, help_text="what it does, as osmchange.frozen keeps it; once exported")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change"], name="edit_item_change_once")]

    def __str__(self) -> str:
        return f"edit of change {self.change_id}"
