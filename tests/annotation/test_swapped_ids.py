"""Z2: ids of another region in body, query or below one's own region get the answer of ids that do not exist."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation.anchors.models import Anchor, AnchorState
from annotation.edits.models import Changeset
from annotation.review.models import QueueItem, Verdict
from tests.annotation.world import make_world

pytestmark = pytest.mark.django_db
MISSING = 2**40
KEY = "6e0c5f3e-0d65-4b0e-9f4e-0b4f6f0f8a11"
OWN = "/api/regions/{own}/"

# Method, path and body or query. "{own}", "{own_item}" and "{own_lease}" are the own; every other name is
# filled with the id in another region once, and with one of nothing once.
BODIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "claim in a region": ("post", "/api/review/changes/claim/", {"region": "{region_id}"}),
    "claim in a batch": ("post", "/api/review/anchors/claim/", {"region": "{own}", "batch": "{batch_id}"}),
    "give items of theirs": (
        "post",
        "/api/review/changes/assign/",
        {"region": "{region_id}", "items": ["{item_id}"], "to": "{stranger}", "idempotency_key": KEY},
    ),
    "give to a stranger": (
        "post",
        "/api/review/changes/assign/",
        {"region": "{own}", "items": ["{own_item}"], "to": "{stranger}", "idempotency_key": KEY},
    ),
    "changes of their model": ("get", OWN + "changes/", {"model": "{model_id}"}),
    "changes of their scan": ("get", OWN + "changes/", {"scan": "{scan_id}"}),
    "statistics": ("get", "/api/review/changes/statistics/", {"region": "{region_id}"}),
    "people": ("get", "/api/review/changes/people/", {"region": "{region_id}"}),
    "flag to a stranger": (
        "post",
        "/api/review/items/{own_item}/reassign/",
        {"lease_token": "{own_lease}", "version": 0, "idempotency_key": KEY, "to": "{stranger}"},
    ),
    "export their changes": ("post", OWN + "changesets/", {"change_ids": ["{change_id}"]}),
    "plan areas of their changes": ("post", OWN + "changesets/areas/", {"change_ids": ["{change_id}"]}),
    "make changesets of their changes": (
        "post",
        OWN + "changesets/many/",
        {"comment": "c", "groups": [["{change_id}"]]},
    ),
    "a batch for a stranger": ("post", OWN + "anchor-batches/", {"name": "A", "people": ["{stranger}"]}),
    "claim in a batch of correspondences": (
        "post",
        "/api/review/correspondences/claim/",
        {"region": "{own}", "batch": "{matching_batch_id}"},
    ),
    "correspondences for a stranger": (
        "post",
        OWN + "correspondence-batches/",
        {"name": "A", "people": ["{stranger}"]},
    ),
    "pairs of their image": ("get", OWN + "pairs/", {"imagery": "{imagery_id}"}),
    "pairs of their map": ("get", OWN + "pairs/", {"snapshot": "{snapshot_id}"}),
    "images of theirs": ("get", "/api/images/", {"region": "{region_id}"}),
    "an own image in their region": ("post", "/api/images/{own_image}/locate/", {"region": "{region_id}"}),
    "their place of an own image": (
        "post",
        "/api/images/{own_image}/confirm/",
        {"candidate": "{candidate_id}", "licence": "CC0", "attribution": "A"},
    ),
    "search in their region": ("get", "/api/search/", {"q": "a red roof", "region": "{region_id}"}),
    "landmarks of theirs": ("get", "/api/landmarks/", {"region": "{region_id}"}),
    "a landmark in their region": (
        "post",
        "/api/landmarks/",
        {"region": "{region_id}", "name": "Temple", "lon": 85.5, "lat": 27.6},
    ),
    "landmarks from their map": ("post", "/api/landmarks/from-map/", {"region": "{region_id}"}),
    "photos of their landmark": ("get", "/api/landmark-photos/", {"landmark": "{landmark_id}"}),
    "photos beside their change": ("get", "/api/landmark-photos/", {"change": "{change_id}"}),
    "their scan on the map": ("get", OWN + "changes/map/", {"scan": "{scan_id}"}),
    "their model on the map": ("get", OWN + "changes/map/", {"model": "{model_id}", "zoom": 3}),
    "reject theirs together": (
        "post",
        OWN + "bulk-rejections/",
        {"expected": 1, "reason": "other", "items": ["{item_id}"], "idempotency_key": KEY},
    ),
    "an edit of theirs in an own changeset": (
        "patch",
        "/api/changesets/{own_changeset}/edits/{change_id}/",
        {"demolish": True},
    ),
    "drop an edit of theirs from an own changeset": (
        "delete",
        "/api/changesets/{own_changeset}/edits/{change_id}/",
        {},
    ),
    "jobs of theirs": ("get", "/api/jobs/", {"region": "{region_id}"}),
}


def filled(value: Any, ids: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [filled(one, ids) for one in value]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return ids[value[1:-1]]
    return value


def rows_of(reply: Any) -> Any:
    """What a list or a map shows."""
    told = reply.json()
    return told["results"] if "results" in told else told["features"] + told["cells"]


@pytest.fixture
def worlds(client_of) -> tuple[APIClient, dict[str, Any], dict[str, Any]]:
    """A client of an editor of one region, the ids of that person's own, and those of another region."""
    mine, theirs = make_world(), make_world()
    client = client_of(mine["editor"])
    claimed = client.post("/api/review/changes/claim/", {"region": mine["ids"]["region_id"]}, format="json").json()
    own = {
        "own": mine["ids"]["region_id"],
        "own_image": mine["ids"]["image_id"],
        "own_changeset": mine["ids"]["changeset_id"],
        "own_item": claimed["item"]["id"],
        "own_lease": claimed["item"]["lease_token"],
    }
    return client, own, {**theirs["ids"], "stranger": theirs["reviewer"].pk}


