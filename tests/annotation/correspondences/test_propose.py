"""Correspondences of a region: proposed in bulk, resumed, stopped, and never taken from chance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from celery import current_app

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.correspondences import engine
from annotation.correspondences.decided import transforms_in_force
from annotation.correspondences.errors import NoPairsError, NoWeightsError, UnknownMatcherError
from annotation.correspondences.models import ControlPoint, Correspondences, CorrespondencesState
from annotation.correspondences.services import propose
from annotation.sources.errors import NoSourcesError
from annotation.tiles.engine import tile_address
from annotation.tiles.models import TilePair
from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.robust import AGREE_PX
from mlcore.correspondences.structure import StructureModel
from mlcore.digests import sha256_of
from mlcore.errors import StoppedError
from tests.annotation.correspondences.place import SHIFT_PX, matched_place
from tests.factories import ImageryFactory, RegionFactory, SnapshotFactory, UserFactory
from tests.mlcore.correspondences.test_installed import package  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


class Recorder:
    """A progress that keeps what it is told and stops after `stop_after` reports."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.fractions: list[float] = []
        self.stop_after = stop_after

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        self.fractions.append(fraction)

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.fractions) >= self.stop_after


def run(imagery, snapshot, matcher="sift", progress=None):
    return propose.propose_for(
        imagery=imagery, snapshot=snapshot, matcher=matcher, progress=progress or Recorder(), job=None
    )


def test_the_shift_of_a_made_place_is_found_on_every_tile_and_what_shows_another_place_is_refused():
    region, imagery, snapshot = matched_place(columns=3, noise=1)
    assert run(imagery, snapshot) == propose.ProposalCounts(matched=2, verified=0, refused=1, kept=0)
    *matched, refused = Correspondences.objects.filter(region=region).order_by("pair__tile__x")
    corners = np.array([[0, 0], [256, 0], [256, 256], [0, 256.0]])
    for row in matched:
        transform = engine.proposed_transform(row)
        assert np.linalg.norm(transform.apply(corners) - corners - SHIFT_PX, axis=1).max() < 0.5
        assert row.inliers >= row.needed_inliers and row.log10_nfa < -3 and 0 <= row.rmse_m < 0.3
        assert row.state == CorrespondencesState.PROPOSED and not row.passed_gate
        points = list(row.points.order_by("number"))
        assert [point.number for point in points] == list(range(1, min(row.inliers, 200) + 1))
        off = engine.residuals_of(transform, [p.map_xy for p in points], [p.image_xy for p in points])
        assert np.linalg.norm(off, axis=1).max() <= AGREE_PX + 1e-6
        assert {(p.origin, p.role, p.enabled, p.corrected) for p in points} == {("auto", "fit", True, False)}
    assert (refused.transform_kind, refused.inliers, refused.points.count()) == ("", 0, 0)
    assert refused.refused and refused.state == CorrespondencesState.PROPOSED
    assert transforms_in_force(region) == {}


def test_a_second_run_proposes_nothing_and_other_weights_propose_anew(monkeypatch):
    _, imagery, snapshot = matched_place(columns=2)
    run(imagery, snapshot)
    assert run(imagery, snapshot) == propose.ProposalCounts(matched=0, verified=0, refused=0, kept=2)
    made = engine.make("sift")
    monkeypatch.setattr(engine, "make", lambda name: engine.Made(made.matcher, name, "another version"))
    assert run(imagery, snapshot).matched == 2
    assert Correspondences.objects.count() == 4


def test_a_stopped_run_keeps_its_batches_and_the_next_one_goes_on(monkeypatch):
    _, imagery, snapshot = matched_place(columns=3)
    monkeypatch.setattr(propose, "BATCH", 1)
    with pytest.raises(StoppedError):
        run(imagery, snapshot, progress=Recorder(stop_after=1))
    first = set(Correspondences.objects.values_list("pk", flat=True))
    assert len(first) == 1
    progress = Recorder()
    assert run(imagery, snapshot, progress=progress) == propose.ProposalCounts(2, 0, 0, kept=1)
    assert first < set(Correspondences.objects.values_list("pk", flat=True))
    assert progress.fractions == sorted(progress.fractions) and progress.fractions[-1] == 1.0


def test_what_was_matched_before_a_stop_in_the_midst_of_a_batch_is_stored(monkeypatch):
    _, imagery, snapshot = matched_place(columns=3)
    progress = Recorder()
    matched = []
    one = engine.propose

    def then_stop(*args, **more):
        matched.append(one(*args, **more))
        progress.stop_after = 0
        return matched[-1]

    monkeypatch.setattr(engine, "propose", then_stop)
    with pytest.raises(StoppedError):
        run(imagery, snapshot, progress=progress)
    assert Correspondences.objects.count() == len(matched) == 1


def test_a_run_that_lost_its_job_doubles_nothing_that_another_one_stored(monkeypatch):
    _, imagery, snapshot = matched_place(columns=2)
    slow = engine.propose

    def overtaken(*args, **more):
        found = slow(*args, **more)
        monkeypatch.setattr(engine, "propose", slow)
        run(imagery, snapshot)
        return found

    monkeypatch.setattr(engine, "propose", overtaken)
    assert run(imagery, snapshot).matched == 0
    assert Correspondences.objects.count() == 2
    assert ControlPoint.objects.count() == sum(min(row.inliers, 200) for row in Correspondences.objects.all())


