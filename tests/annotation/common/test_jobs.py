"""Jobs: the row is the truth, a message only a wake-up."""

import pytest

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from tests import factories

pytestmark = pytest.mark.django_db


def test_an_unfinished_job_with_the_same_key_is_returned_instead_of_a_second_one():
    first = jobs.enqueue(kind="tiles.build_pairs", params={}, scope_id=1, created_by=None, dedup_key="pairs:1")
    second = jobs.enqueue(kind="tiles.build_pairs", params={}, scope_id=1, created_by=None, dedup_key="pairs:1")
    assert first.pk == second.pk
    assert Job.objects.count() == 1


def test_pairs_of_the_factory_share_a_region():
    pair = factories.PairFactory()
    assert pair.tile.region == pair.imagery.region == pair.snapshot.region
    assert Job.objects.filter(state=JobState.QUEUED).count() == 0
