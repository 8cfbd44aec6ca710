"""One set of filters for the list, the stream and the queue; what is claimed fits it, in the order that is wanted."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections import Counter

import pytest
from django.db import connections
from django.utils import timezone

from annotation.changes.lots import FittingChanges
from annotation.review.models import QueueItem
from annotation.review.services.claim import claim
from annotation.sources.models import Imagery
from tests.factories import FootprintFactory, RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


def box_of(geometry) -> str:
    return ",".join(str(one) for one in geometry.extent)


def corners_of(geometry) -> str:
    return ",".join(f"{lon},{lat}" for lon, lat in geometry.coords[0][:-1])


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def older(scan):
    """A scan by another model, on an older image."""
    model = ModelVersionFactory(region=scan.region, state="candidate")
    found = ScanFactory(model=model)
    Imagery.objects.filter(pk=found.imagery_id).update(captured_on=dt.date(2019, 5, 1))
    Imagery.objects.filter(pk=scan.imagery_id).update(captured_on=dt.date(2024, 5, 1))
    return found


@pytest.fixture
def changes(scan, older):
    """Four of them by name: each is alone in something."""
    school = FootprintFactory(snapshot=scan.snapshot, tags={"building": "school", "name": "East"})
    made = {
        "small": ChangeFactory(scan=scan, geometry=square(0.1, 0.1, 0.02), confidence=0.95),
        "school": ChangeFactory(
            scan=scan, kind="remove", footprint=school, tags=school.tags, geometry=square(0.5, 0.5, 0.2), confidence=0.8
        ),
        "late": ChangeFactory(scan=scan, geometry=square(0.9, 0.1, 0.2), confidence=0.6),
        "old": ChangeFactory(scan=older, kind="modify", geometry=square(0.9, 0.9, 0.2), confidence=0.4),
    }
    QueueItem.objects.exclude(pk=made["late"].item_id).update(created_at=timezone.now() - dt.timedelta(days=30))
    return made


EAST = square(0.9, 0.5, 0.4)
FILTERS = {
    "kind": ({"kind": ["remove"]}, {"school"}),
    "kinds": ({"kind": ["remove", "modify"]}, {"school", "old"}),
    "confidence": ({"min_confidence": 0.5, "max_confidence": 0.85}, {"school", "late"}),
    "near-certain": ({"lot": "near_certain"}, {"small"}),
    "judgement": ({"lot": "judgement"}, {"school", "late", "old"}),
    "box": ({"area": box_of(square(0.9, 0.1, 0.4))}, {"late"}),
    "polygon": ({"area": corners_of(square(0.9, 0.5, 1.2))}, {"school", "late", "old"}),
    "small ones": ({"max_square_m": 30}, {"small"}),
    "large ones": ({"min_square_m": 30, "max_square_m": 1e6}, {"school", "late", "old"}),
    "tag": ({"tag": ["building=school"]}, {"school"}),
    "any value of a tag": ({"tag": ["name"]}, {"school"}),
    "two tags": ({"tag": ["building=school", "name=West"]}, set()),
    "found late": ({"found_from": str(timezone.now().date() - dt.timedelta(days=2))}, {"late"}),
    "found early": ({"found_to": str(timezone.now().date() - dt.timedelta(days=2))}, {"small", "school", "old"}),
    "new image": ({"captured_from": "2024-01-01"}, {"small", "school", "late"}),
    "old image": ({"captured_to": "2020-01-01"}, {"old"}),
    "model": ({"model": "older"}, {"old"}),
    "all at once": ({"kind": ["add"], "area": box_of(square(0.5, 0.1, 2)), "min_square_m": 100}, {"late"}),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("order", ["value", "near"])
def test_the_list_the_stream_and_the_queue_hold_the_same(client_of, scan, older, changes, name, order):
    query, expected = FILTERS[name]
    query = {key: older.model_id if value == "older" else value for key, value in query.items()}
    names = {change.pk: which for which, change in changes.items()}
    client = client_of(UserFactory())
    listed = client.get(f"/api/regions/{scan.region_id}/changes/", query).json()["results"]
    assert {names[one["id"]] for one in listed} == expected
    stream = client.get(f"/api/regions/{scan.region_id}/changes.geojson", query)
    assert {names[one["id"]] for one in json.loads(stream.getvalue())["features"]} == expected
    claimed: list[str] = []
    wanted = {**query, "order": order, "near": changes["old"].pk}
    skip: list[int] = []
    while True:
        body = {"region": scan.region_id, "wanted": wanted, "skip": skip}
        given = client.post("/api/review/changes/claim/", body, format="json").json()
        if given["item"] is None:
            break
        claimed.append(names[given["subject"]["id"]])
        skip.append(given["item"]["id"])
    assert set(claimed) == expected and len(claimed) == len(expected)
    if order == "value":
        assert claimed == sorted(claimed, key=lambda one: -changes[one].confidence)
    assert (given["open"], given["leased"], given["blocked"]) == (len(expected), 0, 0)


def test_the_nearest_open_one_comes_next(client_of, scan):
    ana = UserFactory()
    row = [ChangeFactory(scan=scan, geometry=square(at, 0.5, 0.02), confidence=0.9 - at) for at in (0.1, 0.4, 0.5, 0.9)]
    save_decision(UserFactory(), row[1])
    body = {"region": scan.region_id, "wanted": {"order": "near", "near": row[1].pk}}
    given = client_of(ana).post("/api/review/changes/claim/", body, format="json").json()
    assert given["subject"]["id"] == row[2].pk
    assert given["next"] == [row[0].item_id, row[3].item_id]


def test_what_others_hold_or_were_given_is_told_apart_from_what_does_not_fit(client_of, scan):
    ana, ben = UserFactory(), UserFactory()
    held, given, own = (ChangeFactory(scan=scan, kind="remove", geometry=square(n / 4, 0.5, 0.05)) for n in (1, 2, 3))
    ChangeFactory(scan=scan)
    QueueItem.objects.filter(pk=given.item_id).update(assigned_to=ben)
    wanted = {"kind": ["remove"]}
    claim(user=ben, stage="changes", scope_id=scan.region_id, first=[held.item_id], skip=[given.item_id])
    body = {"region": scan.region_id, "wanted": wanted, "skip": [own.item_id]}
    told = client_of(ana).post("/api/review/changes/claim/", body, format="json").json()
    assert told["item"] is None
    assert (told["open"], told["leased"], told["blocked"]) == (3, 1, 1)
    body |= {"skip": [held.item_id], "wanted": {**wanted, "order": "near"}}
    first = client_of(ben).post("/api/review/changes/claim/", body, format="json").json()
    assert first["item"]["id"] == given.item_id, "what was given to a person comes before the rest"


def test_items_named_to_come_first_are_given_only_where_they_fit(client_of, scan):
    fits, other = ChangeFactory(scan=scan, kind="remove"), ChangeFactory(scan=scan, confidence=0.99)
    body = {"region": scan.region_id, "wanted": {"kind": ["remove"]}, "first": [other.item_id, fits.item_id]}
    given = client_of(UserFactory()).post("/api/review/changes/claim/", body, format="json").json()
    assert given["item"]["id"] == fits.item_id


@pytest.mark.parametrize(
    "query",
    [
        {"area": "1,2,3"}, {"area": "1,2,nan,4"}, {"area": "0,0,200,1"}, {"area": "a,b,c,d"},
        {"area": "0,0,1,1,0,1,1,0"},
        {"area": "1,1,1,1"}, {"tag": "=school"}, {"tag": "building="}, {"lot": "sure"}, {"found_from": "yesterday"},
        {"min_square_m": "-1"}, {"captured_to": "2020-13-01"}, {"model": "0"},
    ],
)  # fmt: skip
def test_a_filter_that_says_nothing_is_refused_in_the_list_and_in_the_queue(client_of, scan, query):
    client = client_of(UserFactory())
    assert client.get(f"/api/regions/{scan.region_id}/changes/", query).status_code == 400
    wanted = {key: [value] if key == "tag" else value for key, value in query.items()}
    body = {"region": scan.region_id, "wanted": wanted}
    assert client.post("/api/review/changes/claim/", body, format="json").status_code == 400


@pytest.mark.parametrize(
    "query", [{"area": ""}, {"area": " "}, {"found_to": "9999-12-31"}, {"found_from": "0001-01-01"}]
)
def test_a_blank_area_and_the_last_day_leave_everything(client_of, scan, query):
    change = ChangeFactory(scan=scan)
    client = client_of(UserFactory())
    listed = client.get(f"/api/regions/{scan.region_id}/changes/", query).json()["results"]
    assert [one["id"] for one in listed] == [change.pk]
    for blank in ("", " "):
        shown = client.get(f"/api/regions/{scan.region_id}/changes/map/", {**query, "view": blank}).json()
        assert [one["id"] for one in shown["features"]] == [change.pk]
    body = {"region": scan.region_id, "wanted": query}
    given = client.post("/api/review/changes/claim/", body, format="json").json()
    assert given["item"]["id"] == change.item_id


@pytest.mark.parametrize("tag", ["a\x00=b", "a=\ud800", "\udfff", "a=" + "b" * 600])
def test_a_tag_that_no_map_can_have_is_refused(client_of, scan, tag):
    body = json.dumps({"region": scan.region_id, "wanted": {"tag": [tag]}})
    reply = client_of(UserFactory()).post("/api/review/changes/claim/", body, content_type="application/json")
    assert reply.status_code == 400


def test_an_area_of_endless_text_is_refused(client_of, scan):
    body = {"region": scan.region_id, "wanted": {"area": "0,0,1," + "0" * 20_000 + "1"}}
    assert client_of(UserFactory()).post("/api/review/changes/claim/", body, format="json").status_code == 400


def test_a_queue_whose_items_are_not_told_apart_says_so(client_of, scan):
    reply = client_of(UserFactory()).post(
        "/api/review/anchors/claim/", {"region": scan.region_id, "wanted": {"kind": ["add"]}}, format="json"
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid")


def test_the_size_is_that_of_the_shape_on_the_ground(scan):
    change = ChangeFactory(scan=scan, geometry=square(0.5, 0.5, 0.2))
    change.refresh_from_db()
    metres = change.geometry.transform(32645 if change.geometry.centroid.x > 80 else 32635, clone=True).area
    assert change.square_m == pytest.approx(metres, rel=0.02)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("order", ["value", "near"])
def test_people_with_the_same_filter_at_the_same_time_never_get_the_same_item(order):
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    fits = [ChangeFactory(scan=scan, kind="remove", geometry=square(n / 40, 0.5, 0.01)) for n in range(24)]
    for n in range(6):
        ChangeFactory(scan=scan, geometry=square(n / 40, 0.9, 0.01))
    given: Counter[int] = Counter()
    lock, start = threading.Lock(), threading.Barrier(8)
    people = [UserFactory() for _ in range(8)]

    def work(person) -> None:
        start.wait()
        skip: list[int] = []
        for _ in range(3):
            wanted = {"kind": ["remove"], "order": order, "near": fits[0].pk}
            got = claim(user=person, stage="changes", scope_id=scan.region_id, skip=skip, wanted=wanted).item
            if got is not None:
                skip.append(got.pk)
                with lock:
                    given[got.pk] += 1
        connections.close_all()

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert set(given) <= {change.item_id for change in fits}
    assert max(given.values()) == 1 and len(given) >= 20


@pytest.mark.parametrize("more", [{}, {"max_confidence": 0.45}])
@pytest.mark.parametrize("order", ["value", "near"])
def test_what_fits_is_found_in_the_window_and_beyond_it_alike(monkeypatch, scan, order, more):
    made = [ChangeFactory(scan=scan, geometry=square(n / 10, 0.5, 0.02), confidence=n / 10) for n in range(6)]
    ana, asked = UserFactory(), {"area": box_of(square(0.2, 0.5, 0.3)), "order": order, "near": made[5].pk, **more}
    expected = [made[n].item_id for n in (3, 2, 1)]

    def found() -> list[int]:
        return list(FittingChanges().ids(ana, scan.region_id, asked, skip=[], among=None))

    assert found() == expected
    monkeypatch.setattr("annotation.changes.lots.WINDOWS", (1, 1))  # the surest of all does not fit
    assert found() == (expected if order == "value" else expected[:1])
