"""Places like that of a change, with what people said there; vectors as files."""

from __future__ import annotations

import io
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from annotation.changes.models import Change
from annotation.review.models import QueueItem
from annotation.sources.models import RegionMember
from annotation.tiles.models import Tile, TilePair
from tests.factories import UserFactory
from tests.factories_changes import ChangeFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


def changes_on(region, kinds: str = "aaaa") -> list[Change]:
    """A change on each tile of a region: `a`dd or `r`emove."""
    pairs = list(TilePair.objects.filter(tile__region=region).order_by("tile__y", "tile__x"))
    scan = ScanFactory(region=region, imagery=pairs[0].imagery, snapshot=pairs[0].snapshot)
    return [
        ChangeFactory(scan=scan, pair=pair, kind={"a": "add", "r": "remove"}[kind])
        for pair, kind in zip(pairs, kinds, strict=True)
    ]


def test_similar_places_say_what_people_decided_there(client_of, person, read_region, update):
    region = read_region(person)
    own, yes, no, still_open = changes_on(region)
    save_decision(person, yes, "accept")
    save_decision(person, no, "reject", "not_a_building")
    update()
    told = client_of(person).get(f"/api/changes/{own.pk}/similar/").json()
    assert (told["similar"], told["decided"], told["accepted"]) == (3, 2, 1) and told["meant"]
    verdicts = {row["change"]: row["verdict"] for row in told["results"]}
    assert verdicts == {yes.pk: "accept", no.pk: "reject", still_open.pk: ""}
    likeness = [row["likeness"] for row in told["results"]]
    assert likeness == sorted(likeness, reverse=True) and all(row["kind"] == "add" for row in told["results"])


def test_changes_of_another_kind_and_withdrawn_ones_are_no_precedent(client_of, person, read_region, update):
    region = read_region(person)
    own, other_kind, withdrawn, same = changes_on(region, "araa")
    withdrawn.item.state = "withdrawn"
    withdrawn.item.save()
    update()
    told = client_of(person).get(f"/api/changes/{own.pk}/similar/").json()
    assert [row["change"] for row in told["results"]] == [same.pk] and other_kind.pk != same.pk


def test_z3_changes_of_regions_that_one_may_not_see_are_left_out(client_of, person, read_region, update):
    mine, theirs = read_region(person), read_region(UserFactory())
    own, *_ = changes_on(mine)
    foreign, *_ = changes_on(theirs)
    update()
    client = client_of(person)
    told = client.get(f"/api/changes/{own.pk}/similar/", {"count": 20}).json()
    assert told["similar"] == 3 and {row["region"] for row in told["results"]} == {mine.pk}
    assert client.get(f"/api/changes/{foreign.pk}/similar/").status_code == 404
    RegionMember.objects.create(region=theirs, user=person)
    assert client.get(f"/api/changes/{own.pk}/similar/", {"count": 20}).json()["similar"] == 7


def test_before_its_tile_is_read_there_is_no_similar_place(client_of, person, read_region):
    own, *_ = changes_on(read_region(person))
    told = client_of(person).get(f"/api/changes/{own.pk}/similar/").json()
    assert (told["similar"], told["meant"]) == (0, False) and told["why_not"]


def test_what_waits_at_similar_places_is_named_for_the_queue(client_of, person, read_region, update):
    region = read_region(person)
    own, answered, held, free = changes_on(region)
    beside = ChangeFactory(scan=own.scan, pair=own.pair, kind="add")
    ChangeFactory(scan=own.scan, pair=free.pair, kind="remove")
    save_decision(person, answered, "accept")
    QueueItem.objects.filter(pk=held.item_id).update(
        lease_holder=UserFactory(), lease_expires_at=timezone.now() + timedelta(minutes=1)
    )
    client, address = client_of(person), f"/api/changes/{own.pk}/similar/waiting/"
    unread = client.get(address).json()
    assert unread["items"] == [beside.item_id] and unread["why_not"]  # its own tile needs no comparison
    update()
    assert client.get(address).json() == {"items": [beside.item_id, free.item_id], "why_not": ""}
    QueueItem.objects.filter(pk__in=[beside.item_id, free.item_id]).update(outdated=True)
    nothing = client.get(address).json()
    assert nothing["items"] == [] and "waits" in nothing["why_not"]


def test_likest_places_wait_first_and_those_of_other_regions_never(client_of, person, read_region, update):
    mine, theirs = read_region(person), read_region(person)
    own, *others = changes_on(mine)
    changes_on(theirs)
    update()
    client = client_of(person)
    alike = client.get(f"/api/changes/{own.pk}/similar/").json()["results"]
    order = {row["change"]: row["likeness"] for row in alike}
    items = client.get(f"/api/changes/{own.pk}/similar/waiting/").json()["items"]
    assert set(items) == {other.item_id for other in others}
    by_item = {other.item_id: order[other.pk] for other in others}
    assert [by_item[item] for item in items] == sorted(by_item.values(), reverse=True)
    given = client.post("/api/review/changes/claim/", {"region": mine.pk, "first": items}, format="json").json()
    assert given["item"]["id"] == items[0]


def test_vectors_leave_as_npz_and_parquet(client_of, read_region, update):
    editor = UserFactory(role="editor")
    region, other = read_region(editor), read_region(editor)
    client, address = client_of(editor), f"/api/regions/{region.pk}/embeddings/"
    assert client.get(address, {"form": "npz"}).status_code == 409
    update()
    answer = client.get(address, {"form": "npz"})
    assert answer.status_code == 200 and ".npz" in answer["Content-Disposition"]
    with np.load(io.BytesIO(b"".join(answer.streaming_content)), allow_pickle=False) as kept:
        ids = set(kept["ids"].tolist())
        assert ids == set(Tile.objects.filter(region=region).values_list("pk", flat=True))
        assert np.linalg.norm(kept["embeddings"], axis=1) == pytest.approx(np.ones(4), abs=1e-2)
        assert set(kept["z"].tolist()) == {19} and str(kept["about_attribution"]) == "A test"
    assert not ids & set(Tile.objects.filter(region=other).values_list("pk", flat=True))
    assert client.get(address, {"form": "csv"}).status_code == 400
    parquet = pytest.importorskip("pyarrow.parquet")
    answer = client.get(address)
    table = parquet.read_table(io.BytesIO(b"".join(answer.streaming_content)))
    assert set(table.column("id").to_pylist()) == ids and table.schema.metadata[b"licence"] == b"CC0-1.0"