@pytest.mark.parametrize("name", BODIES)
def test_an_id_of_another_region_is_as_missing_as_one_of_nothing(worlds, name):
    client, own, theirs = worlds
    method, path, given = BODIES[name]
    before = QueueItem.objects.count(), Verdict.objects.count(), Changeset.objects.count()

    def ask(ids: dict[str, Any]) -> Any:
        everything = {**ids, **own}
        data = {key: filled(value, everything) for key, value in given.items()}
        options = {} if method == "get" else {"format": "json"}
        return getattr(client, method)(path.format(**everything), data, **options)

    foreign, absent = ask(theirs), ask(dict.fromkeys(theirs, MISSING))
    assert foreign.status_code == absent.status_code
    assert foreign.status_code in {400, 404, 409} or rows_of(foreign) == rows_of(absent) == []
    if foreign.status_code >= 400:
        assert foreign.json()["code"] == absent.json()["code"]
    assert (QueueItem.objects.count(), Verdict.objects.count(), Changeset.objects.count()) == before


def test_annotations_of_anchors_of_another_region_are_left_out_like_those_of_nothing(worlds):
    client, own, theirs = worlds
    anchor = Anchor.objects.filter(pair__tile__region_id=theirs["region_id"]).first()
    form = json.loads(client.get(f"/api/regions/{own['own']}/label-studio.json").getvalue())
    answered = {"id": 1, "result": form[0]["predictions"][0]["result"]}

    def bring(anchor_id: int) -> Any:
        tasks = [{"id": 1, "data": {"anchor_id": anchor_id}, "annotations": [answered]}]
        return client.post(f"/api/regions/{own['own']}/label-studio/", tasks, format="json").json()

    foreign, absent = bring(anchor.pk), bring(MISSING)
    assert foreign["accepted"] == foreign["corrected"] == absent["accepted"] == 0
    assert foreign["left_out"][0].replace(str(anchor.pk), "") == absent["left_out"][0].replace(str(MISSING), "")
    anchor.refresh_from_db()
    assert anchor.state == AnchorState.PROPOSED


def test_the_nearest_to_a_change_of_another_region_is_that_to_nothing(worlds):
    client, own, theirs = worlds
    given = []
    for near in (theirs["change_id"], MISSING):
        body = {"region": own["own"], "wanted": {"order": "near", "near": near}}
        given.append(client.post("/api/review/changes/claim/", body, format="json").json()["item"]["id"])
    assert given == [own["own_item"]] * 2
