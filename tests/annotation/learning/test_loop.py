"""The loop as a whole: suggestions are decided, a new model learns from it and is held beside the one in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from annotation.changes.engine import Drawn
from annotation.changes.models import Change
from annotation.changes.services.find import find_changes, keep_candidates
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.consistency.models import Scan
from annotation.consistency.services.start import start as start_scan
from annotation.learning import engine
from annotation.learning.engine import evaluations
from annotation.learning.models import Evaluation, ModelState, ModelVersion
from annotation.learning.selectors import frozen_pairs
from annotation.learning.services import evaluate
from annotation.learning.services.registry import promote, roll_back
from annotation.learning.services.start import start
from annotation.review.models import ItemState
from annotation.sources.engine import to_shapely
from annotation.sources.models import Region
from annotation.tiles.engine import tile_address
from mlcore.changes.candidate import Candidate
from mlcore.errors import StoppedError
from mlcore.learning.checkpoints import read_tensors
from mlcore.progress import SilentProgress
from tests.annotation.learning.town import town_region
from tests.factories import UserFactory
from tests.factories_changes import save_decision

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("loop")]
ACCEPTED, REJECTED = 1, 2
"""Few: how many suggestions a tiny model makes depends on the last bits of its floats, so on the machine."""


@dataclass
class Loop:
    """A region after one turn of the loop: the model in use, what people said, and the candidate that learnt it."""

    region: Region
    first: ModelVersion
    second: ModelVersion
    scan: Scan


def trained(region: Region, seed: int) -> ModelVersion:
    run = start(region=region, user=None, preset="tiny", seed=seed, wake=False)
    job = run_now(run.job)
    assert job.state == JobState.SUCCEEDED, job.error_detail
    return ModelVersion.objects.select_related("run__data_set", "region").get(run=run)


def scanned(region: Region, model: ModelVersion) -> Scan:
    scan = start_scan(region=region, user=None, model=model, wake=False)
    assert scan.job is not None
    job = run_now(scan.job)
    assert job.state == JobState.SUCCEEDED, job.error_detail
    scan.refresh_from_db()
    find_changes(scan=scan, progress=SilentProgress())
    return scan


@pytest.fixture(scope="module")
def loop(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Loop]:
    """One turn of the loop, kept for the module and rolled back after it."""
    with django_db_blocker.unblock(), transaction.atomic():
        region = town_region(tmp_path_factory.mktemp("town"))
        first = trained(region, 0)
        scan = scanned(region, first)
        changes = list(Change.objects.filter(scan=scan).order_by("-confidence")[: ACCEPTED + REJECTED])
        assert len(changes) == ACCEPTED + REJECTED
        person = UserFactory(role="admin")
        for number, change in enumerate(changes):
            save_decision(person, change, "accept" if number < ACCEPTED else "reject")
        yield Loop(region, first, trained(region, 1), scan)
        transaction.set_rollback(True)


def comparison(loop: Loop) -> Evaluation:
    """The comparison that the training has queued, finished."""
    evaluation = Evaluation.objects.select_related("job", "data_set", "model", "against").get(model=loop.second)
    if evaluation.finished_at is None:
        assert evaluation.job is not None
        job = run_now(evaluation.job)
        assert job.state == JobState.SUCCEEDED, job.error_detail
        evaluation.refresh_from_db()
    return evaluation


def test_the_new_model_learnt_from_the_decisions_and_waits_beside_the_one_in_use(loop: Loop) -> None:
    assert (loop.first.state, loop.second.state) == (ModelState.ACTIVE, ModelState.CANDIDATE)
    assert (len(loop.first.run.data_set.decisions), len(loop.second.run.data_set.decisions)) == (0, ACCEPTED + REJECTED)
    assert loop.second.metrics["decisions/accepted"] == ACCEPTED
    assert loop.second.metrics["decisions/rejected"] == REJECTED
    assert not Evaluation.objects.filter(model=loop.first).exists()


def test_the_file_says_what_it_learnt_from_and_under_which_licences(loop: Loop) -> None:
    version = loop.second
    _, meta = read_tensors(Path(settings.MEDIA_ROOT) / version.path, sha256=version.sha256)
    about = meta["about"]
    assert about == version.about
    assert about["data_digest"] == version.run.data_set.digest
    assert about["imagery"]["licence"] == about["map"]["licence"] == "CC0-1.0"
    assert about["imagery"]["attribution"] == "a synthetic town"
    assert sum(sum(words.values()) for words in about["decisions"].values()) == ACCEPTED + REJECTED
    assert meta["config"] == version.run.config and meta["metrics"]["mapped_tiles"] == 20


def test_the_candidate_is_held_beside_the_model_in_use_on_one_frozen_set(loop: Loop) -> None:
    evaluation = comparison(loop)
    assert (evaluation.model_id, evaluation.against_id) == (loop.second.pk, loop.first.pk)
    assert evaluation.counts["tiles"] == 20
    assert (evaluation.counts["accepted"], evaluation.counts["rejected"]) == (ACCEPTED, REJECTED)
    assert evaluation.counts["errors"] >= 4
    data_set = evaluation.data_set
    assert data_set.frozen_sha256 == evaluation.frozen_sha256
    assert (Path(settings.MEDIA_ROOT) / data_set.frozen_path).is_file()
    by_name = {one["name"]: one for one in evaluation.figures}
    auroc = by_name["tile_auroc"]
    assert auroc["difference"]["value"] == pytest.approx(auroc["first"]["value"] - auroc["second"]["value"])
    assert by_name["agreement"]["word"] == "too_few"


def test_a_finished_comparison_is_given_back_and_the_frozen_set_stays_the_same(loop: Loop, monkeypatch) -> None:
    evaluation = comparison(loop)
    again = evaluate.start(model=loop.second, user=None, wake=False)
    assert again.pk == evaluation.pk and again.job_id == evaluation.job_id
    data_set = evaluation.data_set
    pairs = frozen_pairs(data_set)
    assert engine.frozen_set(data_set, pairs).sha256 == evaluation.frozen_sha256
    (Path(settings.MEDIA_ROOT) / data_set.frozen_path).unlink()
    assert engine.frozen_set(data_set, pairs).sha256 == evaluation.frozen_sha256


class StopAt:
    """Asks to stop once so much is done."""

    def __init__(self, fraction: float) -> None:
        self.fraction, self.done = fraction, 0.0

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        self.done = fraction

    def should_stop(self) -> bool:
        return self.done >= self.fraction


def test_a_stopped_comparison_goes_on_with_what_was_scored(loop: Loop, monkeypatch) -> None:
    done = comparison(loop)
    figures = done.figures
    for kept in evaluations._folder(done.data_set).glob("*-*.json"):
        if not kept.name.startswith("errors-"):
            kept.unlink()
    Evaluation.objects.filter(pk=done.pk).update(finished_at=None, figures=[])
    done.refresh_from_db()
    with pytest.raises(StoppedError):
        evaluate.evaluate(evaluation=done, progress=StopAt(0.6))
    assert done.finished_at is None

    loaded: list[int] = []
    real = evaluations.load_region_model
    monkeypatch.setattr(evaluations, "load_region_model", lambda version: loaded.append(version.pk) or real(version))
    taken_up = evaluate.start(model=loop.second, user=None, wake=False)
    assert taken_up.pk == done.pk and taken_up.job is not None and taken_up.job.state == JobState.QUEUED
    assert run_now(taken_up.job).state == JobState.SUCCEEDED
    taken_up.refresh_from_db()
    assert loaded == [loop.second.pk]
    assert taken_up.figures == figures


def test_promotion_and_roll_back_change_what_the_next_comparison_is_with(loop: Loop) -> None:
    promote(model=loop.second, user=None)
    first_now = evaluate.start(model=loop.first, user=None, wake=False)
    assert (first_now.model_id, first_now.against_id) == (loop.first.pk, loop.second.pk)
    assert (
        evaluate.start(model=ModelVersion.objects.get(pk=loop.second.pk), user=None, wake=False).against_id
        == loop.first.pk
    )
    roll_back(region=loop.region, user=None)
    alone = evaluate.start(model=ModelVersion.objects.get(pk=loop.first.pk), user=None, wake=False)
    assert alone.against_id is None
    assert Job.objects.filter(kind="learning.evaluate").count() >= 2


def test_what_was_rejected_does_not_come_back_from_the_new_model(loop: Loop) -> None:
    scan = scanned(loop.region, loop.second)
    rejected = Change.objects.filter(scan=loop.scan, item__decision="reject")
    assert rejected.count() == REJECTED
    fresh = Change.objects.filter(scan=scan, item__state=ItemState.OPEN)
    marks = set(rejected.values_list("fingerprint", flat=True))
    assert not marks & set(fresh.values_list("fingerprint", flat=True))
    drawn = Drawn(rejected.filter(kind="add"))
    assert not any(drawn.has(to_shapely(change.geometry)) for change in fresh.filter(kind="add"))

    suggested = [as_candidate(change) for change in rejected.select_related("pair__tile", "footprint")]
    counts = keep_candidates(scan=scan, found=suggested, progress=SilentProgress())
    assert (counts.made, counts.answered) == (0, REJECTED)


def as_candidate(change: Change) -> Candidate:
    house = change.footprint
    return Candidate(
        change.kind, to_shapely(change.geometry), house.osm_type if house else None, house.osm_id if house else None,
        tile_address(change.pair.tile), 0.99,
    )  # fmt: skip


def test_the_card_tells_data_licences_and_figures(loop: Loop, client_of) -> None:
    comparison(loop)
    client = client_of(UserFactory(role="admin"))
    card = client.get(reverse("api-model-card", args=[loop.second.pk]))
    assert card.status_code == 200 and card["Content-Type"].startswith("text/markdown")
    text = card.content.decode()
    for piece in (loop.second.sha256, loop.second.run.data_set.digest, "CC0-1.0", "a synthetic town", "AUROC"):
        assert piece in text
    assert f"beside model {loop.first.pk}" in text


def test_the_file_that_is_downloaded_is_the_registered_one(loop: Loop, client_of) -> None:
    reply = client_of(UserFactory(role="admin")).get(reverse("api-model-weights", args=[loop.second.pk]))
    content = b"".join(reply.streaming_content)
    assert content == (Path(settings.MEDIA_ROOT) / loop.second.path).read_bytes()
    assert reply["Mapwright-Sha256"] == loop.second.sha256 and "attachment" in reply["Content-Disposition"]
