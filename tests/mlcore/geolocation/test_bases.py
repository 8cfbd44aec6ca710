"""Bases: stable names, places that are right in any reference system, footprints safe at the 180th meridian."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import transform as transform_points

from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geolocation.bases import Base, BaseGrid, PictureBases, RasterBases, bases_of, cut_raster
from mlcore.geometry.webmercator import WORLD_M, lonlat_to_mercator
from tests.mlcore.geolocation.grounds import texture, write_raster

UTM45 = Affine(0.5, 0, 500_000, 0, -0.5, 3_060_000)
GRID = BaseGrid(side_px=256, overlap=0.25, resolution_m=0.5)


def ramp(height: int, width: int) -> np.ndarray:
    """Red says the column and green the row, so that a pixel tells where it comes from."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 250 / width, rows * 250 / height, np.full((height, width), 90)], -1).astype(np.uint8)


def test_the_same_file_gives_the_same_bases(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a" / "town.tif", texture(1, 700, 900), UTM45, "EPSG:32645")
    copied = tmp_path / "b" / "town.tif"
    copied.parent.mkdir()
    shutil.copy(path, copied)

    first, again, other = (list(RasterBases(one, GRID)) for one in (path, path, copied))

    assert first == again == other and len(first) > 4
    assert len({base.name for base in first}) == len(first) and all(base.digest for base in first)
    assert [base.name for base in first][:2] == ["town/0-0", "town/1-0"]


def test_another_content_has_another_digest_and_the_same_names(tmp_path: Path) -> None:
    path = tmp_path / "town.tif"
    before = list(RasterBases(write_raster(path, texture(1), UTM45, "EPSG:32645"), GRID))
    after = list(RasterBases(write_raster(path, texture(2), UTM45, "EPSG:32645"), GRID))

    assert [base.name for base in before] == [base.name for base in after]
    assert before[0].digest != after[0].digest


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:32645", UTM45),
        ("EPSG:3857", Affine(0.6, 0, 9_518_000, 0, -0.6, 3_204_000)),
        ("EPSG:4326", Affine(5e-6, 0, 85.5, 0, -5e-6, 27.6)),
        ("EPSG:32645", Affine(0.4, 0.3, 500_000, 0.3, -0.4, 3_060_000)),
    ],
)
def test_pixels_lie_where_the_raster_says(tmp_path: Path, crs: str, transform: Affine) -> None:
    height, width = 600, 800
    path = write_raster(tmp_path / "ramp.tif", ramp(height, width), transform, crs)
    source = RasterBases(path, GRID)
    checked = 0
    for base in source:
        rgb, valid = source.read(base)
        assert rgb.shape == (256, 256, 3) and (rgb[~valid] == 0).all()
        assert base.resolution_m == pytest.approx(0.5, rel=0.02)
        rows, columns = np.nonzero(valid)
        for row, column in list(zip(rows, columns, strict=True))[:: max(1, len(rows) // 40)]:
            lonlat = np.array(base.to_mercator(np.array([[column + 0.5, row + 0.5]])))[0] / 6378137.0
            lon, lat = np.degrees(lonlat[0]), np.degrees(2 * np.arctan(np.exp(lonlat[1])) - np.pi / 2)
            x, y = transform_points("EPSG:4326", crs, [lon], [lat])
            there = ~transform @ (x[0], y[0])
            if 3 < there[0] < width - 3 and 3 < there[1] < height - 3:
                expected = (there[0] - 0.5) * 250 / width, (there[1] - 0.5) * 250 / height
                assert np.abs(rgb[row, column, :2] - expected).max() < 1.6
                checked += 1
    assert checked > 40


def test_masked_pixels_are_not_valid_and_bleed_into_none(tmp_path: Path) -> None:
    rgb, mask = np.full((600, 600, 3), 200, np.uint8), np.ones((600, 600), bool)
    mask[:, 300:] = False
    rgb[~mask] = 7
    path = write_raster(tmp_path / "half.tif", rgb, Affine(0.13, 0, 0, 0, -0.13, 0), mask=mask)
    source = RasterBases(path, BaseGrid(128, 0.25, 0.5))

    for base in source:
        seen, valid = source.read(base)
        assert (seen[valid] >= 199).all()
    assert any(0.1 < source.read(base)[1].mean() < 0.9 for base in source)


def test_nodata_and_sixteen_bits_are_read_as_the_import_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    deep = (ramp(300, 300).astype(np.uint16) + 1) * 200
    deep[:, 150:] = 0
    with rasterio.open(
        path, "w", driver="GTiff", height=300, width=300, count=3, dtype="uint16", nodata=0, crs="EPSG:3857",
        transform=Affine(0.5, 0, 0, 0, -0.5, 0),
    ) as data:  # fmt: skip
        data.write(deep.transpose(2, 0, 1))
    source = RasterBases(path, BaseGrid(256, 0.25, 0.5, least_share=0))
    shares = [source.read(base)[1].mean() for base in source]
    assert 0.2 < max(shares) < 0.8
    rgb, valid = source.read(next(iter(source)))
    assert np.ptp(rgb[valid][:, 0]) > 100


def test_bases_cover_the_raster_and_overlap(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "town.tif", texture(1, 900, 1100), Affine(0.5, 0, 0, 0, -0.5, 0))
    bases = list(RasterBases(path, GRID))
    columns = sorted({base.transform.c for base in bases})
    assert columns[0] <= 0 and columns[-1] + 128 >= 550
    assert max(np.diff(columns)) <= 256 * 0.75 * 0.5 + 0.5


def test_a_small_raster_is_one_base_with_it_in_the_middle(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "yard.tif", texture(1, 100, 100), Affine(0.5, 0, 0, 0, -0.5, 0))
    (base,) = RasterBases(path, GRID)
    _, valid = RasterBases(path, GRID).read(base)
    rows, columns = np.nonzero(valid)
    assert abs(rows.mean() - 128) < 2 and abs(columns.mean() - 128) < 2


def test_a_raster_across_the_180th_meridian_is_one_piece(tmp_path: Path) -> None:
    x, y = transform_points("EPSG:4326", "EPSG:32760", [179.9995], [-17.0])
    path = write_raster(tmp_path / "fiji.tif", ramp(400, 400), Affine(0.5, 0, x[0], 0, -0.5, y[0]), "EPSG:32760")
    source = RasterBases(path, BaseGrid(256, 0.0, 0.5))
    bases = list(source)
    assert all(source.read(base)[1].mean() > 0.4 for base in bases) and len(bases) == 4
    outlines = [base.outline_lonlat for base in bases]
    assert all(one.bounds[0] >= -180 and one.bounds[2] <= 180 for one in outlines)
    assert any(one.geom_type == "MultiPolygon" for one in outlines)
    assert sum(one.area for one in outlines) < 1e-4


@settings(max_examples=40, deadline=None)
@given(lon=st.floats(-179.9999, 179.9999), lat=st.floats(-70, 70), angle=st.floats(0, 360), scale=st.floats(0.3, 2))
def test_a_footprint_has_the_area_of_its_homography(lon: float, lat: float, angle: float, scale: float) -> None:
    west, north = lonlat_to_mercator(np.array([lon, lat]))
    base = Base("a", Affine(1, 0, west, 0, -1, north), 2000, 2000)
    turn = np.radians(angle)
    homography = np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), 1000],
            [scale * np.sin(turn), scale * np.cos(turn), 1000],
            [0, 0, 1],
        ]
    )
    found = base.footprint(homography, (600, 400))

    assert found.is_valid and -180 <= found.bounds[0] <= found.bounds[2] <= 180
    expected = 600 * 400 * scale**2 * (360 / WORLD_M) ** 2
    _, middle = found.centroid.coords[0]
    assert found.area / np.cos(np.radians(middle)) == pytest.approx(expected, rel=0.01)


