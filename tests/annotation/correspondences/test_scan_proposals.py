"""Pairs of a map scan in the review: proposals on tiles, answered as any other, apart from the region's own map."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.common.signals import transform_changed
from annotation.correspondences import selectors
from annotation.correspondences.engine import proposed_transform, said_transform
from annotation.correspondences.models import Correspondences, MapScan
from annotation.correspondences.services import map_scans
from annotation.review.models import QueueItem
from annotation.tiles.engine import tile_address
from annotation.tiles.models import Tile
from mlcore.geometry.transform import shift_of
from mlcore.geometry.webmercator import lonlat_to_mercator, mercator_to_lonlat, tile_at
from tests.annotation.correspondences.conftest import STEP_M
from tests.annotation.correspondences.test_map_scans import points_of_a_person, sent
from tests.factories import RegionFactory, UserFactory
from tests.factories_correspondences import (
    CorrespondencesFactory,
    MapScanFactory,
    ScanProposalFactory,
    adjust,
    answer,
    make_batch,
    take,
)
from tests.mlcore.correspondences.hybrid.made import (
    HEIGHT,
    NORTH,
    WEST,
    WIDTH,
    ground,
    moved,
    scan,
    scan_matrix,
    write_png,
)

pytestmark = pytest.mark.django_db


def uploaded(client, region, tmp_path, **fields) -> MapScan:
    from django.core.files.uploadedfile import SimpleUploadedFile

    sheet = write_png(tmp_path / "sheet.png", scan(ground(), scan_matrix())).read_bytes()
    points = SimpleUploadedFile("sheet.points", points_of_a_person())
    reply = sent(client, region, sheet, points=points, windows=6, **fields)
    assert reply.status_code == 202, reply.content
    return MapScan.objects.get(pk=reply.json()["id"])


@pytest.fixture
def made(client_of, person, region, tmp_path) -> MapScan:
    """A scan whose job has made its pairs."""
    row = uploaded(client_of(person), region, tmp_path)
    done = jobs.run_now(row.job)
    assert done.state == JobState.SUCCEEDED, done.error_detail
    row.refresh_from_db()
    return row


def test_the_pairs_of_a_scan_wait_as_proposals_and_it_is_told_where_it_lies(client_of, person, region, made):
    rows = list(Correspondences.objects.select_related("scan_tile"))
    assert 2 <= len(rows) <= made.made["pairs"]
    assert made.job.result["proposals"] == len(rows) or Job.objects.get(pk=made.job_id).result["proposals"] == len(rows)
    lines = (map_scans.scan_folder(made) / "set" / "proposals.jsonl").read_text().splitlines()
    digest = json.loads(lines[0])["matcher_digest"]
    for row in rows:
        assert (row.scan_id, row.pair_id, row.state, row.passed_gate) == (made.pk, None, "proposed", False)
        assert (row.matcher, row.matcher_digest, row.region_id) == ("structure", digest, region.pk)
        assert row.inliers >= row.needed_inliers > 0 and row.rmse_m > 0 and row.log10_nfa < 0
        assert np.trace(np.array(row.transform_covariance)) > 0
        _lies_on_its_tile_as_the_image_shows_it(row)
    shown = client_of(person).get(f"/api/map-scans/{made.pk}/").json()
    assert shown["proposals"] == {"proposed": len(rows)}
    ring = lonlat_to_mercator(np.array(shown["placed"]["outline"]["coordinates"][0]))
    width, height = made.made["map"]["width"], made.made["map"]["height"]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height], [0, 0]], float)
    true = [WEST, NORTH] + moved(np.linalg.inv(scan_matrix()), corners) * [STEP_M, -STEP_M]
    assert np.linalg.norm(ring - true, axis=1).max() < 10 * STEP_M
    assert 0 < shown["placed"]["pair_rmse_m"] < 3 and shown["placed"]["pairs"] == made.made["pairs"]


def _lies_on_its_tile_as_the_image_shows_it(row: Correspondences) -> None:
    """The scan shows the ground itself: brought by coarse and transform, every place comes back to itself."""
    transform, tile = proposed_transform(row), tile_address(row.tile)
    points = selectors.points_of(row.pk, corrected=False)
    assert len(points) >= 4 and {point.origin for point in points} == {"auto"}
    map_xy = np.array([point.map_xy for point in points])
    off_px = np.linalg.norm(transform.apply(map_xy) - np.array([point.image_xy for point in points]), axis=1)
    assert np.median(off_px) * tile.resolution_m() < 3
    folder = map_scans.scan_folder(row.scan)
    coarse = np.array([*json.loads((folder / "set" / "manifest.json").read_text())["coarse"]["parameters"], 1.0])
    west, _, east, north = tile.bounds_mercator
    grow = 256 / (east - west)
    middle = np.array([[128.0, 128.0]])
    metres = np.array([west, north]) + middle / grow * [1, -1]
    in_image = (metres - [WEST, NORTH]) / [STEP_M, -STEP_M]
    on_scan = moved(np.linalg.inv(coarse.reshape(3, 3)), in_image)  # what the tile's map shows in its middle
    there = moved(np.linalg.inv(scan_matrix()), on_scan)  # and where the ground has it
    true = ([WEST, NORTH] + there * [STEP_M, -STEP_M] - [west, north]) * [grow, -grow]
    assert np.linalg.norm(transform.apply(middle) - true) * tile.resolution_m() < 3


def test_the_picture_of_a_scan_lies_on_the_tile_as_it_was_found(client_of, person, made):
    row = Correspondences.objects.first()
    assert row is not None
    tile, client = row.tile, client_of(person)
    shown = client.get(f"/api/map-scans/{made.pk}/").json()
    address = shown["tiles"].format(z=tile.z, x=tile.x, y=tile.y)
    reply = client.get(f"{address}?size=512&v={shown['tile_version']}")
    assert reply.status_code == 200 and "immutable" in reply["Cache-Control"]
    picture = cv2.imdecode(np.frombuffer(reply.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (512, 512, 4) and (picture[..., 3] == 255).mean() > 0.9
    off = client.get(shown["tiles"].format(z=19, x=1, y=1))
    assert cv2.imdecode(np.frombuffer(off.content, np.uint8), cv2.IMREAD_UNCHANGED)[..., 3].max() == 0
    assert client.get(f"{address}?size=77").status_code == 400
    waiting = MapScanFactory(region=made.region, imagery=made.imagery)
    refused = client.get(f"/api/map-scans/{waiting.pk}/tiles/{tile.z}/{tile.x}/{tile.y}.png")
    assert refused.json()["code"] == "no_scan_pairs"


def test_a_job_that_comes_again_adds_no_proposal_twice(made):
    before = list(Correspondences.objects.values_list("pk", flat=True))
    again = jobs.enqueue(
        kind=map_scans.KIND, params={"scan": made.pk}, scope_id=made.region_id, created_by=None, wake=False
    )
    assert jobs.run_now(again).result["proposals"] == 0
    assert list(Correspondences.objects.values_list("pk", flat=True)) == before


def test_the_gate_lets_pairs_stand_only_where_an_administrator_set_it(settings, client_of, person, region, tmp_path):
    settings.MATCHER_GATE_LOG10_NFA, settings.MATCHER_GATE_RMSE_M = -4.0, 5.0
    row = uploaded(client_of(person), region, tmp_path)
    jobs.run_now(row.job)
    assert set(Correspondences.objects.values_list("state", "passed_gate")) == {("verified", True)}


def test_a_reviewer_verifies_or_corrects_them_with_the_scan_as_the_map(client_of, person):
    first = ScanProposalFactory(scan__region=RegionFactory(members=[person]))
    second = ScanProposalFactory(scan=first.scan)
    other = CorrespondencesFactory(pair__region=first.region)
    batch = make_batch(first.region, user=person, scan=first.scan_id)
    assert batch.options == {"seed": 7, "scan": first.scan_id} and batch.size == 2
    subject = client_of(person).post(
        "/api/review/correspondences/claim/", {"region": first.region_id, "batch": batch.pk}, format="json"
    ).json()["subject"]  # fmt: skip
    assert subject["of_scan"] is True and subject["snapshot"]["name"] == "sheet.png"
    assert subject["snapshot"]["tiles"] == f"/api/map-scans/{first.scan_id}/tiles/{{z}}/{{x}}/{{y}}.png"
    assert client_of(person).get(f"/api/correspondences/{subject['id']}/footprints/").json()["rings"] == []
    heard = []
    transform_changed.connect(lambda **said: heard.append(said), weak=False, dispatch_uid="test")
    try:
        one = take(person, batch)
        answer(person, one)
        two = take(person, batch)
        adjust(person, two, shift_of(5.0, 4.0))
    finally:
        transform_changed.disconnect(dispatch_uid="test")
    first.refresh_from_db()
    second.refresh_from_db()
    assert {first.state, second.state} == {"verified", "corrected"} and heard == []
    corrected = first if first.state == "corrected" else second
    assert said_transform(corrected).parameters == pytest.approx([5, 4], abs=1e-6)
    other.refresh_from_db()
    assert other.state == "proposed"
    shown = client_of(person).get(f"/api/map-scans/{first.scan_id}/").json()
    assert shown["proposals"] == {"verified": 1, "corrected": 1}


def test_what_is_known_of_the_regions_own_map_never_meets_a_scan(client_of, person):
    row = ScanProposalFactory(scan__region=RegionFactory(members=[person]))
    answer(person, take(person, make_batch(row.region, user=person)))
    row.refresh_from_db()
    assert row.state == "verified"
    tile = row.tile
    own = CorrespondencesFactory(pair__tile=tile, pair__imagery=row.imagery, pair__region=row.region)
    sources = {"imagery_id": own.pair.imagery_id, "snapshot_id": own.pair.snapshot_id}
    assert list(selectors.in_force(**sources)) == [] and list(selectors.proposals(**sources)) == [own]
    assert list(selectors.verified_by_people()) == [row]  # but matchers learn from both
    listed = client_of(person).get(f"/api/regions/{row.region_id}/correspondences/").json()["results"]
    assert {(one["scan"], one["scan_name"], one["z"]) for one in listed} == {
        (row.scan_id, "sheet.png", tile.z), (None, None, own.pair.tile.z),
    }  # fmt: skip


def test_a_scan_that_people_answered_about_stays_and_so_does_its_imagery(client_of, person):
    row = ScanProposalFactory(scan__region=RegionFactory(members=[person]))
    item = take(person, make_batch(row.region, user=person))
    answer(person, item)
    refused = client_of(person).delete(f"/api/map-scans/{row.scan_id}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "scan_answered")
    refused = client_of(person).delete(f"/api/imagery/{row.scan.imagery_id}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    waiting = ScanProposalFactory(scan__region=row.region)
    make_batch(row.region, user=person, scan=waiting.scan_id)
    assert client_of(person).delete(f"/api/map-scans/{waiting.scan_id}/").status_code == 204
    assert QueueItem.objects.get() == item


def test_a_stopped_job_is_resumed_and_goes_on_where_it_was(client_of, person, region, tmp_path):
    client = client_of(person)
    row = uploaded(client, region, tmp_path)
    url = f"/api/map-scans/{row.pk}/resume/"
    assert client.post(url).json()["code"] == "nothing_to_resume"  # it waits
    assert client.post(f"/api/jobs/{row.job_id}/cancel/").status_code == 200
    reply = client.post(url)
    assert reply.status_code == 202 and reply.json()["job"]["state"] == "queued"
    row.refresh_from_db()
    assert str(row.job_id) == reply.json()["job"]["id"] and Job.objects.count() == 2
    assert jobs.run_now(row.job).state == JobState.SUCCEEDED
    assert client.post(url).json()["code"] == "nothing_to_resume"
    assert client_of(UserFactory()).post(url).status_code == 403


def test_a_proposal_is_of_a_map_or_of_a_scan_and_never_of_both_or_none():
    own, scanned = CorrespondencesFactory(), ScanProposalFactory()
    for row, change in (
        (own, {"pair": None}),
        (own, {"scan": scanned.scan}),
        (scanned, {"pair": own.pair}),
        (scanned, {"scan_tile": None}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Correspondences.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        ScanProposalFactory(scan=scanned.scan, scan_tile=scanned.scan_tile)


@pytest.mark.parametrize("number", [1, 5])
def test_a_list_of_scans_counts_all_their_proposals_at_once(client_of, person, number, django_assert_max_num_queries):
    region = RegionFactory(members=[person])
    for row in MapScanFactory.create_batch(number, region=region):
        ScanProposalFactory(scan=row)
    client = client_of(person)
    with django_assert_max_num_queries(6):
        listed = client.get(f"/api/regions/{region.pk}/map-scans/").json()["results"]
    assert [one["proposals"] for one in listed] == [{"proposed": 1}] * number


@pytest.mark.django_db(transaction=True)
def test_proposals_of_a_populated_database_are_of_their_pairs_after_the_migration():
    row = CorrespondencesFactory()
    kept = (row.pk, row.pair_id)
    executor = MigrationExecutor(connection)
    try:
        executor.migrate([("correspondences", "0003_map_scans")])
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    assert Correspondences.objects.values_list("pk", "pair", "scan", "scan_tile").get() == (*kept, None, None)


def test_a_tile_that_the_region_lacks_is_made_for_a_pair(made):
    assert Tile.objects.filter(region=made.region).count() == Correspondences.objects.count()
    west, north = mercator_to_lonlat(np.array([WEST, NORTH])).tolist()
    first = tile_at(west, north, made.region.zoom)
    east, south = mercator_to_lonlat(np.array([WEST + WIDTH * STEP_M, NORTH - HEIGHT * STEP_M])).tolist()
    last = tile_at(east, south, made.region.zoom)
    assert all(first.x <= tile.x <= last.x and first.y <= tile.y <= last.y for tile in Tile.objects.all())
