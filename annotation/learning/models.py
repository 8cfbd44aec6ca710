"""Frozen data sets, training runs and the registry of models."""

from django.conf import settings
from django.db import models

from annotation.common.models import Job, Timestamped
from annotation.sources.models import Imagery, MapSnapshot, Region


class DataSet(Timestamped):
    """The exact pairs, anchors and decisions a run was trained on, frozen, with a digest.

    The first comparison of models adds the frozen set: a file of known errors on the map of this data set.
    """

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="data_sets")
    imagery = models.ForeignKey(Imagery, on_delete=models.CASCADE, related_name="+")
    snapshot = models.ForeignKey(MapSnapshot, on_delete=models.CASCADE, related_name="+")
    pairs = models.JSONField(help_text="[[pair id, anchor id], ...] in a fixed order")
    decisions = models.JSONField(default=list, help_text="verdicts in force, as FrozenDecision keeps them")
    decision_counts = models.JSONField(default=dict, help_text="{kind: {accepted, adjusted, rejected}}")
    anchor_counts = models.JSONField(default=dict, help_text="pairs learnt by anchors accepted, corrected, proposed")
    digest = models.CharField(max_length=64)
    frozen_path = models.CharField(max_length=500, blank=True, default="")
    frozen_sha256 = models.CharField(max_length=64, blank=True, default="")

    def __str__(self) -> str:
        return f"data set {self.digest[:12]}"


class TrainingRun(Timestamped):
    """One training of the region's models; its state and live figures are those of its job."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="training_runs")
    data_set = models.ForeignKey(DataSet, on_delete=models.CASCADE, related_name="runs")
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    preset = models.CharField(max_length=32, default="compact")
    config = models.JSONField(default=dict)
    seed = models.PositiveIntegerField(default=0)
    metrics = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return f"training run {self.pk}"


class ModelState(models.TextChoices):
    CANDIDATE = "candidate"
    ACTIVE = "active"
    RETIRED = "retired"


class ModelVersion(Timestamped):
    """Trained weights: a safetensors file with its digest, what it measured, and whether it is the one in use."""

    run = models.OneToOneField(TrainingRun, on_delete=models.CASCADE, related_name="model_version")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="model_versions")
    path = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    metrics = models.JSONField(default=dict)
    about = models.JSONField(default=dict, help_text="what the file says of its data, decisions and licences")
    state = models.CharField(max_length=16, choices=ModelState, default=ModelState.CANDIDATE)
    before = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the model in use before this one was promoted: where a roll-back leads",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ModelState.values), name="model_state_known"),
            models.UniqueConstraint(
                fields=["region"], condition=models.Q(state="active"), name="model_one_active_per_region"
            ),
        ]

    def __str__(self) -> str:
        return f"model {self.pk} ({self.state})"


class Evaluation(Timestamped):
    """A model held beside another one on the frozen set of a data set; both were given the same pairs."""

    model = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="evaluations")
    against = models.ForeignKey(ModelVersion, null=True, on_delete=models.CASCADE, related_name="+")
    data_set = models.ForeignKey(DataSet, on_delete=models.CASCADE, related_name="evaluations")
    frozen_sha256 = models.CharField(max_length=64, blank=True, default="")
    counts = models.JSONField(default=dict, help_text="tiles, errors and decisions that the figures rest on")
    figures = models.JSONField(default=list, help_text="mlcore.evaluation.compare.Figure, one after the other")
    finished_at = models.DateTimeField(null=True)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "against", "data_set"], nulls_distinct=False, name="evaluation_once_per_pair"
            ),
            models.CheckConstraint(condition=~models.Q(model=models.F("against")), name="evaluation_of_two_models"),
        ]

    def __str__(self) -> str:
        return f"model {self.model_id} beside {self.against_id}"
