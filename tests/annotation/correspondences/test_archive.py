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

from annotation.correspondences.models import Correspondences
from annotation.correspondences.services.archive import archive
from mlcore.evaluation.readers.mapdata import read_mapdata
from mlcore.geometry.transform import shift_of
from tests.annotation.correspondences.place import SHIFT_PX, matched_place
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
