"""Frozen data sets, training runs and the registry of models."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from annotation.common.models import Job, Timestamped
from annotation.sources.models import Imagery, MapSnapshot, Region

REGION = "region"
"""The kind of model that belongs to one region and scores its tiles; `settings.MODEL_KINDS` names all."""
MATCHER = "matcher"
"""The kind that finds the map in the image, for all regions."""
LOCATOR = "locator"
"""The kind that finds where an image without a place lies, for all regions."""
GENERAL = "general"
"""The model that ships and looks at regions that have none of their own; never trained or promoted here."""
TRANSFORMS = "transforms"
"""In the payload of a region's data set: what people stand by of where the image shows the map, by tile."""


class OfAKind(Timestamped):
    """Rows of the registry: of a kind of model, for one region or, where it is empty, for all of them."""

    kind = models.CharField(max_length=32, default=REGION, help_text="a name of settings.MODEL_KINDS")

    class Meta:
        abstract = True


class DataSet(OfAKind):
    """What a run was trained on, frozen, with a digest: of a region's model, exact pairs, anchors and decisions.

    The first comparison of models adds the frozen set: a file of known errors on the map of this data set.
    """

    region = models.ForeignKey(Region, null=True, on_delete=models.CASCADE, related_name="data_sets")
    imagery = models.ForeignKey(Imagery, null=True, on_delete=models.RESTRICT, related_name="+")
    snapshot = models.ForeignKey(MapSnapshot, null=True, on_delete=models.RESTRICT, related_name="+")
    payload = models.JSONField(default=dict, help_text="what models of other kinds learn from, as the kind keeps it")
    pairs = models.JSONField(default=list, help_text="[[pair id, anchor id or null], ...] in a fixed order")
    decisions = models.JSONField(default=list, help_text="verdicts in force, as FrozenDecision keeps them")
    decision_counts = models.JSONField(default=dict, help_text="{kind: {accepted, adjusted, rejected}}")
    anchor_counts = models.JSONField(default=dict, help_text="pairs learnt by anchors accepted, corrected, proposed")
    digest = models.CharField(max_length=64)
    frozen_path = models.CharField(max_length=500, blank=True, default="")
    frozen_sha256 = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(kind=REGION)
                | models.Q(region__isnull=False, imagery__isnull=False, snapshot__isnull=False),
                name="data_set_of_a_region_names_its_sources",
            )
        ]

    def __str__(self) -> str:
        return f"data set {self.digest[:12]}"

    @property
    def sources(self) -> tuple[Imagery, MapSnapshot]:
        """Imagery and map that the data is about; a kind whose data names none has no use for this."""
        if self.imagery is None or self.snapshot is None:
            raise ValueError(f"data set {self.pk} of kind {self.kind} is not about one imagery and map")
        return self.imagery, self.snapshot


class TrainingRun(OfAKind):
    """One training of a model; its state and live figures are those of its job."""

    region = models.ForeignKey(Region, null=True, on_delete=models.CASCADE, related_name="training_runs")
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


class ModelVersion(OfAKind):
    """Trained weights: a safetensors file with its digest, what it measured, and whether it is the one in use.

    Of a kind, a region has one in use, and so has the whole installation among the models for all regions.
    """

    run = models.OneToOneField(TrainingRun, on_delete=models.CASCADE, related_name="model_version")
    region = models.ForeignKey(Region, null=True, on_delete=models.CASCADE, related_name="model_versions")
    name = models.CharField(max_length=80, blank=True, default="", db_default="", help_text="what people call it")
    notes = models.TextField(blank=True, default="", db_default="", help_text="what people say of it")
    path = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    metrics = models.JSONField(default=dict)
    measured = models.JSONField(
        null=True, help_text="tiles, value, low and high of its AUROC on known errors, by its newest comparison"
    )
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
                fields=["kind", "region"],
                condition=models.Q(state="active"),
                nulls_distinct=False,
                name="model_one_active_of_a_kind_per_region",
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

    def finish(self, figures: list[dict[str, Any]], counts: dict[str, int], frozen_sha256: str) -> None:
        """Keep what came of it."""
        self.figures, self.counts, self.frozen_sha256, self.finished_at = figures, counts, frozen_sha256, timezone.now()
        self.save(update_fields=["figures", "counts", "frozen_sha256", "finished_at"])
