"""A matcher trained in the product: registered, resumed, compared, promoted; and what proposes then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction

from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.correspondences.engine import built_in_file, make, offered
from annotation.correspondences.errors import NoWeightsError
from annotation.correspondences.models import Correspondences
from annotation.correspondences.services.propose import propose_for
from annotation.learning import engine
from annotation.learning.card import model_card
from annotation.learning.engine import matchers
from annotation.learning.errors import NothingToRollBackError, TooFewVerifiedError
from annotation.learning.models import Evaluation, ModelState, ModelVersion, TrainingRun
from annotation.learning.selectors import curves, matcher_in_use
from annotation.learning.services import evaluate
from annotation.learning.services.registry import promote, roll_back
from annotation.learning.services.start import start
from annotation.learning.services.train import train
from annotation.review.models import AuditEntry
from annotation.sources.models import Region
from mlcore.correspondences.structure import StructureModel
from mlcore.digests import sha256_of
from mlcore.errors import CheckpointError, StoppedError
from mlcore.learning.checkpoints import content_digest, read_tensors
from mlcore.progress import SilentProgress
from tests.annotation.learning.matched import verified_place
from tests.annotation.learning.test_train import StopAfter
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("matcher")]


@dataclass
class Learnt:
    """A verified place with one finished training of a matcher and its finished comparison."""

    region: Region
    run: TrainingRun
    job: Job
    model: ModelVersion
    evaluation: Evaluation


def tiny(seed: int = 0) -> TrainingRun:
    return start(region=None, user=None, kind="matcher", preset="tiny", seed=seed, wake=False)


@pytest.fixture(scope="module")
def learnt(django_db_setup, django_db_blocker) -> Iterator[Learnt]:
    """Kept for the module and rolled back after it."""
    with django_db_blocker.unblock(), transaction.atomic():
        region = verified_place(people=[UserFactory(), UserFactory()])
        run = tiny()
        job = run_now(run.job)
        assert job.state == JobState.SUCCEEDED, job.error_detail
        run.refresh_from_db()
        evaluation = Evaluation.objects.get(model__run=run)
        compared = run_now(evaluation.job)
        assert compared.state == JobState.SUCCEEDED, compared.error_detail
        evaluation.refresh_from_db()
        yield Learnt(region, run, job, ModelVersion.objects.get(run=run), evaluation)
        transaction.set_rollback(True)


def weights(version: ModelVersion) -> str:
    """Digest of the weights alone."""
    tensors, _ = read_tensors(Path(settings.MEDIA_ROOT) / version.path, sha256=version.sha256)
    return content_digest(tensors)


def test_the_first_matcher_waits_as_a_candidate_for_something_is_in_use_already(learnt):
    assert (learnt.model.state, learnt.model.kind, learnt.model.region) == (ModelState.CANDIDATE, "matcher", None)
    assert matcher_in_use() is None and make("structure").digest == sha256_of(built_in_file())
    path = engine.check_model_file(learnt.model)
    assert [one.name for one in engine.run_folder(learnt.run).iterdir()] == [path.name]
    start_config = StructureModel.load(built_in_file()).config
    assert StructureModel.load(path).config.widths == start_config.widths


def test_the_file_says_what_it_learnt_from_whom_and_under_which_licences(learnt):
    _, meta = read_tensors(engine.check_model_file(learnt.model))
    about = meta["about"]
    assert about == learnt.model.about
    assert (about["tiles"], about["people"], about["places"]) == (18, 2, 1)
    assert about["decisions"] == {"correspondences": {"accepted": 17, "adjusted": 1, "rejected": 0}}
    assert about["sources"][0]["imagery"]["licence"] == "CC-BY-4.0"
    assert about["start"] == {"model": None, "sha256": sha256_of(built_in_file())}
    assert about["data_digest"] == learnt.run.data_set.digest


def test_the_live_curves_are_kept_epoch_by_epoch(learnt):
    found = curves(learnt.run)
    assert {name: len(points) for name, points in found.items()} == {
        "structure/coarse_loss": 4, "structure/fine_loss": 4, "structure/near_share": 4,
    }  # fmt: skip
    assert learnt.model.metrics["verified_tiles"] == 18
    assert learnt.model.metrics["structure/coarse_loss"] == found["structure/coarse_loss"][-1][1]


def test_a_training_that_is_stopped_ends_with_the_weights_of_a_straight_one(learnt):
    run = tiny(seed=3)
    with pytest.raises(StoppedError):
        train(run=run, progress=StopAfter("epoch 2"))
    assert engine.work_folder(run).exists() and not ModelVersion.objects.filter(run=run).exists()
    Job.objects.filter(pk=run.job_id).update(state=JobState.CANCELLED)
    again = tiny(seed=3)
    assert again.pk == run.pk
    said = StopAfter()
    resumed = train(run=again, progress=said)
    assert any("going on after epoch 2" in message for message in said.messages)
    straight = TrainingRun.objects.create(
        kind="matcher", data_set=run.data_set, preset="tiny", config=run.config, seed=3
    )
    assert weights(train(run=straight, progress=SilentProgress())) == weights(resumed) != weights(learnt.model)
    assert not engine.work_folder(run).exists()


def test_it_is_held_beside_what_is_built_in_on_blocks_that_nobody_learns(learnt):
    evaluation = learnt.evaluation
    assert (evaluation.against, evaluation.counts) == (None, {"blocks": 2, "tiles": 6, "corrected": 1, "own": 0})
    names = [one["name"] for one in evaluation.figures]
    assert names == ["placed", "close", "moved_placed", "moved_close", "refused_elsewhere"]
    assert all(one["first"] and one["second"] for one in evaluation.figures[:4])
    assert {one["word"] for one in evaluation.figures} == {"too_few"}  # two blocks tell no difference
    assert evaluation.figures[0]["second"]["value"] > 0.5  # the matcher that ships finds this place
    assert len(evaluation.frozen_sha256) == 64
    card = model_card(learnt.model, evaluation)
    assert "of all regions" in card and "beside the matcher that ships" in card
    assert "6 verified tiles on 2 blocks" in card and "| Verified by | 2 people, in 1 regions |" in card
    assert "CC-BY-4.0" in card and "How near, up to 3 px (AUC)" in card
    assert evaluate.start(model=learnt.model, user=None) == evaluation


def test_what_was_scored_is_not_scored_again(learnt, monkeypatch):
    def never(*args, **more):
        raise AssertionError("matched again")

    monkeypatch.setattr("mlcore.evaluation.compare_matchers.score_matcher", never)
    figures, counts, digest = matchers.evaluate_matchers(learnt.evaluation, SilentProgress())
    assert (counts, digest) == (learnt.evaluation.counts, learnt.evaluation.frozen_sha256)
    assert [one["first"] for one in figures] == [one["first"] for one in learnt.evaluation.figures]


def test_the_model_in_use_proposes_and_a_roll_back_brings_back_what_is_built_in(learnt, settings, tmp_path):
    admin = UserFactory(role="admin")
    settings.MATCHER_WEIGHTS = str(tmp_path / "gone.safetensors")
    with pytest.raises(NoWeightsError):
        make("structure")
    promote(model=learnt.model, user=admin)
    assert offered()[0] == "structure"  # what people put in use goes before the setting
    assert make("structure").digest == learnt.model.sha256
    settings.MATCHER_WEIGHTS = ""
    imagery, snapshot = learnt.region.imagery_set.get(), learnt.region.mapsnapshot_set.get()
    propose_for(imagery=imagery, snapshot=snapshot, matcher="structure", progress=SilentProgress())
    proposed = Correspondences.objects.filter(matcher="structure")
    assert set(proposed.values_list("matcher_digest", flat=True)) == {learnt.model.sha256}
    assert proposed.count() == 24

    assert roll_back(region=None, user=admin, kind="matcher") is None
    assert matcher_in_use() is None and make("structure").digest == sha256_of(built_in_file())
    assert ModelVersion.objects.get(pk=learnt.model.pk).state == ModelState.RETIRED
    with pytest.raises(NothingToRollBackError):
        roll_back(region=None, user=admin, kind="matcher")
    entries = AuditEntry.objects.filter(object_id=str(learnt.model.pk), actor=admin)
    assert [(one.action, one.data.get("built_in")) for one in entries.order_by("pk")] == [
        ("model.promoted", None), ("model.rolled_back", True),
    ]  # fmt: skip


def test_the_next_training_goes_on_from_the_model_in_use_and_is_held_beside_it(learnt):
    promote(model=learnt.model, user=None)
    run = tiny()
    assert run.pk != learnt.run.pk
    assert run.data_set.payload["start"] == {"model": learnt.model.pk, "sha256": learnt.model.sha256}
    version = train(run=run, progress=SilentProgress())
    assert weights(version) != weights(learnt.model)
    evaluation = evaluate.start(model=version, user=None, wake=False)
    assert evaluation.against == learnt.model
    promote(model=version, user=None)
    assert roll_back(region=None, user=None, kind="matcher") == learnt.model


def test_a_model_whose_file_was_altered_neither_proposes_nor_teaches(learnt):
    promote(model=learnt.model, user=None)
    path = engine.check_model_file(learnt.model)
    whole = path.read_bytes()
    try:
        path.write_bytes(built_in_file().read_bytes())
        with pytest.raises(CheckpointError, match="not the registered file"):
            make("structure")
        with pytest.raises(engine.ModelFileError, match="not the one registered"):
            tiny(seed=5)
    finally:
        path.write_bytes(whole)


def test_a_training_on_nothing_is_refused_with_the_number_that_is_missing():
    Correspondences.objects.all().delete()
    with pytest.raises(TooFewVerifiedError, match="at least 8"):
        tiny()


def test_the_page_is_told_what_the_next_matcher_would_learn_and_what_is_in_use(learnt, client_of):
    client, model = client_of(UserFactory()), learnt.model
    told = client.get("/api/training-data/?kind=matcher").json()
    assert told == {
        "learnt": 18, "needed": 8, "held_out": 6, "blocks": 2, "corrected": 2, "people": 2, "regions": 1,
        "gate_alone": 0, "model": None, "in_use": "the matcher that ships", "new": 18,
    }  # fmt: skip
    promote(model=model, user=None)
    told = client.get("/api/training-data/?kind=matcher").json()
    assert (told["model"], told["in_use"], told["new"]) == (model.pk, f"model {model.pk}", 0)


def test_everybody_sees_runs_and_models_by_kind_and_administrators_alone_decide(learnt, client_of):
    reader, admin = client_of(UserFactory()), client_of(UserFactory(role="admin"))
    for kind, found in (("matcher", True), ("region", False), ("", True)):
        for address in ("training-runs", "models"):
            ids = [one["id"] for one in reader.get(f"/api/{address}/?kind={kind}").json()["results"]]
            assert bool(ids) == found
    body = reader.get(f"/api/training-runs/{learnt.run.pk}/").json()
    assert len(body["figures"]["structure/fine_loss"]) == 4 and body["data_set"]["pairs"] == 18
    promote_it = f"/api/models/{learnt.model.pk}/promote/"
    assert reader.post(promote_it).status_code == 403
    assert admin.post(promote_it).json()["state"] == "active"
    assert reader.post("/api/models/roll-back/?kind=matcher").status_code == 403
    assert admin.post("/api/models/roll-back/?kind=matcher").status_code == 204
    assert admin.post("/api/models/roll-back/?kind=matcher").json()["code"] == "nothing_to_roll_back"


def test_the_command_trains_a_matcher_and_refuses_what_does_not_fit(learnt):
    said = StringIO()
    call_command("train", kind="matcher", preset="tiny", seed=9, stdout=said)
    assert "is candidate." in said.getvalue() and "structure/coarse_loss" in said.getvalue()
    with pytest.raises(CommandError, match="wrong_scope"):
        call_command("train", learnt.region.name, kind="matcher")
    with pytest.raises(CommandError, match="wrong_scope"):
        call_command("train")
