"""Pairs and tiles: the grid of a region, and what browsers get to see of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.gis.geos import Polygon
from PIL import Image

from annotation.common.engine import StoppedError
from annotation.common.errors import InvalidError
from annotation.sources.models import MapSnapshot
from annotation.tiles.engine import map_index, pair_source, tile_address, tile_version
from annotation.tiles.models import Tile, TilePair
from annotation.tiles.services import build_pairs
from mlcore.geometry.webmercator import TileAddress
from mlcore.progress import SilentProgress
from tests import factories
from tests.factories import ORIGIN
from tests.files import ready_imagery, ready_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_cache")]


@pytest.fixture
def person() -> Any:
    return factories.UserFactory(role="editor")


@pytest.fixture
def ready(settings: Any, tmp_path: Path, person: Any) -> tuple[Any, Any]:
    """Imagery of 2 x 2 tiles, the last without data, and a map with a building on the first."""
    settings.MEDIA_ROOT = tmp_path / "media"
    region = factories.RegionFactory(members=[person], zoom=None, area=None)
    return ready_imagery(region, tmp_path, hole=True), ready_snapshot(region, tmp_path)


def build(ready: tuple[Any, Any]) -> build_pairs.PairCounts:
    imagery, snapshot = ready
    imagery.region.refresh_from_db()
    return build_pairs.build(imagery=imagery, snapshot=snapshot, progress=SilentProgress())


def test_every_tile_with_data_gets_one_pair_however_often_it_is_asked_for(ready):
    assert build(ready) == build(ready) == build_pairs.PairCounts(pairs=3, mapped=3)
    pairs = {tile_address(pair.tile): pair for pair in TilePair.objects.select_related("tile")}
    assert pairs[ORIGIN].buildings == 1 and pairs[ORIGIN].valid_share == 1.0
    assert sum(pair.buildings for pair in pairs.values()) == 1
    assert TileAddress(ORIGIN.z, ORIGIN.x + 1, ORIGIN.y + 1) not in pairs


def test_tiles_outside_the_coverage_are_unmapped(ready):
    imagery, snapshot = ready
    MapSnapshot.objects.filter(pk=snapshot.pk).update(coverage=factories.tile_area(1, 1))
    snapshot.refresh_from_db()
    assert build((imagery, snapshot)) == build_pairs.PairCounts(pairs=3, mapped=1)
    assert tile_address(TilePair.objects.select_related("tile").get(mapped=True).tile) == ORIGIN


def test_a_region_elsewhere_is_refused_with_the_reason(ready):
    imagery, snapshot = ready
    imagery.region.refresh_from_db()
    imagery.region.area = factories.MultiPolygon(factories.box(0, 0, 0.001, 0.001), srid=4326)
    with pytest.raises(InvalidError, match="check the area"):
        build_pairs.build(imagery=imagery, snapshot=snapshot, progress=SilentProgress())


def test_a_stopped_build_goes_on_where_it_was(ready):
    class Stopping(SilentProgress):
        def should_stop(self) -> bool:
            return True

    imagery, snapshot = ready
    imagery.region.refresh_from_db()
    with pytest.raises(StoppedError):
        build_pairs.build(imagery=imagery, snapshot=snapshot, progress=Stopping())
    assert not Tile.objects.exists()
    assert build(ready).pairs == 3


def test_a_pair_shows_image_and_map_of_the_same_place(ready):
    pair = pair_source(*ready).pair(ORIGIN)
    assert pair.image.shape == pair.map.shape == (256, 256, 3) and pair.mapped
    rows, columns = np.nonzero(pair.mask > 127)
    assert (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1) == (60, 160, 60, 140)


def test_the_map_of_a_snapshot_is_read_once_per_process(ready, django_assert_num_queries):
    _, snapshot = ready
    first = map_index(snapshot)
    with django_assert_num_queries(0):
        assert map_index(snapshot) is first


def url(kind: str, source: Any, z: int = ORIGIN.z, x: int = ORIGIN.x, y: int = ORIGIN.y, ending: str = "") -> str:
    return (
        f"/tiles/{kind}/{source.pk}/{z}/{x}/{y}.{ending or {'image': 'webp', 'map': 'png', 'footprints': 'mvt'}[kind]}"
    )


@pytest.mark.parametrize("size", [256, 512])
def test_image_and_map_tiles_come_in_two_sizes(client_of, person, ready, size):
    client = client_of(person)
    for kind, source, name in (("image", ready[0], "WEBP"), ("map", ready[1], "PNG")):
        answer = client.get(url(kind, source), {"size": size}, headers={"accept": "image/avif"})
        picture = Image.open(io.BytesIO(answer.content))
        assert (answer.status_code, picture.size, picture.format) == (200, (size, size), name)


def test_the_image_tile_shows_the_pixels_of_the_file(client_of, person, ready):
    drawn = np.asarray(Image.open(io.BytesIO(client_of(person).get(url("image", ready[0])).content)).convert("RGB"))
    stored = pair_source(*ready).reader.read_tile(ORIGIN).rgb
    assert np.abs(drawn.astype(int).mean((0, 1)) - stored.mean((0, 1))).max() < 4


def test_where_there_is_no_image_the_tile_is_transparent(client_of, person, ready):
    for x, y in ((ORIGIN.x + 1, ORIGIN.y + 1), (5, 5)):
        picture = Image.open(io.BytesIO(client_of(person).get(url("image", ready[0], x=x, y=y)).content))
        assert np.asarray(picture.convert("RGBA"))[..., 3].max() == 0


def test_every_zoom_has_tiles_and_zooms_that_do_not_exist_have_none(client_of, person, ready):
    client = client_of(person)
    for z in (0, 8, 15, 22):
        shift = ORIGIN.z - z
        x, y = (ORIGIN.x >> shift, ORIGIN.y >> shift) if shift >= 0 else (ORIGIN.x << -shift, ORIGIN.y << -shift)
        assert client.get(url("image", ready[0], z, x, y)).status_code == 200
        assert client.get(url("map", ready[1], z, x, y)).status_code == 200
    assert client.get(url("image", ready[0], 3, 8, 0)).status_code == 404
    assert client.get(url("map", ready[1], 99, 0, 0)).status_code == 404
    assert client.get(url("image", ready[0]), {"size": "1000000"}).status_code == 400


def test_a_tile_that_the_browser_has_is_not_sent_again(client_of, person, ready, django_assert_max_num_queries):
    client = client_of(person)
    for kind, source in (("image", ready[0]), ("map", ready[1]), ("footprints", ready[1])):
        first = client.get(url(kind, source), {"v": tile_version(source)})
        assert "private" in first["Cache-Control"] and "immutable" in first["Cache-Control"]
        assert "immutable" not in client.get(url(kind, source), {"v": "another"})["Cache-Control"]
        with django_assert_max_num_queries(3):
            again = client.get(url(kind, source), headers={"if-none-match": first["ETag"]})
        assert again.status_code == 304 and again.content == b""
        assert "immutable" not in again["Cache-Control"]


def test_footprints_come_as_a_vector_tile_where_there_are_any(client_of, person, ready):
    client = client_of(person)
    answer = client.get(url("footprints", ready[1]))
    assert answer["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert b"footprints" in answer.content and b"way/10" in answer.content
    assert client.get(url("footprints", ready[1], x=5)).status_code == 204
    assert client.get(url("footprints", ready[1], 5, 0, 0)).status_code == 204


@pytest.mark.parametrize(("south", "north", "y"), [(85.0, 90.0, 0), (-90.0, -85.0, 2**14 - 1), (85.2, 89.0, 0)])
def test_footprints_that_reach_beyond_the_grid_are_cut_off_at_its_end(client_of, person, ready, south, north, y):
    pole = Polygon.from_bbox((9.99, south, 10.01, north))
    factories.FootprintFactory(snapshot=ready[1], osm_id=77, geometry=pole)
    answer = client_of(person).get(url("footprints", ready[1], 14, int((10 + 180) / 360 * 2**14), y))
    assert answer.status_code in (200, 204)
    assert (b"way/77" in answer.content) == (south != 85.2)


def test_a_source_that_is_not_ready_has_no_tiles(client_of, person, ready):
    pending = factories.ImageryFactory(region=ready[0].region, state="pending")
    assert client_of(person).get(url("image", pending)).status_code == 404


def test_pairs_are_listed_in_few_queries_and_can_be_narrowed(client_of, person, ready, django_assert_max_num_queries):
    build(ready)
    client, address = client_of(person), f"/api/regions/{ready[0].region_id}/pairs/"
    with django_assert_max_num_queries(5):
        rows = client.get(address).json()["results"]
    assert len(rows) == 3
    assert {(row["x"], row["y"]) for row in rows} >= {(ORIGIN.x, ORIGIN.y)}
    assert client.get(address, {"mapped": "false"}).json()["results"] == []
    assert client.get(address, {"imagery": 10**30}).status_code == 400


def test_making_pairs_without_sources_says_what_is_missing(client_of, person):
    region = factories.RegionFactory(members=[person])
    answer = client_of(person).post(f"/api/regions/{region.pk}/pairs/")
    assert answer.status_code == 400 and answer.json()["code"] == "no_sources"
    assert "imagery and map" in answer.json()["detail"]
