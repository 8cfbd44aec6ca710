"""Marks a source as failed when its import ended without a result, and frees its disk space."""

from __future__ import annotations

from typing import Any

from annotation.common.models import Job
from annotation.sources.models import Imagery, MapSnapshot, SourceState
from annotation.sources.services.files import remove_folder, source_folder

MODELS: dict[str, type[Imagery] | type[MapSnapshot]] = {
    "sources.import_imagery": Imagery,
    "sources.import_map": MapSnapshot,
}


def mark_failed(sender: Any, *, job: Job, **kwargs: Any) -> None:
    """Receiver of `job_ended`; the reason stays in the job, which the source names."""
    model = MODELS.get(job.kind)
    if model is None:
        return
    for source in model._default_manager.filter(job=job).exclude(state=SourceState.READY):
        model._default_manager.filter(pk=source.pk).update(state=SourceState.FAILED, upload_path="")
        remove_folder(source_folder(source))
