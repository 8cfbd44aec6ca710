"""What the page of correspondences is told: counts that stop, outlines of a tile, a batch that changes, its report."""

from __future__ import annotations

import numpy as np
import pytest
from django.urls import reverse

from annotation.correspondences import selectors
from annotation.correspondences.nearby import outlines_of
from annotation.tiles.engine import tile_address
from mlcore.geometry.transform import shift_of
from mlcore.geometry.webmercator import xy_to_lonlat
from tests.annotation.correspondences.test_double_review import px_for
from tests.factories import FootprintFactory, RegionFactory, UserFactory
from tests.factories_correspondences import CorrespondencesFactory, adjust, answer, make_batch, points_by, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


@pytest.fixture
def editor(client_of, region):
    return client_of(UserFactory(role="editor"))


def test_counts_go_by_state_and_stop_where_they_say_enough(client_of, region, monkeypatch, django_assert_num_queries):
    CorrespondencesFactory.create_batch(3, pair__region=region)
    CorrespondencesFactory(pair__region=region, no_match=True)
    CorrespondencesFactory(pair__region=region, state="verified")
    with django_assert_num_queries(5):
        counts = selectors.state_counts(region.pk)
    assert counts == {"proposed": 4, "verified": 1, "corrected": 0, "rejected": 0, "no_match": 1}
    monkeypatch.setattr(selectors, "COUNTED_TO", 2)
    seen = client_of(UserFactory()).get(reverse("api-matchers", args=[region.pk])).json()
    assert (seen["counts"]["proposed"], seen["counted_to"]) == (2, 2)


def test_outlines_are_those_around_the_tile_in_its_pixels(client_of, region):
    row = CorrespondencesFactory(pair__region=region)
    tile = tile_address(row.pair.tile)
    places = np.array([[10, 20], [40, 20], [40, 60], [10, 60], [10, 20]], float)

    def house(move, snapshot):
        corners = [tuple(one) for one in xy_to_lonlat(places + move, tile)]
        return FootprintFactory(snapshot=snapshot, geometry=polygon_of(corners))

    house(0, row.pair.snapshot)
    house(600, row.pair.snapshot)  # far from the tile
    house(5, CorrespondencesFactory(pair__region=region).pair.snapshot)  # of another map
    reply = client_of(UserFactory()).get(reverse("api-correspondences-footprints", args=[row.pk])).json()
    assert reply["cut_short"] is False
    (ring,) = reply["rings"]
    assert np.allclose(ring, places, atol=0.02)


def polygon_of(corners):
    from django.contrib.gis.geos import MultiPolygon, Polygon

    return MultiPolygon(Polygon(corners), srid=4326)


def test_what_is_too_much_for_a_page_is_left_out_and_said_so(region, monkeypatch):
    row = CorrespondencesFactory(pair__region=region)
    tile = tile_address(row.pair.tile)
    for move in (0, 50, 100):
        corners = xy_to_lonlat(np.array([[1, 1], [9, 1], [9, 9], [1, 1]], float) + move, tile)
        FootprintFactory(snapshot=row.pair.snapshot, geometry=polygon_of([tuple(one) for one in corners]))
    monkeypatch.setattr("annotation.correspondences.nearby.MOST", 2)
    found = outlines_of(row)
    assert (len(found["rings"]), found["cut_short"]) == (2, True)
    monkeypatch.setattr("annotation.correspondences.nearby.MOST_CORNERS", 5)
    assert len(outlines_of(row)["rings"]) == 1


def test_a_batch_is_renamed_and_given_to_other_people(editor, region):
    CorrespondencesFactory(pair__region=region)
    batch = make_batch(region)
    ana = UserFactory(username="ana")
    address = reverse("api-correspondence-batch", args=[batch.pk])
    changed = editor.patch(address, {"name": "North", "people": [ana.pk], "open_to_all": False}, format="json")
    assert changed.status_code == 200, changed.content
    assert (changed.json()["name"], changed.json()["people"]) == ("North", ["ana"])
    assert editor.get(address).json()["open_to_all"] is False
    refused = editor.patch(address, {"people": []}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")


def report_of(editor, batch):
    reply = editor.get(reverse("api-correspondence-report", args=[batch.pk]))
    assert reply.status_code == 200, reply.content
    return reply.json()


def test_the_report_has_agreement_distances_and_errors_of_known_answers(editor, region):
    """Of three tiles two people differ by 0.5 m, by 2 m, and in what they say of it at all."""
    rows = [CorrespondencesFactory(pair__region=region) for _ in range(3)]
    ana, ben, cleo = UserFactory(username="ana"), UserFactory(username="ben"), UserFactory(username="cleo")
    batch = make_batch(region, second_share=1.0)
    bens = {
        rows[0].pk: ("adjust", 0.5),
        rows[1].pk: ("adjust", 2.0),
        rows[2].pk: ("reject", None),
    }
    for _ in rows:
        answer(ana, take(ana, batch))
    for _ in rows:
        item = take(ben, batch)
        decision, metres = bens[item.subject_id]
        if decision == "adjust":
            row = next(row for row in rows if row.pk == item.subject_id)
            adjust(ben, item, shift_of(2.0 + px_for(row, metres), -1.0), checks=[5])
        else:
            answer(ben, item, "reject", reason="other")
    found = report_of(editor, batch)
    assert (found["inspected"], found["waiting"], found["outcomes"]) == (1, 2, {"adjust": 1})
    assert (found["agreement"]["twice"], found["agreement"]["same"]["hits"]) == (3, 1)
    assert found["agreement"]["apart_m"] == {
        "number": 2, "median": pytest.approx(1.25), "p90": pytest.approx(1.85),
    }  # fmt: skip
    assert found["moved_m"] == {"number": 1, "median": pytest.approx(0.5), "p90": pytest.approx(0.5)}
    assert found["check_rmse_m"]["number"] == 1
    answer(cleo, take(cleo, batch, "correspondence-adjudication"), "reject", reason="map_outdated")
    found = report_of(editor, batch)
    assert (found["inspected"], found["waiting"]) == (2, 1)
    assert found["reasons"] == [{"decision": "reject", "reason": "map_outdated", "number": 1}]
    assert [one["reviewer"] for one in found["by_reviewer"]] == ["ana", "ben", "cleo"]
    assert found["by_reviewer"][1]["decisions"] == {"adjust": 2, "reject": 1}


def test_an_answer_whose_second_is_still_to_come_is_in_no_report(editor, region):
    CorrespondencesFactory(pair__region=region)
    ana = UserFactory()
    batch = make_batch(region, second_share=1.0)
    answer(ana, take(ana, batch), "adjust", transform="shift", points=points_by(shift_of(9.0, 9.0)))
    found = report_of(editor, batch)
    assert (found["inspected"], found["by_reviewer"], found["fit_rmse_m"]["number"]) == (0, [], 0)
