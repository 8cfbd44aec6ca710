"""A reshaped multipolygon beside what the map's server shows of its relation, ways and nodes."""

import pytest

from tests.annotation.edits.school import School
from tests.annotation.edits.test_multipolygons_exported import at
from tests.annotation.edits.uploading import ran, started

pytestmark = pytest.mark.django_db(transaction=True)
BUILDING = {"type": "multipolygon", "building": "school", "name": "Nr 51"}
MEMBERS = [["way", 61, "outer"], ["way", 62, "inner"], ["way", 63, "inner"]]


def node(number, version, place):
    lon, lat = at(*place)
    return ("node", number, version, {"lon": lon, "lat": lat})


class Page:
    """What the page asks of the school's one edit."""

    def __init__(self, school: School, client) -> None:
        self.client, self.changeset = client, f"/api/changesets/{school.changeset.pk}/"
        self.edit = f"{self.changeset}edits/{school.changeset.items.get().change_id}/"

    def beside(self):
        return self.client.get(f"{self.edit}three-way/?against=server")

    def told(self):
        return self.beside().json()["conflict"]

    def lay_over(self, digest, **chosen):
        body = {"seen": digest, "against": "server", **chosen}
        return self.client.post(f"{self.edit}rebase/", body, format="json")

    def conflicts(self):
        return self.client.get(self.changeset).json()["conflicts"]


@pytest.fixture
def page(school, client_of) -> Page:
    return Page(school, client_of(school.editor))


def test_the_server_draws_the_same_building_as_the_import_and_says_nothing_against_it(school, page):
    assert page.told() is None
    reply = page.lay_over("0" * 16, shape="ours")
    assert (reply.status_code, reply.json()["code"]) == (409, "no_conflict")


@pytest.mark.parametrize(
    ("put", "code", "named"),
    [
        (("relation", 51, 9, {"body": MEMBERS, "tags": {**BUILDING, "height": "9"}}), "newer_version", "version 9"),
        (("way", 62, 9, {"body": [5, 6, 7, 8, 5], "tags": {"source": "survey"}}), "newer_part", "way/62"),
        (node(4, 9, (-1, 10)), "newer_part", "node/4"),
    ],
)
def test_what_ended_an_upload_is_shown_and_once_laid_over_it_goes_out(school, page, put, code, named):
    kind, number, version, element = put
    school.server.put(put)
    upload, _ = ran(started(school))
    assert (upload.state, upload.problem["key"]) == ("conflicted", f"{kind}/{number}")
    told = page.told()
    assert told["code"] == code and named in told["detail"]
    assert {row["key"]: row["theirs"] for row in told["rows"]} == ({"height": "9"} if kind == "relation" else {})
    assert page.lay_over(told["theirs"]["digest"], shape="ours").status_code == 200
    assert page.conflicts() == []  # the newest map here is older than what the server said
    upload, _ = ran(started(school))
    assert upload.state == "done", upload.problem
    row = school.row(kind, number)
    assert (row["version"], row["tags"]) == (version + 1, element.get("tags", {}))
    assert (school.row("node", 4)["lon"], school.row("node", 4)["lat"]) == pytest.approx(at(0, 11), abs=1e-9)
    assert len(school.body("relation", 51)) == 3 and school.row("way", 63)["version"] == 5


def test_a_relation_that_others_tagged_and_extended_meanwhile_is_shown_as_it_is_now(school, page):
    hall = [node(n, 1, place) for n, place in {91: (1, 8), 92: (2, 8), 93: (2, 9), 94: (1, 9)}.items()]
    theirs = {"body": [*MEMBERS, ["way", 90, "inner"]], "tags": {**BUILDING, "height": "9"}}
    school.server.put(*hall, ("way", 90, 1, {"body": [91, 92, 93, 94, 91]}), ("relation", 51, 9, theirs))
    told = page.told()
    assert (told["code"], told["base"]["version"], told["theirs"]["version"]) == ("newer_version", 6, 9)
    assert len(told["theirs"]["geometry"]["coordinates"]) == 4 and told["shape"]["suggested"] == ""
    assert {row["key"]: (row["base"], row["theirs"]) for row in told["rows"]} == {"height": (None, "9")}
    assert page.lay_over("0" * 16, shape="ours").json()["code"] == "newer_state"


@pytest.mark.parametrize(
    "junk",
    [
        '<node id="1" version="2" lon="east" lat="55"/>',
        '<node id="1" version="2" lon="nan" lat="55"/>',
        '<way id="61" version="3"><nd ref="1180591620717411303424"/></way>',
        '<relation id="51" version="9" timestamp="yesterday"/>',
    ],
)
def test_an_answer_that_can_not_be_read_is_told_as_such(school, page, junk):
    school.server.answer("GET", "/api/0.6/relation/51/full", 200, f'<osm version="0.6">{junk}</osm>')
    reply = page.beside()
    assert (reply.status_code, reply.json()["code"]) == (503, "map_server"), reply.content
    assert "check its address" in reply.json()["detail"]


def test_what_is_gone_from_the_server_can_only_be_dropped(school, page):
    school.server.put(("relation", 51, 7, None))
    told = page.told()
    assert (told["code"], told["theirs"]) == ("gone", None) and "drop" in told["why_not"]
    assert page.lay_over("0" * 16, shape="ours").json()["code"] == "not_rebased"


def test_one_that_is_no_area_any_more_is_named_with_a_remedy(school, page):
    for number, relation in enumerate(
        ({"body": MEMBERS[1:2], "tags": {"type": "site"}}, {"body": [], "tags": BUILDING})
    ):
        school.server.put(("relation", 51, 7 + number, relation))
        reply = page.beside()
        assert (reply.status_code, reply.json()["code"]) == (409, "not_rebased")
        assert "relation/51" in reply.json()["detail"] and "drop" in reply.json()["detail"]