def test_what_can_not_be_placed_is_refused_with_the_remedy(tmp_path: Path) -> None:
    plain = tmp_path / "plain.tif"
    with rasterio.open(plain, "w", driver="GTiff", height=80, width=80, count=3, dtype="uint8") as data:
        data.write(texture(1, 80, 80).transpose(2, 0, 1))
    with pytest.raises(InvalidInputError, match="no georeference"):
        cut_raster(plain)
    with pytest.raises(InvalidInputError, match="no raster file"):
        cut_raster(tmp_path / "absent.tif")
    with pytest.raises(ConfigError, match="overlap"):
        BaseGrid(overlap=1.0)
    base = next(iter(PictureBases([plain])))
    assert base.transform is None
    with pytest.raises(InvalidInputError, match="no known place"):
        base.footprint(np.eye(3), (10, 10))
    beyond = np.array([[1, 0, 0], [0, 1, 0], [-0.1, 0, 1]])
    with pytest.raises(InvalidInputError, match="horizon"):
        Base("a", Affine.identity(), 64, 64).footprint(beyond, (64, 64))


def test_folders_give_names_with_their_paths_and_two_of_a_name_are_refused(tmp_path: Path) -> None:
    for number, name in enumerate(("north/town.tif", "south/town.tif")):
        write_raster(tmp_path / "land" / name, texture(number, 100, 100), Affine(0.5, 0, 0, 0, -0.5, 0))
    names = [base.name for base in bases_of([tmp_path / "land"], GRID, [tmp_path / "land" / "north"])]
    assert names == ["land/north/town/0-0", "land/south/town/0-0", "north/town.tif"]
    with pytest.raises(InvalidInputError, match="two bases are called town/0-0"):
        bases_of([tmp_path / "land" / name for name in ("north/town.tif", "south/town.tif")], GRID)
    with pytest.raises(InvalidInputError, match="holds no"):
        (tmp_path / "empty").mkdir()
        bases_of([tmp_path / "empty"], GRID)
