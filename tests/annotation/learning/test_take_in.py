"""Weights of a matcher from a file: checked by a job, then a candidate; refused with the reason where they are not."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.common.models import JobState
from annotation.common.services.jobs import cancel, run_now
from annotation.correspondences.engine import make
from annotation.learning import engine
from annotation.learning.models import Evaluation, ModelState, ModelVersion, TrainingRun
from annotation.learning.services.registry import promote
from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.structure import StructureModel
from mlcore.digests import sha256_of
from mlcore.weights import GENERAL_FILE, MATCHER_FILE
from tests.annotation.learning.matched import verified_place
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
ADDRESS = reverse("api-all-regions-models-import")


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def client(client_of) -> Any:
    return client_of(UserFactory(role="admin"))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere.safetensors"
    StructureModel(StructureConfig(widths=(4, 4, 4, 4), channels=2, coarse_channels=2)).eval().save(path)
    return path


def send(client: Any, content: bytes, name: str = "elsewhere.safetensors", **more: str) -> Any:
    return client.post(ADDRESS, {"file": SimpleUploadedFile(name, content), **more}, format="multipart")


def test_a_file_becomes_a_candidate_that_can_be_promoted_and_given_out_as_it_came(client, weights):
    verified_place(columns=6, rows=2)
    reply = send(client, weights.read_bytes())
    assert reply.status_code == 202, reply.json()
    run = TrainingRun.objects.get(pk=reply.json()["id"])
    assert (run.preset, run.job.state, reply.json()["preset"]) == ("imported", "queued", "imported")
    job = run_now(run.job)
    assert job.state == JobState.SUCCEEDED, job.error_detail
    model = ModelVersion.objects.get(run=run)
    assert (model.state, model.sha256) == (ModelState.CANDIDATE, sha256_of(weights))
    assert model.about["file"]["name"] == "elsewhere.safetensors" and model.about["tiles"] == 0
    assert Evaluation.objects.get(model=model).job.state == "queued"
    assert not engine.work_folder(run).exists()
    promote(model=model, user=None)
    assert make("structure").digest == sha256_of(weights)
    given = client.get(reverse("api-model-weights", args=[model.pk]))
    assert b"".join(given.streaming_content) == weights.read_bytes()
    card = client.get(reverse("api-model-card", args=[model.pk])).content.decode()
    assert "| Came as the file | elsewhere.safetensors |" in card
    again = send(client, weights.read_bytes())
    assert (again.status_code, again.json()["code"], again.json()["model"]) == (409, "model_there", model.pk)


def test_where_nothing_is_verified_a_file_waits_without_a_comparison(client):
    run = TrainingRun.objects.get(pk=send(client, MATCHER_FILE.read_bytes()).json()["id"])
    assert run_now(run.job).state == JobState.SUCCEEDED
    model = ModelVersion.objects.get(run=run)
    assert not Evaluation.objects.exists()
    told = client.post(reverse("api-model-evaluations", args=[model.pk]))
    assert (told.status_code, told.json()["code"]) == (400, "no_ground")


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_is_refused_unread(client, tmp_path: Path):
    """I9."""
    canary = tmp_path / "ran"
    run = TrainingRun.objects.get(pk=send(client, pickle.dumps(Canary(canary))).json()["id"])
    job = run_now(run.job)
    assert (job.state, job.error_code) == (JobState.FAILED, "not_taken_in")
    assert "never loaded" in job.error_detail and str(engine.run_folder(run)) not in job.error_detail
    assert not canary.exists() and not ModelVersion.objects.exists()


def test_another_kind_of_model_is_refused_by_the_job_and_may_be_given_again(client):
    content = GENERAL_FILE.read_bytes()
    run = TrainingRun.objects.get(pk=send(client, content).json()["id"])
    busy = send(client, content)
    assert (busy.status_code, busy.json()["code"]) == (409, "training_running")
    cancel(run.job)
    assert send(client, content).json()["id"] == run.pk
    run.refresh_from_db()
    job = run_now(run.job)
    assert (job.state, job.error_code) == (JobState.FAILED, "not_taken_in")
    assert "another kind of model" in job.error_detail


def test_what_can_t_be_a_model_is_refused_at_the_door(client, client_of, settings, weights):
    content = weights.read_bytes()
    assert send(client, content, "model.pt").json()["code"] == "invalid"
    assert send(client, content, kind="region").json()["code"] == "wrong_scope"
    assert send(client, content, kind="else").json()["code"] == "unknown_kind"
    settings.MAX_MODEL_BYTES = 10
    reply = send(client, content)
    assert (reply.status_code, reply.json()["code"]) == (400, "not_taken_in")
    assert client.post(ADDRESS, {}, format="multipart").status_code == 400
    assert send(client_of(UserFactory(role="editor")), content).status_code == 403
    assert not TrainingRun.objects.exists()