def test_a_pair_deleted_meanwhile_leaves_no_orphan_and_no_error(monkeypatch):
    _, imagery, snapshot = matched_place(columns=2)
    one = engine.propose

    def then_delete(pair, *args, **more):
        found = one(pair, *args, **more)
        TilePair.objects.filter(pk=pair.pk).delete()
        monkeypatch.setattr(engine, "propose", one)
        return found

    monkeypatch.setattr(engine, "propose", then_delete)
    assert run(imagery, snapshot).matched == 1


def test_the_gate_of_the_settings_verifies_what_passes_it_and_nothing_else(settings):
    settings.MATCHER_GATE_LOG10_NFA, settings.MATCHER_GATE_RMSE_M = -3.0, 0.5
    region, imagery, snapshot = matched_place(columns=2, noise=1)
    assert run(imagery, snapshot) == propose.ProposalCounts(matched=1, verified=1, refused=1, kept=0)
    verified = Correspondences.objects.get(state=CorrespondencesState.VERIFIED)
    assert verified.passed_gate
    assert set(transforms_in_force(region)) == {tile_address(verified.pair.tile)}
    settings.MATCHER_GATE_RMSE_M = 1e-9
    Correspondences.objects.all().delete()
    assert run(imagery, snapshot).verified == 0


def test_the_structure_matcher_runs_with_the_weights_of_the_settings(settings, tmp_path: Path):
    weights = tmp_path / "matcher.safetensors"
    StructureModel(StructureConfig(widths=(4, 4, 4, 4), channels=2, coarse_channels=2)).eval().save(weights)
    settings.MATCHER_WEIGHTS = str(weights)
    assert engine.offered()[0] == "structure"
    region, imagery, snapshot = matched_place(columns=1)
    counts = run(imagery, snapshot, "structure")
    assert counts.matched + counts.refused == 1
    row = Correspondences.objects.get(region=region)
    assert (row.matcher, row.matcher_digest) == ("structure", sha256_of(weights))


@pytest.mark.usefixtures("package")
def test_a_matcher_of_vismatch_is_offered_where_the_administrator_names_it(settings):
    region, imagery, snapshot = matched_place(columns=1)
    with pytest.raises(UnknownMatcherError, match="choose one of structure, sift, orb"):
        engine.make("vismatch:sift-nn")
    settings.VISMATCH_MATCHERS = ["sift-nn"]
    assert engine.offered()[-1] == "vismatch:sift-nn"
    assert run(imagery, snapshot, "vismatch:sift-nn").matched == 1
    row = Correspondences.objects.get(region=region)
    assert (row.matcher, row.matcher_digest) == ("vismatch:sift-nn", "vismatch-0.1")


def test_the_structure_matcher_computes_where_the_settings_say(settings):
    settings.COMPUTE_DEVICE = "meta"
    assert engine.make("structure").matcher.device.type == "meta"


def test_without_weights_only_classical_matchers_may_be_chosen(settings, tmp_path: Path):
    region, imagery, snapshot = matched_place(columns=1)
    assert engine.offered()[0] == "structure"  # by the weights that ship
    settings.MATCHER_WEIGHTS = str(tmp_path / "gone.safetensors")
    assert "structure" not in engine.offered()
    with pytest.raises(NoWeightsError, match="MAPWRIGHT_MATCHER_WEIGHTS"):
        propose.start(region=region, user=None, matcher="structure")
    with pytest.raises(UnknownMatcherError, match="choose one of sift, orb"):
        propose.start(region=region, user=None, matcher="oracle")
    with pytest.raises(NoWeightsError, match=r"gone\.safetensors is no file"):
        run(imagery, snapshot, "structure")
    assert not Job.objects.exists()


def test_a_region_without_sources_or_pairs_says_what_is_missing():
    region = RegionFactory()
    with pytest.raises(NoSourcesError):
        propose.start(region=region, user=None)
    imagery, snapshot = ImageryFactory(region=region), SnapshotFactory(region=region)
    with pytest.raises(NoPairsError, match="build the pairs first"):
        run(imagery, snapshot)


def test_the_job_runs_to_its_end_once_per_region_and_matcher():
    region, *_ = matched_place(columns=2)
    admin = UserFactory(role="admin")
    job = propose.start(region=region, user=admin, matcher="sift", wake=False)
    assert propose.start(region=region, user=admin, matcher="sift", wake=False) == job
    assert propose.start(region=region, user=admin, matcher="orb", wake=False) != job
    done = jobs.run_now(job)
    assert done.state == JobState.SUCCEEDED, done.error_detail
    assert done.result == {"matched": 2, "verified": 0, "refused": 0, "kept": 0}
    assert done.message == "2 of 2 tiles: 2 matched, 0 without a match"
    assert {row.job_id for row in Correspondences.objects.all()} == {job.pk}


def test_its_message_goes_to_the_queue_of_the_settings_and_every_queue_is_served_by_default(
    settings, monkeypatch, django_capture_on_commit_callbacks
):
    region, *_ = matched_place(columns=1)
    sent = []
    monkeypatch.setattr(current_app, "send_task", lambda *args, **options: sent.append(options["queue"]))
    with django_capture_on_commit_callbacks(execute=True):
        propose.start(region=region, user=None, matcher="sift")
    settings.JOB_QUEUES = {"correspondences.propose": "cpu"}
    with django_capture_on_commit_callbacks(execute=True):
        propose.start(region=region, user=None, matcher="orb")
    assert sent == ["gpu", "cpu"]
    served = current_app.amqp.queues
    assert {"gpu", "cpu", settings.CELERY_TASK_DEFAULT_QUEUE} <= set(served)
    assert served["gpu"].exchange.name == served["gpu"].routing_key == "gpu"
