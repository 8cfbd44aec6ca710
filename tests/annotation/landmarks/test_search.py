"""The search over HTTP, with real tiles and a real small model: what is found, and what nobody may find."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.consistency.models import TileScore
from annotation.sources.models import Imagery
from annotation.tiles.models import Tile, TilePair
from tests.factories import ORIGIN, UserFactory
from tests.factories_changes import ScanFactory
from tests.factories_landmarks import LandmarkFactory, search_weights, within

pytestmark = pytest.mark.django_db
WORDS = {"q": "red roofs beside a river"}


def found(client, **query) -> dict:
    answer = client.get("/api/search/", query)
    assert answer.status_code == 200, answer.content[:300]
    return answer.json()


def middle(column: float = 0.5, row: float = 0.5) -> str:
    place = within(column, row)
    return f"{place.y:.7f}, {place.x:.7f}"


def test_words_find_tiles_with_their_picture_date_and_place(client_of, person, read_region, update):
    region = read_region(person)
    assert update()["tiles"] == 4
    client = client_of(person)
    answer = found(client, **WORDS)
    assert (answer["kind"], answer["meant"], answer["why_not"]) == ("text", True, "")
    assert {row["tile"] for row in answer["results"]} == set(Tile.objects.values_list("pk", flat=True))
    likeness = [row["likeness"] for row in answer["results"]]
    assert likeness == sorted(likeness, reverse=True)
    row = answer["results"][0]
    assert row["region_name"] == region.name and row["score"] is None and row["distance_m"] is None
    assert client.get(row["image_url"]).status_code == client.get(row["page_url"]).status_code == 200
    assert row["address"] in row["image_url"] and len(row["bounds"]) == 4


def test_z3_tiles_of_a_region_that_one_may_not_see_are_never_compared(client_of, person, read_region, update):
    """However like they are: nothing of them takes the place of what may be seen."""
    mine, theirs = read_region(person), read_region(UserFactory())
    LandmarkFactory(region=theirs, name="Secret temple")
    update()
    client = client_of(person)
    for query in (WORDS, {"q": middle()}, {"q": "Secret temple"}):
        answer = found(client, **query)
        assert {row["region"] for row in answer["results"]} == {mine.pk}
        assert answer["landmarks"] == []
    own = Tile.objects.filter(region=mine).first()
    rows = client.get(f"/api/tiles/{own.pk}/similar/").json()["results"]
    assert len(rows) == 3 and {row["region"] for row in rows} == {mine.pk}
    foreign = Tile.objects.filter(region=theirs).first()
    assert client.get(f"/api/tiles/{foreign.pk}/similar/").status_code == 404


def test_who_sees_nothing_finds_nothing_and_is_told_why(client_of, read_region, update):
    read_region()
    update()
    answer = found(client_of(UserFactory()), **WORDS)
    assert (answer["meant"], answer["results"]) == (False, []) and "region" in answer["why_not"]


def test_before_anything_is_read_it_is_said(client_of, person, read_region):
    read_region(person)
    answer = found(client_of(person), **WORDS)
    assert not answer["meant"] and "read in" in answer["why_not"] and answer["model"] == ""


def test_what_means_nothing_finds_nothing(client_of, person, read_region, update, settings, tmp_path):
    floors = dict.fromkeys(("text", "ground", "aerial", "gps"), 1.01)
    settings.LANDMARKS_WEIGHTS = str(search_weights(tmp_path / "strict.safetensors", floors=floors))
    region = read_region(person)
    LandmarkFactory(region=region, name="Chandeshwari temple")
    update()
    client = client_of(person)
    for query in ("how to cook rice", "?!", "..."):
        answer = found(client, q=query)
        assert not answer["meant"] and answer["why_not"] and answer["results"] == answer["landmarks"] == []
    named = found(client, q="chandeshwari")
    assert named["meant"] and [row["name"] for row in named["landmarks"]] == ["Chandeshwari temple"]
    assert [row["address"] for row in named["results"]] == [f"{ORIGIN.z}/{ORIGIN.x}/{ORIGIN.y}"]


def test_who_wants_the_likest_anyway_gets_them_and_is_told_that_none_is_sure(
    client_of, person, read_region, update, settings, tmp_path
):
    floors = {"text": 1.01, "aerial": 1.01}
    settings.LANDMARKS_WEIGHTS = str(search_weights(tmp_path / "strict.safetensors", floors=floors))
    LandmarkFactory(region=(region := read_region(person)), name="Chandeshwari temple")
    update()
    client, tile = client_of(person), Tile.objects.filter(region=region).first()
    nothing = "how to cook rice"
    plain, anyway = found(client, q=nothing), found(client, q=nothing, anyway="true")
    assert plain["below"] and not plain["meant"] and plain["results"] == []
    assert anyway["below"] and not anyway["meant"] and anyway["why_not"] and len(anyway["results"]) == 4
    assert anyway["landmarks"] == [], "what is not sure of tiles says nothing of landmarks"
    like = client.get(f"/api/tiles/{tile.pk}/similar/", {"anyway": "true"}).json()
    assert like["below"] and len(like["results"]) == 3
    near = found(client, q="10.0, 10.0", anyway="true")
    assert not near["below"], "of positions the nearest come first, whatever is like them"


def test_of_coordinates_the_nearest_tiles_come_first(client_of, person, read_region, update):
    read_region(person)
    update()
    answer = found(client_of(person), q=middle(0.9, 0.5), count=4)
    assert answer["kind"] == "gps" and answer["position"]["lon"] == pytest.approx(within(0.9, 0.5).x)
    near = answer["results"][:2]
    assert [row["address"] for row in near] == [f"{ORIGIN.z}/{ORIGIN.x + i}/{ORIGIN.y}" for i in (0, 1)]
    assert near[0]["distance_m"] == 0 and 0 < near[1]["distance_m"] < 20
    assert len(answer["results"]) == 4 and answer["results"][2]["distance_m"] is None


def test_coordinates_far_from_everything_find_nothing(client_of, person, read_region, update):
    read_region(person)
    update()
    answer = found(client_of(person), q="33.9 S 18.4 E")
    assert not answer["meant"] and answer["results"] == [] and "20 km" in answer["why_not"]
    answer = found(client_of(person), q="95, 200")
    assert answer["kind"] == "gps" and not answer["meant"] and "nowhere on Earth" in answer["why_not"]


def test_filters_hold(client_of, person, read_region, update):
    region, other = read_region(person), read_region(person)
    Imagery.objects.filter(region=other).update(captured_on=dt.date(2020, 5, 1))
    scored = TilePair.objects.filter(tile__region=region).first()
    scan = ScanFactory(region=region, imagery=scored.imagery, snapshot=scored.snapshot)
    TileScore.objects.create(scan=scan, pair=scored, disc=0, proto=0, final=0, difference=0, probability=0.2)
    update()
    client = client_of(person)

    def tiles(**narrowed) -> set[int]:
        return {row["tile"] for row in found(client, **WORDS, **narrowed)["results"]}

    ids = {one.pk: set(Tile.objects.filter(region=one).values_list("pk", flat=True)) for one in (region, other)}
    assert tiles(region=other.pk) == ids[other.pk]
    assert tiles(date_from="2020-01-01", date_to="2020-12-31") == ids[other.pk]
    assert tiles(score_max="0.5") == {scored.tile_id} and tiles(score_min="0.5") == set()
    west, south, east, north = ORIGIN.bounds_lonlat
    first = Tile.objects.filter(region__in=list(ids), x=ORIGIN.x, y=ORIGIN.y).values_list("pk", flat=True)
    inside = f"{west + 1e-6},{south + 1e-6},{east - 1e-6},{north - 1e-6}"
    assert tiles(bbox=inside) == set(first)
    assert tiles(count=1) < ids[region.pk] | ids[other.pk]


def test_a_score_that_changed_since_is_not_told_as_it_was(client_of, person, read_region, update):
    region = read_region(person)
    pair = TilePair.objects.filter(tile__region=region).first()
    scan = ScanFactory(region=region, imagery=pair.imagery, snapshot=pair.snapshot)
    row = TileScore.objects.create(scan=scan, pair=pair, disc=0, proto=0, final=0, difference=0, probability=0.2)
    update()
    TileScore.objects.filter(pk=row.pk).update(probability=0.9)
    assert found(client_of(person), **WORDS, score_max="0.5")["results"] == []


def test_more_like_a_tile_leaves_itself_out(client_of, person, read_region, update):
    read_region(person)
    update()
    tile = Tile.objects.get(x=ORIGIN.x, y=ORIGIN.y)
    client = client_of(person)
    by_id = client.get(f"/api/tiles/{tile.pk}/similar/", {"count": 2}).json()
    place = f"/api/regions/{tile.region_id}/tiles/{tile.z}/{tile.x}/{tile.y}/similar/"
    assert by_id == client.get(place, {"count": 2}).json()
    assert by_id["kind"] == "tile" and len(by_id["results"]) == 2
    assert tile.pk not in {row["tile"] for row in by_id["results"]}


def test_of_tiles_that_are_all_the_same_no_more_are_told_than_asked_for(client_of, person, read_region, update):
    """A tile need not be among the likest of itself where others are its equal."""
    region = read_region(person)
    update()
    client = client_of(person)
    for tile in Tile.objects.filter(region=region):
        rows = client.get(f"/api/tiles/{tile.pk}/similar/", {"count": 1}).json()["results"]
        assert len(rows) == 1 and rows[0]["tile"] != tile.pk


@pytest.mark.parametrize(
    "query",
    [
        {}, {"q": ""}, {"q": "a\x00b"}, {"q": "x" * 301}, {"q": "a", "count": 0}, {"q": "a", "count": 101},
        {"q": "a", "bbox": "1,2,3"}, {"q": "a", "bbox": "nan,0,1,1"}, {"q": "a", "bbox": "5,0,1,1"},
        {"q": "a", "score_min": "2"}, {"q": "a", "score_min": "0.9", "score_max": "0.1"},
        {"q": "a", "date_from": "yesterday"}, {"q": "a", "region": "one"},
    ],
)  # fmt: skip
def test_a_query_that_can_not_be_used_is_refused(client_of, person, query):
    assert client_of(person).get("/api/search/", query).status_code == 400


def test_an_answer_costs_as_many_statements_however_many_tiles_it_tells(
    client_of, person, read_region, update, django_assert_max_num_queries
):
    read_region(person)
    read_region(person)
    update()
    client = client_of(person)
    found(client, **WORDS)
    with django_assert_max_num_queries(20):
        found(client, **WORDS, count=1)
    with django_assert_max_num_queries(20):
        assert len(found(client, **WORDS)["results"]) == 8
