"""The search indexes: one folder of vectors for each model that was in use, one of them serving."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotation.common.models import Job, Timestamped
from annotation.learning.models import ModelVersion


class IndexState(models.TextChoices):
    BUILDING = "building"
    SERVING = "serving"
    RETIRED = "retired"


class SearchIndexQuerySet(models.QuerySet["SearchIndex"]):
    def serving(self) -> SearchIndexQuerySet:
        """The index that answers queries: at most one."""
        return self.filter(state=IndexState.SERVING)


class SearchIndex(Timestamped):
    """Vectors of tiles, landmarks and photos by one model. A newer model's is made beside it, and serves once whole."""

    model = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+", help_text="empty: the weights that ship"
    )
    model_digest = models.CharField(max_length=64)
    folder = models.CharField(max_length=500, help_text="below the media folder")
    state = models.CharField(max_length=16, choices=IndexState, default=IndexState.BUILDING)
    tiles = models.PositiveIntegerField(default=0)
    landmarks = models.PositiveIntegerField(default=0)
    photos = models.PositiveIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    stale_since = models.DateTimeField(null=True, help_text="when something came or went that it lacks; empty: whole")
    built_at = models.DateTimeField(null=True, help_text="when it was last whole")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = SearchIndexQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "search indexes"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=IndexState.values), name="search_index_state_known"),
            models.UniqueConstraint(fields=["model_digest"], name="search_index_once_per_model"),
            models.UniqueConstraint(fields=["state"], condition=Q(state="serving"), name="search_index_one_is_serving"),
            models.CheckConstraint(
                condition=~Q(state="serving") | Q(built_at__isnull=False), name="search_index_serving_was_built"
            ),
        ]

    def __str__(self) -> str:
        return f"index of {self.model_digest[:12]} ({self.state})"
