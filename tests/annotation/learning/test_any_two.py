"""Any two models of a kind and region are held side by side, in use or not."""

import pytest
from django.urls import reverse

from annotation.learning.models import Evaluation, ModelState
from annotation.learning.services import evaluate
from tests.annotation.learning.rows import make_model
from tests.factories import RegionFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client_of):
    return client_of(UserFactory(role="admin"))


def test_two_models_of_which_neither_is_in_use_are_compared_once(client):
    region = RegionFactory()
    make_model(region, ModelState.ACTIVE)
    first, second = make_model(region), make_model(region)
    address = reverse("api-model-evaluations", args=[first.pk])
    started = client.post(address, {"against": second.pk}, format="json")
    assert started.status_code == 202, started.json()
    body = started.json()
    assert (body["model"], body["against"], body["job"]["state"]) == (first.pk, second.pk, "queued")
    assert client.post(address, {"against": second.pk}, format="json").json()["id"] == body["id"]
    assert client.post(address).json()["id"] != body["id"]  # that is the one with the model in use


def test_what_can_not_be_compared_is_said(client):
    region = RegionFactory()
    model, elsewhere = make_model(region), make_model(RegionFactory())
    address = reverse("api-model-evaluations", args=[model.pk])
    for against, status, code in [
        (model.pk, 409, "not_comparable"),
        (elsewhere.pk, 409, "not_comparable"),
        (None, 409, "not_comparable"),
        (10**9, 404, "not_found"),
        ("the best", 400, "invalid"),
    ]:
        reply = client.post(address, {"against": against}, format="json")
        assert (reply.status_code, reply.json()["code"]) == (status, code), against
    assert not Evaluation.objects.exists()


def test_a_model_of_a_region_that_one_may_not_see_answers_like_a_missing_one(client_of):
    person = UserFactory()
    region = RegionFactory(members=[person])
    model = make_model(region)
    reply = client_of(person).post(
        reverse("api-model-evaluations", args=[model.pk]), {"against": make_model(region).pk}, format="json"
    )
    assert reply.status_code == 403


def test_nobody_named_is_the_model_in_use_and_beside_it_the_one_before():
    region = RegionFactory()
    active, other = make_model(region, ModelState.ACTIVE), make_model(region)
    active.before = other
    active.save()
    assert evaluate.start(model=other, user=None, wake=False).against == active
    assert evaluate.start(model=active, user=None, wake=False).against == other
