"""Batches over HTTP: reports, files out, annotations in; nothing of another region, nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
import uuid

import pytest

from annotation.anchors.models import Anchor
from annotation.common.streams import csv_rows
from annotation.review.models import Batch, QueueItem, Verdict
from mlcore.anchors.schema import ATTRIBUTES
from tests.factories import PairFactory, RegionFactory, UserFactory
from tests.factories_anchors import CORRECTED, SUMMARY, AnchorFactory, answer, make_batch, take

pytestmark = pytest.mark.django_db
MISSING = 2**40


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


@pytest.fixture
def editor():
    return UserFactory(role="editor", username="edith")


def body_of(reply) -> str:
    assert reply.status_code == 200, reply.content
    return b"".join(reply.streaming_content).decode()


def start(client, region, **wish):
    return client.post(f"/api/regions/{region.pk}/anchor-batches/", {"name": "Trial", **wish}, format="json")


def test_a_batch_is_started_listed_changed_and_closed(client_of, region, editor, django_assert_num_queries):
    AnchorFactory.create_batch(3, pair__region=region)
    client = client_of(editor)
    made = start(client, region, number=2, second_share=0.5)
    assert made.status_code == 201, made.content
    batch = made.json()
    assert (batch["size"], batch["progress"]["open"], batch["acceptance"]["share"]) == (2, 3, None)
    assert batch["options"]["seed"] > 0
    start(client, region, number=2)
    with django_assert_num_queries(9):
        rows = client.get(f"/api/regions/{region.pk}/anchor-batches/").json()["results"]
    assert [row["size"] for row in rows] == [1, 2]
    url = f"/api/anchor-batches/{batch['id']}/"
    ben, cleo = UserFactory(username="ben"), UserFactory(username="cleo")
    changed = client.patch(url, {"people": [ben.pk, cleo.pk], "open_to_all": False}, format="json").json()
    assert (changed["people"], changed["open_to_all"], changed["may_work"]) == (["ben", "cleo"], False, False)
    assert client.post(f"{url}close/").json()["closed_at"] is not None
    assert client_of(ben).get(url).json()["progress"] == {
        "open": 0, "decided": 0, "waiting": 0, "withdrawn": 3, "decisions": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    "wish",
    [
        {"plan": "imported"}, {"plan": "everything"}, {"number": 0}, {"second_share": 1.5}, {"by": "colour"},
        {"name": ""}, {"people": [MISSING]}, {"open_to_all": False}, {"plan": "uncertain"}, {"generator": "none"},
    ],
)  # fmt: skip
def test_a_wish_that_can_not_be_met_is_refused_in_words(client_of, region, editor, wish):
    AnchorFactory(pair__region=region)
    reply = start(client_of(editor), region, **wish)
    assert reply.status_code == 400
    assert not Batch.objects.exists()


def test_people_of_a_batch_must_see_its_region(client_of):
    ana, stranger = UserFactory(), UserFactory()
    editor = UserFactory(role="editor")
    region = RegionFactory(members=[ana, editor])
    AnchorFactory(pair__region=region)
    assert start(client_of(editor), region, people=[stranger.pk], open_to_all=False).status_code == 400
    assert start(client_of(editor), region, people=[ana.pk], open_to_all=False).status_code == 201
    people = client_of(ana).get("/api/review/anchors/people/", {"region": region.pk}).json()
    assert {person["id"] for person in people} == {ana.pk, editor.pk}


def test_a_batch_of_another_region_is_as_missing_as_one_that_does_not_exist(client_of, region, editor):
    AnchorFactory(pair__region=region)
    batch = make_batch(region)
    other = RegionFactory(open_to_all=True)
    claim = {"region": other.pk, "batch": batch.pk}
    foreign = client_of(editor).post("/api/review/anchors/claim/", claim, format="json")
    absent = client_of(editor).post("/api/review/anchors/claim/", {**claim, "batch": MISSING}, format="json")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() == absent.json()
    outsider = UserFactory(role="editor")
    region.open_to_all = False
    region.save()
    client = client_of(outsider)
    for path in ("", "report/", "answers.csv"):
        shown = [client.get(f"/api/anchor-batches/{pk}/{path}") for pk in (batch.pk, MISSING)]
        assert shown[0].status_code == shown[1].status_code == 404
        assert shown[0].json() == shown[1].json()


def test_the_report_counts_each_anchor_once_as_it_was_settled(client_of, region, editor):
    AnchorFactory.create_batch(4, pair__region=region)
    ana, ben, cleo = (UserFactory(username=name) for name in ("ana", "ben", "cleo"))
    batch = make_batch(region, second_share=1.0)
    for decision, second in (
        ("accept", "accept"),
        ("correct", "accept"),
        ("reject", "reject"),
        ("accept", "cant_tell"),
    ):
        answer(ana, take(ana, batch), decision, seconds=2)
        answer(ben, take(ben, batch), second, seconds=6)
    answer(cleo, take(cleo, batch, "anchor-adjudication"), "correct")
    found = client_of(editor).get(f"/api/anchor-batches/{batch.pk}/report/").json()
    assert found["outcomes"] == {"accept": 1, "correct": 1, "reject": 1}
    assert (found["inspected"], found["waiting"]) == (3, 1)
    assert (found["acceptance"]["hits"], found["acceptance"]["of"]) == (1, 3)
    assert (found["agreement"]["subjects"], found["agreement"]["disagreements"]) == (4, 2)
    roof = next(row for row in found["by_attribute"] if row["attribute"] == "roof_hint")
    assert (roof["hits"], roof["of"]) == (1, 2)
    cells = next(row for row in found["confusion"] if row["attribute"] == "roof_hint")["cells"]
    assert {(c["proposed"], c["verified"], c["number"]) for c in cells} == {("flat", "flat", 1), ("flat", "mixed", 1)}
    assert [row["reviewer"] for row in found["by_reviewer"]] == ["ana", "ben"]
    assert found["seconds"]["by_reviewer"][0] == {"reviewer": "ana", "items": 4, "median": 2.0, "p90": 2.0}
    assert found["agreement"]["kappa"] == pytest.approx(3 / 11)
    card = client_of(editor).get(f"/api/anchor-batches/{batch.pk}/").json()
    assert (card["inspected"], card["size"], card["acceptance"]["of"]) == (3, 4, 3)
    whole = client_of(editor).get(f"/api/regions/{region.pk}/anchor-report/").json()
    assert whole["outcomes"] == found["outcomes"]


def test_answers_leave_as_csv_and_json_with_what_was_changed(client_of, region, editor):
    AnchorFactory(pair__region=region)
    ana = UserFactory(username="ana")
    batch = make_batch(region)
    answer(ana, take(ana, batch), "correct")
    client = client_of(editor)
    (row,) = csv.DictReader(io.StringIO(body_of(client.get(f"/api/anchor-batches/{batch.pk}/answers.csv"))))
    assert (row["decision"], row["changed"], row["roof_hint"], row["reviewer"]) == (
        "correct",
        "roof_hint",
        "mixed",
        "ana",
    )
    (one,) = json.loads(body_of(client.get(f"/api/anchor-batches/{batch.pk}/answers.json")))
    assert one["verified"] == {**CORRECTED, "summary": SUMMARY}
    assert one["changed"] == ["roof_hint"]


@pytest.mark.parametrize("start_of_cell", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_runs_as_a_formula_in_a_spreadsheet(client_of, region, start_of_cell):
    evil = f'{start_of_cell}HYPERLINK("http://example.com")'
    AnchorFactory(pair__region=region, summary=evil, model=evil)
    reply = client_of(UserFactory()).get(f"/api/regions/{region.pk}/anchors.csv")
    (row,) = csv.DictReader(io.StringIO(body_of(reply), newline=""))
    assert row["summary"] == row["model"] == f"'{evil}"


def test_a_long_csv_comes_in_parts():
    parts = list(csv_rows(["a", "b"], ([n, "text"] for n in range(1000))))
    assert len(parts) > 3
    assert len(list(csv.reader(io.StringIO("".join(parts))))) == 1001


def test_the_mstcons_file_has_one_object_per_pair_with_what_people_verified(client_of, region):
    pair = PairFactory(region=region)
    AnchorFactory(pair=pair, generator="http", model="qwen")
    AnchorFactory(pair=pair, generator="other", state="rejected")
    AnchorFactory(pair=pair, state="corrected", final_attributes=CORRECTED, final_summary="Verified.")
    (one,) = json.loads(body_of(client_of(UserFactory()).get(f"/api/regions/{region.pk}/anchors.mstcons.json")))
    assert [name for name in one if name in ATTRIBUTES] == list(ATTRIBUTES)
    assert (one["roof_hint"], one["summary"], one["source"]["state"]) == ("mixed", "Verified.", "corrected")
    assert one["id"] == f"{pair.tile.z}_{pair.tile.x}_{pair.tile.y}"


def tasks_of(client, region):
    return json.loads(body_of(client.get(f"/api/regions/{region.pk}/label-studio.json")))


def test_label_studio_gets_no_task_whose_annotation_would_not_be_taken_back(client_of, region):
    waiting = AnchorFactory(pair__region=region)
    for fields in ({"state": "accepted"}, {"state": "rejected"},
                   {"state": "corrected", "final_attributes": CORRECTED, "final_summary": SUMMARY}):  # fmt: skip
        AnchorFactory(pair__region=region, **fields)
    assert [task["data"]["anchor_id"] for task in tasks_of(client_of(UserFactory()), region)] == [waiting.pk]


def bring(client, region, tasks):
    return client.post(f"/api/regions/{region.pk}/label-studio/", tasks, format="json")


def test_label_studio_tasks_come_back_as_verdicts_once(client_of, region, editor):
    AnchorFactory.create_batch(3, pair__region=region)
    client = client_of(editor)
    tasks = tasks_of(client, region)
    for task in tasks[:2]:
        task["annotations"] = [{"id": 9, "result": task["predictions"][0]["result"]}]
    tasks[1]["annotations"][0]["result"][5]["value"]["choices"] = ["mixed"]
    tasks[2]["annotations"] = [{"id": 3, "was_cancelled": True, "result": []}]
    first = bring(client, region, tasks).json()
    assert (first["accepted"], first["corrected"], first["known"]) == (1, 1, 0)
    assert len(first["left_out"]) == 1
    again = bring(client, region, tasks).json()
    assert (again["accepted"], again["corrected"], again["known"], again["batch"]) == (0, 0, 2, None)
    assert sorted(Anchor.objects.values_list("state", flat=True)) == ["accepted", "corrected", "proposed"]
    assert Verdict.objects.filter(reviewer=editor).count() == 2
    assert '<Choices name="roof_hint"' in client.get(f"/api/regions/{region.pk}/label-studio.xml").content.decode()


@pytest.mark.parametrize(
    "tasks",
    [
        [{}], [None], ["text"], [{"data": {"anchor_id": "1"}}], [{"data": {"anchor_id": 2**70}}],
        [{"data": {"anchor_id": 1}, "annotations": [{"result": [{"value": {"choices": [["deep"]]}}]}]}],
        [{"data": {"anchor_id": 1}, "annotations": "none"}], [{"data": {"anchor_id": True}}],
    ],
)  # fmt: skip
def test_junk_from_label_studio_is_left_out_with_a_reason(client_of, region, editor, tasks):
    reply = bring(client_of(editor), region, tasks)
    assert reply.status_code == 200, reply.content
    assert len(reply.json()["left_out"]) == 1
    assert bring(client_of(editor), region, {"tasks": tasks}).status_code == 400


def test_annotations_never_touch_another_regions_anchors(client_of, region, editor):
    foreign = AnchorFactory()
    client = client_of(editor)
    AnchorFactory(pair__region=region)
    (task,) = tasks_of(client, region)
    task["annotations"] = [{"id": 1, "result": task["predictions"][0]["result"]}]
    task["data"]["anchor_id"] = foreign.pk
    assert bring(client, region, [task]).json()["left_out"] == [f"anchor {foreign.pk}: none of this region's"]
    foreign.refresh_from_db()
    assert foreign.state == "proposed"


def flag(client, item, to, **extra):
    body = {"lease_token": item.lease_token, "version": item.version, "to": to, "comment": "look",
            "idempotency_key": str(uuid.uuid4()), **extra}  # fmt: skip
    return client.post(f"/api/review/items/{item.pk}/reassign/", body, format="json")


def test_a_flagged_item_goes_to_the_colleague_alone_and_back_when_asked(client_of, region):
    AnchorFactory(pair__region=region)
    ana, ben, cleo = UserFactory(username="ana"), UserFactory(), UserFactory()
    batch = make_batch(region)
    item = take(ana, batch)
    key = str(uuid.uuid4())
    assert flag(client_of(ana), item, ben.pk, idempotency_key=key).status_code == 200
    assert flag(client_of(ana), item, ben.pk, idempotency_key=key).status_code == 200
    assert take(cleo, batch) is None
    claimed = client_of(ben).post("/api/review/anchors/claim/", {"region": region.pk, "batch": batch.pk}, format="json")
    assert claimed.json()["flag"]["by"] == "ana"
    fresh = QueueItem.objects.get(pk=item.pk)
    assert flag(client_of(cleo), fresh, None).status_code == 403
    assert flag(client_of(ana), fresh, None).status_code == 200
    assert take(cleo, batch).pk == item.pk
    assert [v.event for v in Verdict.objects.order_by("item_version")] == ["reassign", "reassign"]


def test_nothing_is_flagged_to_who_may_not_answer_it(client_of, region):
    AnchorFactory(pair__region=region)
    ana, ben = UserFactory(), UserFactory()
    batch = make_batch(region, second_share=1.0)
    answer(ana, take(ana, batch))
    item = take(ben, batch)
    assert "can't take this one" in flag(client_of(ben), item, ana.pk).json()["detail"]
    assert flag(client_of(ben), item, MISSING).status_code == 400
    assert flag(client_of(ana), item, ben.pk).status_code == 409


def test_acts_are_listed_for_admins_and_filtered_by_known_names_alone(client_of, region):
    AnchorFactory.create_batch(2, pair__region=region)
    ana, admin = UserFactory(username="ana"), UserFactory(role="admin")
    batch = make_batch(region)
    answer(ana, take(ana, batch))
    url = "/api/review/anchors/audit/"
    client = client_of(admin)
    rows = client.get(url, {"region": region.pk}).json()["results"]
    assert [row["action"] for row in rows] == ["review.decide", "review.batch"]
    tile = QueueItem.objects.get(state="decided").anchor_review.anchor.pair.tile
    assert [row["page_url"] for row in rows] == [
        f"/regions/{region.pk}/tiles/{tile.z}/{tile.x}/{tile.y}/", f"/regions/{region.pk}/anchors/batches/{batch.pk}/"
    ]  # fmt: skip
    assert {client.get(row["page_url"]).status_code for row in rows} == {200}
    mine = client.get(url, {"region": region.pk, "actor": "ana", "action": "review.decide"}).json()["results"]
    assert len(mine) == 1
    assert client.get(url, {"region": region.pk, "action": "password"}).status_code == 400
    assert client.get(url, {"region": region.pk, "since": "yesterday"}).status_code == 400
    assert client.get(url, {"region": MISSING}).status_code == 404
    assert client_of(ana).get(url, {"region": region.pk}).status_code == 403
