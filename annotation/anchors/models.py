"""Semantic anchors: 11 attributes and a sentence for an image-map pair."""

from django.db import models

from annotation.common.models import Timestamped
from annotation.tiles.models import TilePair


class AnchorState(models.TextChoices):
    GENERATED = "generated"
    VERIFIED = "verified"
    REJECTED = "rejected"


class Anchor(Timestamped):
    """What a generator, or later a person, says of one pair."""

    pair = models.ForeignKey(TilePair, on_delete=models.CASCADE, related_name="anchors")
    generator = models.CharField(max_length=32)
    model = models.CharField(max_length=200, blank=True, default="")
    prompt_version = models.CharField(max_length=32, blank=True, default="")
    schema_version = models.CharField(max_length=16)
    attributes = models.JSONField()
    summary = models.CharField(max_length=400)
    state = models.CharField(max_length=16, choices=AnchorState, default=AnchorState.GENERATED)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pair", "generator", "model", "prompt_version", "schema_version"],
                name="anchor_once_per_generator",
            ),
            models.CheckConstraint(condition=models.Q(state__in=AnchorState.values), name="anchor_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.generator} anchor of pair {self.pair_id}"
