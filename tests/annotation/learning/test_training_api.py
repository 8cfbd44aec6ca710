"""Training over HTTP: who may, what comes back, and nothing of foreign regions."""

import pytest
from django.urls import reverse

from annotation.common.models import JobFigure
from annotation.learning.models import ModelState, ModelVersion, TrainingRun
from tests.annotation.learning.rows import described_region, make_model, make_run
from tests.factories import RegionFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return UserFactory(role="admin")


def test_an_admin_starts_a_training_and_finds_it_in_the_list(client_of, admin):
    region = described_region(columns=6, rows=4)
    url = reverse("api-training-runs", args=[region.pk])
    started = client_of(admin).post(url, {"preset": "tiny", "seed": 3}, format="json")
    assert started.status_code == 202, started.json()
    body = started.json()
    assert (body["preset"], body["seed"], body["data_set"]["pairs"], body["model"]) == ("tiny", 3, 24, None)
    assert (body["job"]["state"], body["job"]["kind"]) == ("queued", "learning.train")
    assert [run["id"] for run in client_of(admin).get(url).json()["results"]] == [body["id"]]


@pytest.mark.parametrize(
    ("data", "code"),
    [({"preset": "enormous"}, "unknown_preset"), ({"seed": -1}, "invalid"), ({"seed": 2**40}, "invalid")],
)
def test_a_bad_start_is_a_typed_400(client_of, admin, data, code):
    region = described_region()
    reply = client_of(admin).post(reverse("api-training-runs", args=[region.pk]), data, format="json")
    assert (reply.status_code, reply.json()["code"]) == (400, code)
    assert not TrainingRun.objects.exists()


def test_a_region_without_sources_is_told_what_to_import(client_of, admin):
    reply = client_of(admin).post(reverse("api-training-runs", args=[RegionFactory().pk]), {}, format="json")
    assert (reply.status_code, reply.json()["code"]) == (400, "no_sources")


def test_the_run_shows_its_curves_thinned_and_grouped(client_of, admin):
    run = make_run(RegionFactory())
    JobFigure.objects.bulk_create(
        JobFigure(job=run.job, name="evidence/loss", step=step, value=1 / (step + 1)) for step in range(1200)
    )
    body = client_of(admin).get(reverse("api-training-run", args=[run.pk])).json()
    curve = body["figures"]["evidence/loss"]
    assert (len(curve), curve[0], curve[-1][0]) == (500, [0, 1.0], 1199)


def test_runs_and_models_are_listed_without_a_query_per_row(client_of, admin, django_assert_max_num_queries):
    region = RegionFactory()
    for _ in range(12):
        make_model(region)
    client = client_of(admin)
    for name in ("api-training-runs", "api-models"):
        with django_assert_max_num_queries(5):
            reply = client.get(reverse(name, args=[region.pk]))
        assert len(reply.json()["results"]) == 12


def test_an_admin_promotes_and_rolls_back(client_of, admin):
    region = RegionFactory()
    old, new = make_model(region, ModelState.ACTIVE), make_model(region)
    client = client_of(admin)
    assert client.post(reverse("api-model-promote", args=[new.pk])).json()["state"] == "active"
    assert client.post(reverse("api-models-roll-back", args=[region.pk])).json()["id"] == old.pk
    reply = client.post(reverse("api-models-roll-back", args=[region.pk]))
    assert (reply.status_code, reply.json()["code"]) == (409, "nothing_to_roll_back")


@pytest.mark.parametrize("role", ["reviewer", "editor"])
def test_members_read_but_only_admins_train_and_promote(client_of, role):
    person = UserFactory(role=role)
    region = RegionFactory(members=[person])
    model = make_model(region)
    client = client_of(person)
    assert client.get(reverse("api-training-runs", args=[region.pk])).status_code == 200
    assert client.get(reverse("api-training-run", args=[model.run_id])).status_code == 200
    assert client.get(reverse("api-models", args=[region.pk])).status_code == 200
    assert client.post(reverse("api-training-runs", args=[region.pk]), {}).status_code == 403
    assert client.post(reverse("api-model-promote", args=[model.pk])).status_code == 403
    assert client.post(reverse("api-models-roll-back", args=[region.pk])).status_code == 403
    assert ModelVersion.objects.get(pk=model.pk).state == ModelState.CANDIDATE


def test_a_foreign_region_answers_like_a_missing_one(client_of):
    person = UserFactory()
    model = make_model(RegionFactory())
    client = client_of(person)
    for name, here, missing in [
        ("api-training-runs", model.region_id, 10**9),
        ("api-training-run", model.run_id, 10**9),
        ("api-models", model.region_id, 10**9),
    ]:
        replies = [client.get(reverse(name, args=[pk])) for pk in (here, missing)]
        assert [reply.status_code for reply in replies] == [404, 404]
        assert {reply.json()["code"] for reply in replies} == {"not_found"}


def test_an_admin_holds_a_model_beside_the_one_in_use_and_everyone_sees_it(client_of, admin):
    region = RegionFactory(open_to_all=True)
    active, model = make_model(region, ModelState.ACTIVE), make_model(region)
    address = reverse("api-model-evaluations", args=[model.pk])
    started = client_of(admin).post(address)
    assert started.status_code == 202, started.json()
    body = started.json()
    assert (body["model"], body["against"], body["figures"], body["finished_at"]) == (model.pk, active.pk, [], None)
    assert (body["job"]["kind"], body["job"]["state"]) == ("learning.evaluate", "queued")
    assert client_of(admin).post(address).json()["id"] == body["id"]
    reader = client_of(UserFactory())
    assert [one["id"] for one in reader.get(address).json()["results"]] == [body["id"]]
    listed = reader.get(reverse("api-models", args=[region.pk])).json()["results"]
    assert [one["evaluation"] and one["evaluation"]["id"] for one in listed] == [body["id"], None]
    assert reader.post(address).status_code == 403


def test_models_with_comparisons_are_listed_without_a_query_per_row(client_of, admin, django_assert_max_num_queries):
    region = RegionFactory()
    make_model(region, ModelState.ACTIVE)
    client = client_of(admin)
    for _ in range(6):
        client.post(reverse("api-model-evaluations", args=[make_model(region).pk]))
    with django_assert_max_num_queries(6):
        reply = client.get(reverse("api-models", args=[region.pk]))
    assert sum(one["evaluation"] is not None for one in reply.json()["results"]) == 6


def test_a_card_holds_what_people_typed_as_plain_text(client_of, admin):
    region = RegionFactory(name="Town | <script>alert(1)</script> [x](http://e)")
    model = make_model(region, about={"imagery": {"licence": "CC\n# Heading", "attribution": "`a`|b"}})
    text = client_of(admin).get(reverse("api-model-card", args=[model.pk])).content.decode()
    assert "<script>" not in text and "\n# Heading" not in text and "](http" not in text
    assert "Not held beside another model yet." in text


def test_a_file_that_was_altered_is_not_given_out(client_of, admin, settings):
    model = make_model(RegionFactory())
    (settings.MEDIA_ROOT / model.path).write_bytes(b"other weights")
    reply = client_of(admin).get(reverse("api-model-weights", args=[model.pk]))
    assert (reply.status_code, reply.json()["code"]) == (409, "invalid_model_file")
