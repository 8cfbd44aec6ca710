"""Base models and the Job: long work as a row, of which a Celery message is only the wake-up."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

MAX_ID = models.BigAutoField.MAX_BIGINT
"""The largest id a row can have; anything above it names no row."""


class Timestamped(models.Model):
    """Rows that say when they were made."""

    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True


class JobState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobQuerySet(models.QuerySet["Job"]):
    def unfinished(self) -> "JobQuerySet":
        return self.filter(state__in=[JobState.QUEUED, JobState.RUNNING])

    def dead_letters(self) -> "JobQuerySet":
        """Jobs that were given up after all their tries."""
        return self.filter(state=JobState.FAILED, attempts__gte=models.F("max_attempts"))

    def for_scope(self, scope_id: int) -> "JobQuerySet":
        return self.filter(scope_id=scope_id)


class Job(Timestamped):
    """A piece of long work: what, for which region (`scope_id`), how far, how often tried, alive when."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)
    params = models.JSONField(default=dict)
    scope_id = models.BigIntegerField(null=True, db_index=True, help_text="id of the region, without a foreign key")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    dedup_key = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=16, choices=JobState, default=JobState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    run_token = models.UUIDField(null=True, help_text="fences off a run that lost its heartbeat")
    progress = models.FloatField(default=0.0)
    message = models.CharField(max_length=300, blank=True, default="")
    result = models.JSONField(default=dict)
    cancel_requested = models.BooleanField(default=False)
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_detail = models.TextField(blank=True, default="")
    heartbeat_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(
                condition=models.Q(progress__gte=0, progress__lte=1), name="job_progress_is_a_share"
            ),
            models.UniqueConstraint(
                fields=["kind", "dedup_key"],
                condition=models.Q(state__in=["queued", "running"]) & ~models.Q(dedup_key=""),
                name="job_one_unfinished_per_key",
            ),
        ]
        indexes = [models.Index(fields=["state", "heartbeat_at"]), models.Index(fields=["scope_id", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.state} {self.progress:.0%}"

    @property
    def finished(self) -> bool:
        return self.state in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class Worker(models.Model):
    """A running worker: which queues it serves and what it computes on, as it says itself every few seconds."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.JSONField(default=list)
    device = models.CharField(max_length=120, blank=True, default="", help_text="cpu, or cuda and the card")
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} on {self.device or 'something'}"

    @property
    def has_gpu(self) -> bool:
        return self.device.startswith("cuda")


class JobFigure(models.Model):
    """One live number of a job at one step, such as a loss; together they are the curve on the page."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="figures")
    name = models.CharField(max_length=80)
    step = models.PositiveIntegerField()
    value = models.FloatField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "name", "step"], name="job_figure_once_per_step")]

    def __str__(self) -> str:
        return f"{self.name}[{self.step}] = {self.value:.4g}"
