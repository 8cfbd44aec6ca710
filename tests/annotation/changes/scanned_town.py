"""A trained town with a finished scan, and people who say otherwise where its image shows the map."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction

from annotation.changes.services import rescore as service
from annotation.changes.services.find import find_changes
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.consistency.models import Scan
from annotation.consistency.services.scan import scan_pairs
from annotation.consistency.services.start import start
from annotation.correspondences.models import Correspondences
from annotation.learning.services.start import start as start_training
from annotation.learning.services.train import train
from annotation.sources.models import Region
from mlcore.geometry.transform import Transform, shift_of
from mlcore.progress import SilentProgress
from tests.annotation.learning.town import town_region
from tests.factories import UserFactory
from tests.factories_correspondences import adjust, make_batch, take

MOVED = shift_of(24.0, 0.0, 0.01)
"""About six metres to the east."""


@contextmanager
def trained_town(folder: Path) -> Iterator[Region]:
    """A trained town, for a module, rolled back after it."""
    with transaction.atomic():
        region = town_region(folder, name="town with transforms", anchors=False)
        train(run=start_training(region=region, user=None, preset="tiny", wake=False), progress=SilentProgress())
        Job.objects.update(state=JobState.SUCCEEDED)
        yield region
        transaction.set_rollback(True)


def scanned(region: Region) -> Scan:
    """A finished scan with its suggestions in the queue."""
    scan = start(region=region, user=None, wake=False)
    scan_pairs(scan=scan, progress=SilentProgress())
    Job.objects.filter(pk=scan.job_id).update(state=JobState.SUCCEEDED)
    find_changes(scan=scan, progress=SilentProgress())
    return scan


def jobs(scan: Scan) -> list[Job]:
    """What waits to score tiles of the scan anew."""
    return list(Job.objects.unfinished().filter(kind=service.KIND, params={"scan": scan.pk}))


def corrected(region: Region, row: Correspondences, moved: Transform = MOVED):
    """A person sets the points of the proposal six metres further east, or elsewhere."""
    ana = UserFactory(role="admin")
    return ana, adjust(ana, take(ana, make_batch(region)), moved)


def rescored(scan: Scan) -> None:
    """The one job that waits, done."""
    (job,) = jobs(scan)
    assert run_now(job).state == JobState.SUCCEEDED, Job.objects.get(pk=job.pk).error_detail
