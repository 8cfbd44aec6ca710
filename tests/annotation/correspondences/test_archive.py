"""A region's verified pairs as an archive: read again by the library's own reader of such sets."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotation.common.errors import NotFoundError
from annotation.correspondences.engine import scan_picture
from annotation.correspondences.models import Correspondences
from annotation.correspondences.services.archive import archive
from mlcore.evaluation.readers.mapdata import read_mapdata
from mlcore.geometry.transform import shift_of
from tests.annotation.correspondences.place import SCAN_SHIFT_PX, SHIFT_PX, matched_place, scan_of, scan_proposal
from tests.factories import UserFactory
from tests.factories_correspondences import CorrespondencesFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def place():
    """Four tiles: three verified with the true shift, one only proposed."""
    region, imagery, _ = matched_place(columns=4)
    true = shift_of(*SHIFT_PX, 0.01)
    for number, pair in enumerate(imagery.pairs.order_by("tile__x")):
        state = "verified" if number else "proposed"
        CorrespondencesFactory(pair=pair, state=state, transform_parameters=true.parameters.tolist())
    imagery.licence, imagery.attribution = "CC-BY-4.0", "A flight"
    imagery.save()
    return region


def test_pairs_are_read_again_and_the_homography_lays_the_map_on_the_image(client_of, place, tmp_path):
    reply = client_of(UserFactory(role="admin")).get(reverse("api-correspondences-archive", args=[place.pk]))
    assert reply.status_code == 200 and reply["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(reply.getvalue())) as file:
        assert file.testzip() is None
        file.extractall(tmp_path)

    pairs = list(read_mapdata(tmp_path))

    assert len(pairs) == 3
    column, row = round(2 * SHIFT_PX[0]), round(2 * SHIFT_PX[1])
    for pair in pairs:
        assert np.allclose(pair.truth[:2, 2], [2 * SHIFT_PX[0], 2 * SHIFT_PX[1]])
        seen = pair.image_rgb[64 + row : 448 + row, 64 + column : 448 + column].astype(int)
        assert np.abs(seen - pair.map_rgb[64:448, 64:448]).mean() < 3
    told = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    assert {f"{one['part']}/{one['name']}" for one in told} == {pair.name for pair in pairs}
    assert all(len(one["transform_256px"]["covariance"]) == 2 for one in told)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["parts"] == {"test": 1, "validation": 1, "train": 1} and manifest["pairs"] == 3
    assert "CC-BY-4.0" in (tmp_path / "LICENCE.txt").read_text() and manifest["image"]["attribution"] == "A flight"


def test_an_archive_is_made_while_it_is_sent(place):
    tracemalloc.start()
    pieces = archive(place)
    sizes = [len(piece) for piece in pieces]
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(sizes) > 3 * 3 and max(sizes) < 2_000_000
    assert held < 40_000_000


def test_what_goes_while_an_archive_is_made_is_left_out(place):
    pieces = archive(place)
    content = next(pieces)
    Correspondences.objects.order_by("-pk").first().delete()
    content += b"".join(pieces)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        assert json.loads(file.read("manifest.json"))["pairs"] == 2


def test_a_region_without_verified_pairs_or_without_its_image_is_a_typed_error(client_of, place):
    address = reverse("api-correspondences-archive", args=[place.pk])
    client = client_of(UserFactory(role="admin"))
    Correspondences.objects.update(state="proposed")
    reply = client.get(address)
    assert (reply.status_code, reply.json()["code"]) == (409, "nothing_verified")
    assert client_of(UserFactory(role="reviewer")).get(address).status_code == 403


def test_the_command_writes_the_same_file_whole_or_not_at_all(place, tmp_path, capsys):
    out = tmp_path / "pairs.zip"
    call_command("export_correspondences", place.name, str(out))
    assert zipfile.is_zipfile(out) and "pairs.zip" in capsys.readouterr().out
    Correspondences.objects.update(state="proposed")
    with pytest.raises(CommandError, match="nothing_verified"):
        call_command("export_correspondences", place.name, str(tmp_path / "none.zip"))
    with pytest.raises(CommandError, match="nothing_verified"):
        call_command("export_correspondences", place.name, str(tmp_path / "none" / "none.zip"))
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.zip"]


def unpacked(region, folder):
    with zipfile.ZipFile(io.BytesIO(b"".join(archive(region)))) as file:
        file.extractall(folder)
    told = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    return told, json.loads((folder / "manifest.json").read_text())


def test_verified_pairs_of_a_map_scan_are_in_the_archive_with_the_scan_as_the_map(place, tmp_path):
    imagery = place.imagery_set.get()
    tiles = [pair.tile for pair in imagery.pairs.order_by("tile__x")]
    scan = scan_of(imagery)
    for tile in tiles[:2]:
        scan_proposal(scan, tile, state="verified")
    scan_proposal(scan, tiles[2])

    told, manifest = unpacked(place, tmp_path)

    of_scan = {f"{one['part']}/{one['name']}": one for one in told if one["scan"]}
    assert len(told) == 5 and {one["scan"] for one in of_scan.values()} == {scan.sha256}
    parts = {tuple(one["tile"]): set() for one in told}
    for one in told:
        parts[tuple(one["tile"])].add(one["part"])
    assert all(len(part) == 1 for part in parts.values())  # of one tile, map and scan are never in two parts
    pairs = [pair for pair in read_mapdata(tmp_path) if pair.name in of_scan]
    assert len(pairs) == 2
    column, row = round(2 * SCAN_SHIFT_PX[0]), round(2 * SCAN_SHIFT_PX[1])
    for pair in pairs:
        assert np.allclose(pair.truth[:2, 2], [column, row])
        seen = pair.image_rgb[64 + row : 448 + row, 64 + column : 448 + column].astype(int)
        assert np.abs(seen - pair.map_rgb[64:448, 64:448]).mean() < 3
    assert manifest["pairs"] == 5 and [one["sha256"] for one in manifest["scans"]] == [scan.sha256]
    assert "L, the scan sheet.png: ODbL-1.0" in (tmp_path / "LICENCE.txt").read_text()


def test_a_region_whose_only_map_is_a_scan_has_an_archive_too(place, tmp_path):
    imagery = place.imagery_set.get()
    tile = imagery.pairs.order_by("tile__x")[0].tile
    scan_proposal(scan_of(imagery), tile, state="verified")
    place.mapsnapshot_set.all().delete()
    told, manifest = unpacked(place, tmp_path)
    assert [one["part"] for one in told] == ["train"] and manifest["map"] is None


def test_an_archive_without_the_picture_of_a_scan_is_refused_before_it_is_sent(place):
    imagery = place.imagery_set.get()
    scan = scan_of(imagery)
    scan_proposal(scan, imagery.pairs.order_by("tile__x")[0].tile, state="verified")
    scan_picture(scan).unlink()
    with pytest.raises(NotFoundError, match="add it again"):
        archive(place)
