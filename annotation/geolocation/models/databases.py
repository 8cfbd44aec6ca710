"""The feature databases: one folder of features for each locator that was in use, one of them serving."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotation.common.models import Job, Timestamped
from annotation.learning.models import ModelVersion


class DatabaseState(models.TextChoices):
    BUILDING = "building"
    SERVING = "serving"
    RETIRED = "retired"


class FeatureDatabaseQuerySet(models.QuerySet["FeatureDatabase"]):
    def serving(self) -> FeatureDatabaseQuerySet:
        """The database that answers queries: at most one."""
        return self.filter(state=DatabaseState.SERVING)


class FeatureDatabase(Timestamped):
    """Features of all bases by one locator. A newer locator's is built beside it, and serves once it is complete."""

    model = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+", help_text="empty: the weights that ship"
    )
    model_digest = models.CharField(max_length=64)
    folder = models.CharField(max_length=500, help_text="below the media folder")
    state = models.CharField(max_length=16, choices=DatabaseState, default=DatabaseState.BUILDING)
    base_count = models.PositiveIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    stale_since = models.DateTimeField(null=True, help_text="when bases came or went that it lacks; empty: up to date")
    built_at = models.DateTimeField(null=True, help_text="when it was last complete")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = FeatureDatabaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=DatabaseState.values), name="feature_database_state_known"),
            models.UniqueConstraint(fields=["model_digest"], name="feature_database_once_per_model"),
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="serving"), name="feature_database_one_is_serving"
            ),
            models.CheckConstraint(
                condition=~Q(state="serving") | Q(built_at__isnull=False), name="feature_database_serving_was_built"
            ),
        ]

    def __str__(self) -> str:
        return f"features of {self.model_digest[:12]} ({self.state})"
