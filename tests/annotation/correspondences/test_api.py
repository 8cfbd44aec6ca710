"""Correspondences over HTTP."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse

from annotation.common.models import Job
from annotation.correspondences.models import Correspondences
from mlcore.geometry.transform import shift_of
from tests.factories import ImageryFactory, PairFactory, RegionFactory, SnapshotFactory, UserFactory
from tests.factories_correspondences import (
    PROPOSED,
    CorrespondencesFactory,
    MapScanFactory,
    ScanProposalFactory,
    answer,
    make_batch,
    points_by,
    take,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return UserFactory()


@pytest.fixture
def region(person):
    return RegionFactory(members=[person])


def listed(region):
    return reverse("api-correspondences", args=[region.pk])


@pytest.mark.parametrize("number", [1, 12])
def test_a_list_takes_as_many_queries_however_long_it_is(client_of, person, region, number, django_assert_num_queries):
    CorrespondencesFactory.create_batch(number, pair__region=region)
    client = client_of(person)
    with django_assert_num_queries(4):
        rows = client.get(listed(region)).json()["results"]
    assert len(rows) == number
    row = rows[0]
    assert row["transform"]["matrix"] == PROPOSED.matrix.tolist()
    metres = row["offset"]["east_m"] / 2
    assert row["offset"] == {"east_m": 2 * metres, "north_m": pytest.approx(metres)} and 0.1 < metres < 0.5
    assert [one["id"] for one in rows] == sorted((one["id"] for one in rows), reverse=True)


def test_a_list_goes_on_page_by_page_and_is_narrowed_by_state_and_by_nothing_unknown(client_of, person, region):
    CorrespondencesFactory.create_batch(5, pair__region=region)
    CorrespondencesFactory(pair__region=region, no_match=True, state="rejected")
    client = client_of(person)
    seen, address = [], f"{listed(region)}?page_size=4"
    while address:
        page = client.get(address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 6
    (rejected,) = client.get(listed(region), {"state": "rejected"}).json()["results"]
    assert (rejected["transform"], rejected["offset"], rejected["refused"]) == (None, None, "3 points are too few")
    assert client.get(listed(region), {"state": "splendid"}).status_code == 400


def test_the_list_and_a_batch_are_narrowed_to_one_map_scan(client_of, region):
    CorrespondencesFactory(pair__region=region)
    of_scan = ScanProposalFactory(scan=MapScanFactory(region=region))
    ScanProposalFactory(scan=MapScanFactory(region=region))
    client = client_of(UserFactory(role="admin"))
    url = f"/api/regions/{region.pk}/correspondences/"
    assert [one["id"] for one in client.get(url, {"scan": of_scan.scan_id}).json()["results"]] == [of_scan.pk]
    assert client.get(url, {"scan": of_scan.scan_id, "state": "verified"}).json()["results"] == []
    assert client.get(url, {"scan": 0}).status_code == 400
    body = {"name": "A sheet", "plan": "all", "scan": of_scan.scan_id}
    made = client.post(f"/api/regions/{region.pk}/correspondence-batches/", body, format="json").json()
    assert (made["size"], made["options"]["scan"]) == (1, of_scan.scan_id)


def test_one_comes_with_its_points_and_their_residuals(client_of, person, region, django_assert_max_num_queries):
    row = CorrespondencesFactory(pair__region=region)
    ana = UserFactory(role="admin")
    points = points_by(shift_of(2.0, 3.0))
    points[3]["image_xy"][0] += 6
    answer(ana, take(ana, make_batch(region)), "adjust", transform="shift", points=points)
    client = client_of(person)
    with django_assert_max_num_queries(5):
        seen = client.get(reverse("api-correspondences-one", args=[row.pk])).json()
    assert seen["state"] == "corrected"
    assert seen["transform"]["parameters"] == pytest.approx([3.0, 3.0])
    assert seen["proposed_transform"]["parameters"] == [2.0, -1.0]
    assert [point["residual_m"] for point in seen["points"]] == pytest.approx([0.0] * 6, abs=1e-9)
    assert seen["points"][0]["origin"] == "auto"
    worst = max(seen["corrected_points"], key=lambda point: point["residual_m"])
    assert (worst["number"], worst["residual_xy"]) == (4, pytest.approx([-5.0, 0.0]))
    assert seen["final_check_rmse_m"] is None and seen["final_fit_rmse_m"] > 0


def test_a_refit_tells_what_points_come_to_and_saves_nothing(client_of, person, region):
    row = CorrespondencesFactory(pair__region=region)
    address = reverse("api-correspondences-refit", args=[row.pk])
    points = points_by(shift_of(2.0, 3.0), checks=[6])
    reply = client_of(person).post(address, {"transform": "shift", "points": points}, format="json")
    assert reply.status_code == 200, reply.content
    assert reply.json()["transform"]["parameters"] == pytest.approx([2.0, 3.0])
    assert reply.json()["check_rmse_m"] == pytest.approx(0, abs=1e-9)
    refused = client_of(person).post(address, {"transform": "affine", "points": points[:2]}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_points")
    row.refresh_from_db()
    assert row.state == "proposed" and row.points.count() == 6


def sourced(region):
    PairFactory(
        region=region, imagery=ImageryFactory(region=region), snapshot=SnapshotFactory(region=region)
    )  # fmt: skip


def test_an_admin_starts_one_job_and_sees_what_is_offered(client_of, region):
    sourced(region)
    client = client_of(UserFactory(role="admin"))
    replies = [client.post(listed(region), {"matcher": name}, format="json") for name in ("", "structure")]
    assert [reply.status_code for reply in replies] == [202, 202]
    assert {reply.json()["job"]["id"] for reply in replies} == {str(Job.objects.get().pk)}
    seen = client.get(reverse("api-matchers", args=[region.pk])).json()
    assert seen["offered"][:3] == ["structure", "sift", "orb"]
    assert seen["counts"] == {"proposed": 0, "verified": 0, "corrected": 0, "rejected": 0, "no_match": 0}
    assert [job["kind"] for job in seen["jobs"]] == ["correspondences.propose"]


@pytest.mark.parametrize(
    ("matcher", "status", "code"), [("oracle", 400, "unknown_matcher"), ("structure", 409, "no_matcher_weights")]
)
def test_a_matcher_that_is_not_offered_is_a_typed_error(client_of, region, settings, matcher, status, code):
    settings.MATCHER_WEIGHTS = "gone.safetensors"
    sourced(region)
    reply = client_of(UserFactory(role="admin")).post(listed(region), {"matcher": matcher}, format="json")
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert not Job.objects.exists()


@pytest.mark.parametrize("role", ["reviewer", "editor"])
def test_only_admins_start_a_job_and_only_editors_batches(client_of, role):
    person = UserFactory(role=role)
    region = RegionFactory(members=[person])
    CorrespondencesFactory(pair__region=region)
    client = client_of(person)
    assert client.post(listed(region), {}, format="json").status_code == 403
    reply = client.post(reverse("api-correspondence-batches", args=[region.pk]), {"name": "Trial"}, format="json")
    assert reply.status_code == (403 if role == "reviewer" else 201)


def test_what_is_of_another_region_answers_like_what_is_missing(client_of, person):
    foreign = CorrespondencesFactory()
    client = client_of(person)
    for name in ("api-correspondences-one", "api-correspondences-refit"):
        for pk in (foreign.pk, 2**40):
            way = client.get if name.endswith("one") else client.post
            reply = way(reverse(name, args=[pk]), {"transform": "shift", "points": []}, format="json")
            assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


def test_a_batch_is_started_answered_and_closed_over_http(client_of, person, region, django_assert_num_queries):
    CorrespondencesFactory.create_batch(3, pair__region=region)
    editor = client_of(UserFactory(role="admin"))
    address = reverse("api-correspondence-batches", args=[region.pk])
    made = editor.post(address, {"name": "Trial", "plan": "uncertain", "second_share": 1.0}, format="json")
    assert made.status_code == 201, made.content
    assert made.json()["progress"] == {"open": 6, "decided": 0, "waiting": 0, "withdrawn": 0, "decisions": {}}
    client = client_of(person)
    claim = {"region": region.pk, "batch": made.json()["id"]}
    claimed = client.post("/api/review/correspondences/claim/", claim, format="json").json()
    card, item = claimed["subject"], claimed["item"]
    assert card["size_px"] == 256 and len(card["points"]) == 6 and card["needed_inliers"] == 5
    assert "matcher" not in card
    said = {
        "lease_token": item["lease_token"],
        "version": item["version"],
        "decision": "adjust",
        "payload": {"transform": "shift", "points": points_by(shift_of(2.5, -1.0))},
        "idempotency_key": str(uuid.uuid4()),
    }
    saved = [client.post(f"/api/review/items/{item['id']}/decide/", said, format="json") for _ in range(2)]
    assert [reply.status_code for reply in saved] == [200, 200] and saved[0].json() == saved[1].json()
    assert Correspondences.objects.filter(state="proposed").count() == 3
    with django_assert_num_queries(8):
        (shown,) = client.get(address).json()["results"]
    assert (shown["may_work"], shown["progress"]["decided"], shown["progress"]["decisions"]) == (True, 1, {})
    closed = editor.post(reverse("api-correspondence-batch-close", args=[shown["id"]])).json()
    assert closed["progress"] == {
        "open": 0, "decided": 1, "waiting": 0, "withdrawn": 5, "decisions": {"adjust": 1},
    }  # fmt: skip
    assert Correspondences.objects.get(state="corrected").final_parameters == pytest.approx([2.5, -1.0])
