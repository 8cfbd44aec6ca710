"""The registry holds models of every kind: of a region, and for all regions; one of each is in use."""

import pytest
from django.db import IntegrityError

from annotation.common.services import jobs
from annotation.learning.errors import NotComparableError
from annotation.learning.models import DataSet, ModelState, ModelVersion
from annotation.learning.selectors import active_model
from annotation.learning.services import evaluate
from annotation.learning.services.start import start
from tests.annotation.learning.rows import make_model
from tests.factories import RegionFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def second_kind(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.MODEL_KINDS = {**settings.MODEL_KINDS, "counter": "tests.annotation.learning.second_kind.KIND"}


@pytest.fixture
def admin():
    return UserFactory(role="admin")


def trained(**more) -> ModelVersion:
    run = start(region=None, user=None, kind="counter", wake=False, **more)
    job = jobs.run_now(run.job)
    assert job.state == "succeeded", job.error_detail
    return ModelVersion.objects.get(run=run)


def test_a_model_for_all_regions_is_trained_registered_promoted_and_rolled_back(client_of, admin):
    region = RegionFactory()
    own = make_model(region, ModelState.ACTIVE)
    first, second = trained(), trained(seed=1)
    assert (first.state, second.state) == ("active", "candidate")
    assert (first.kind, first.region, first.metrics) == ("counter", None, {"regions": 1})
    assert active_model(region.pk) == own and active_model(None, "counter") == first
    client = client_of(admin)
    assert client.post(f"/api/models/{second.pk}/promote/").json()["state"] == "active"
    assert active_model(None, "counter") == second and active_model(region.pk) == own
    assert client.post("/api/models/roll-back/?kind=counter").json()["id"] == first.pk
    assert [one["id"] for one in client.get("/api/models/").json()["results"]] == [second.pk, first.pk]
    assert [one["id"] for one in client.get(f"/api/regions/{region.pk}/models/").json()["results"]] == [own.pk]
    card = client.get(f"/api/models/{first.pk}/card.md").content.decode()
    assert "of all regions" in card and "Counts regions." in card and "Imagery" not in card


def test_one_of_each_kind_is_in_use_and_no_second():
    model = trained()
    make_model(RegionFactory(), ModelState.ACTIVE)
    make_model(RegionFactory(), ModelState.ACTIVE)
    run = start(region=None, user=None, kind="counter", seed=7, wake=False)
    with pytest.raises(IntegrityError, match="model_one_active_of_a_kind_per_region"):
        ModelVersion.objects.create(run=run, kind="counter", path=model.path, sha256=model.sha256, state="active")


def test_a_data_set_of_a_region_names_its_sources_and_another_kind_keeps_a_payload():
    trained()
    assert DataSet.objects.get(kind="counter").payload["regions"] == []
    with pytest.raises(IntegrityError, match="data_set_of_a_region_names_its_sources"):
        DataSet.objects.create(digest="0" * 64)


def test_a_stopped_training_for_all_is_taken_up_again_and_a_second_one_is_refused(client_of, admin):
    run = start(region=None, user=None, kind="counter", wake=False)
    told = client_of(admin).post("/api/training-runs/", {"kind": "counter"}, format="json")
    assert (told.status_code, told.json()["code"]) == (409, "training_running")
    jobs.cancel(run.job)
    assert start(region=None, user=None, kind="counter", wake=False) == run


@pytest.mark.parametrize(
    ("address", "kind", "code"),
    [("training-runs", "region", "wrong_scope"), ("regions/{}/training-runs", "counter", "wrong_scope"),
     ("training-runs", "else", "unknown_kind")],
)  # fmt: skip
def test_a_kind_that_does_not_fit_is_refused(client_of, admin, address, kind, code):
    answer = client_of(admin).post(f"/api/{address.format(RegionFactory().pk)}/", {"kind": kind}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_kind_without_a_comparison_says_so():
    with pytest.raises(NotComparableError):
        evaluate.start(model=trained(), user=None)
