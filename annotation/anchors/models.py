"""Semantic anchors: 11 attributes and a sentence for an image-map pair."""

from django.db import models
from django.db.models import Q

from annotation.common.models import Job, Timestamped
from annotation.review.models import QueueItem
from annotation.tiles.models import TilePair


class AnchorState(models.TextChoices):
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"


VERIFIED = (AnchorState.ACCEPTED, AnchorState.CORRECTED)
"""A person has looked at it and stands by it."""


class Anchor(Timestamped):
    """What one generator says of one pair, and what a person made of that.

    `attributes` and `summary` are the generator's words and never change; a correction is kept beside them. A pair has
    one anchor for every generator, model and prompt that described it.
    """

    pair = models.ForeignKey(TilePair, on_delete=models.CASCADE, related_name="anchors")
    generator = models.CharField(max_length=32)
    model = models.CharField(max_length=200, blank=True, default="", help_text="folder, hub name or served name")
    model_digest = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256 of the weights, if known")
    prompt_version = models.CharField(max_length=32, blank=True, default="")
    prompt_digest = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256 of the prompt's text")
    schema_version = models.CharField(max_length=16)
    attributes = models.JSONField()
    summary = models.CharField(max_length=400)
    state = models.CharField(max_length=16, choices=AnchorState, default=AnchorState.PROPOSED)
    final_attributes = models.JSONField(null=True, help_text="a corrected anchor's attributes")
    final_summary = models.CharField(max_length=400, blank=True, default="")
    tokens_in = models.PositiveIntegerField(null=True, help_text="tokens the model was given")
    tokens_out = models.PositiveIntegerField(null=True, help_text="tokens the model wrote")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pair", "generator", "model", "model_digest", "prompt_version", "schema_version"],
                name="anchor_once_per_generator",
            ),
            models.CheckConstraint(condition=Q(state__in=AnchorState.values), name="anchor_state_known"),
            models.CheckConstraint(
                condition=Q(state="corrected", final_attributes__isnull=False)
                | (~Q(state="corrected") & Q(final_attributes__isnull=True, final_summary="")),
                name="anchor_corrected_has_its_correction",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.generator} anchor of pair {self.pair_id}"

    @property
    def said_attributes(self) -> dict[str, str]:
        """The attributes that count: the correction where there is one, else the generator's."""
        return self.attributes if self.final_attributes is None else self.final_attributes

    @property
    def said_summary(self) -> str:
        """The summary that counts."""
        return self.summary if self.final_attributes is None else self.final_summary


class AnchorReview(models.Model):
    """One answer asked for on an anchor: its queue item; a second answer and the settling of two are more rows."""

    item = models.OneToOneField(QueueItem, on_delete=models.CASCADE, primary_key=True, related_name="anchor_review")
    anchor = models.ForeignKey(Anchor, on_delete=models.CASCADE, related_name="reviews")

    def __str__(self) -> str:
        return f"review of anchor {self.anchor_id}"
