"""`mlcore locate`: a database from rasters, pictures found in it, what is printed and written, and what is refused."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from rasterio.warp import transform as transform_points

from mlcore.cli import main
from mlcore.correspondences.exchange import read_gcps, read_qgis_points
from mlcore.geolocation.calibrating import calibrate
from mlcore.geolocation.config import GeolocationConfig
from mlcore.geolocation.model import LocatorModel
from tests.mlcore.geolocation.grounds import seen, similarity, texture, write_raster
from tests.mlcore.geolocation.stand_in import StandIn, place_by_sift

UTM = Affine(0.5, 0, 500_000, 0, -0.5, 3_060_000)
GROUND = texture(4, 700, 900)
CUT = ["--side", "512", "--resolution", "0.5", "--quiet"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    model = LocatorModel(GeolocationConfig.preset("tiny"))
    model.start()
    path = tmp_path_factory.mktemp("weights") / "locator.safetensors"
    model.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """town.tif in UTM, other.tif of other ground, yard/*.png of no place, photo.png that shows the town turned."""
    write_raster(tmp_path / "town.tif", GROUND, UTM, "EPSG:32645")
    write_raster(
        tmp_path / "other.tif", texture(8, 400, 400), Affine(0.5, 0, 600_000, 0, -0.5, 3_060_000), "EPSG:32645"
    )
    (tmp_path / "yard").mkdir()
    for number in range(2):
        cv2.imwrite(str(tmp_path / "yard" / f"{number}.png"), texture(20 + number, 256, 256))
    photo = seen(GROUND, similarity(30, 0.9, (430, 340), 320, 280), 320, 280)
    cv2.imwrite(str(tmp_path / "photo.png"), photo[..., ::-1])
    cv2.imwrite(str(tmp_path / "cat.png"), texture(50, 300, 300))
    return tmp_path


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A locator that finds: no weights that do can be made within a test."""
    monkeypatch.setattr("mlcore.cli.locate_find.load_model", lambda weights, device: StandIn())
    monkeypatch.setattr("mlcore.geolocation.placing.place", place_by_sift)


def told(capsys: pytest.CaptureFixture, *words: object, code: int = 0) -> dict:
    assert main(["locate", *(str(word) for word in words)]) == code
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_database_is_built_added_to_listed_and_reduced(folder: Path, weights: Path, capsys) -> None:
    db, more = folder / "db", ["--weights", weights, *CUT, "--json"]
    built = told(
        capsys, "build", db, folder / "town.tif", "--pictures", folder / "yard", "--index", "--cells", 2, *more
    )
    assert built["bases"] == len(built["added"]) > 3 and "yard/0.png" in built["added"]
    again = told(capsys, "build", db, folder / "town.tif", *more)
    assert again["kept"] == built["bases"] - 2 and not again["added"] and again["bases"] == built["bases"]
    added = told(capsys, "add", db, folder / "other.tif", *more)
    assert added["added"] == ["other/0-0"]
    pruned = told(capsys, "build", db, folder / "town.tif", folder / "other.tif", "--prune", *more)
    assert sorted(pruned["removed"]) == ["yard/0.png", "yard/1.png"]
    left = told(capsys, "remove", db, "town", "--compact", "--json", "--quiet")
    assert left["bases"] == 1
    listed = told(capsys, "list", db, "--check", "--json")
    assert [base["name"] for base in listed["bases"]] == ["other/0-0"] and listed["damaged"] == []
    west, south, east, north = listed["bases"][0]["bounds_lonlat"]
    lon, lat = transform_points("EPSG:32645", "EPSG:4326", [600_100], [3_059_900])
    assert west < lon[0] < east and south < lat[0] < north


def test_a_picture_of_other_ground_is_not_here_and_that_is_no_error(folder: Path, weights: Path, capsys) -> None:
    told(capsys, "build", folder / "db", folder / "town.tif", "--weights", weights, *CUT, "--json")
    answer = told(capsys, "find", folder / "db", folder / "cat.png", "--weights", weights, "--json")
    assert answer["here"] is False and answer["written"] == []
    assert main(["locate", "find", str(folder / "db"), str(folder / "cat.png"), "--weights", str(weights)]) == 0
    assert "not here" in capsys.readouterr().out


def test_a_picture_is_found_and_written_in_every_form(folder: Path, trained: None, capsys) -> None:
    told(capsys, "build", folder / "db", folder / "town.tif", folder / "other.tif", *CUT, "--json")
    out = folder / "out"
    files = ["--world", out / "photo.pgw", "--tiff", out / "photo.tif"]
    answer = told(capsys, "find", folder / "db", folder / "photo.png", "--gcps", out / "photo.points", *files, "--json")
    best = answer["placements"][0]
    assert answer["here"] and best["base"].startswith("town/")
    assert best["ground_resolution_m"] == pytest.approx(0.45, rel=0.01) and best["heading_deg"] == pytest.approx(
        30, abs=1
    )
    x, y = UTM @ (430, 340)
    lon, lat = transform_points("EPSG:32645", "EPSG:4326", [x], [y])
    assert best["centre_lonlat"] == pytest.approx((lon[0], lat[0]), abs=4e-6)
    assert answer["written"] == [str(out / name) for name in ("photo.points", "photo.pgw", "photo.prj", "photo.tif")]

    points = read_qgis_points(out / "photo.points", (320, 280))
    assert len(points) >= 12 and points.crs.to_epsg() == 3857
    grounds = np.array(transform_points("EPSG:3857", "EPSG:32645", *points.map_xy.T)).T
    expected = np.array([UTM @ tuple(xy) for xy in moved(similarity(30, 0.9, (430, 340), 320, 280), points.image_xy)])
    assert np.abs(grounds - expected).max() < 1.5

    a, d, b, e, c, f = (float(line) for line in (out / "photo.pgw").read_text().split())
    middle = np.array([a * 159.5 + b * 139.5 + c, d * 159.5 + e * 139.5 + f])
    assert (
        np.abs(np.array(transform_points("EPSG:3857", "EPSG:32645", [middle[0]], [middle[1]]))[:, 0] - (x, y)).max()
        < 0.5
    )
    with rasterio.open(out / "photo.tif") as data:
        assert data.crs.to_epsg() == 3857
        (px,), (py,) = transform_points("EPSG:32645", "EPSG:3857", [x], [y])
        row, column = data.index(px, py)
        part = data.read(window=((row - 30, row + 30), (column - 30, column + 30))).transpose(1, 2, 0).astype(float)
        assert 0.5 < (data.read_masks(1) > 0).mean() < 0.95
    with rasterio.open(folder / "town.tif") as town, rasterio.vrt.WarpedVRT(
        town, crs="EPSG:3857", transform=data.transform, width=data.width, height=data.height
    ) as warped:  # fmt: skip
        truth = warped.read(window=((row - 30, row + 30), (column - 30, column + 30))).transpose(1, 2, 0).astype(float)
    assert np.abs(part - truth).mean() < 12


@pytest.mark.parametrize("ending", ["tif", "vrt", "geojson", "txt"])
def test_control_points_leave_in_the_format_of_the_ending(folder: Path, trained: None, capsys, ending: str) -> None:
    told(capsys, "build", folder / "db", folder / "town.tif", *CUT, "--json")
    file = folder / f"points.{ending}"
    answer = told(capsys, "find", folder / "db", folder / "photo.png", "--gcps", file, "--json")
    assert answer["written"] == [str(file)]
    count = min(400, answer["placements"][0]["points"])
    if ending == "tif":
        assert len(read_gcps(file)) == count
    elif ending == "vrt":
        assert file.read_text().count("<GCP ") == count
    elif ending == "txt":
        assert file.read_text().count("-gcp ") == count
    else:
        assert len(json.loads(file.read_text())["features"]) == count


def test_a_prior_and_a_flight_are_taken_from_the_command_line(folder: Path, trained: None, capsys) -> None:
    told(capsys, "build", folder / "db", folder / "town.tif", *CUT, "--json")
    lon, lat = transform_points("EPSG:32645", "EPSG:4326", [500_215], [3_059_830])
    near = ["--near", lon[0], lat[0], 60, "--heading", 30, "--ground-resolution", 0.45]
    assert told(capsys, "find", folder / "db", folder / "photo.png", *near, "--json")["here"]
    cv2.imwrite(str(folder / "next.png"), seen(GROUND, similarity(30, 0.9, (500, 340), 320, 280), 320, 280)[..., ::-1])
    words = ["find", folder / "db", folder / "photo.png", folder / "next.png", "--flight", "--json", "--quiet"]
    assert main(["locate", *(str(word) for word in words)]) == 0
    both = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["here"] for one in both] == [True, True]


def test_what_is_refused_says_the_remedy(folder: Path, weights: Path, trained: None, capsys) -> None:
    told(capsys, "build", folder / "db", folder / "town.tif", *CUT, "--json")
    for words, remedy in (
        (["add", folder / "none", folder / "town.tif"], "locate build"),
        (["build", folder / "db"], "name the rasters"),
        (["build", folder / "new", folder / "photo.png"], "no georeference"),
        (["remove", folder / "db", "nothing"], "locate list"),
        (["find", folder / "db", folder / "photo.png", folder / "cat.png", "--tiff", "a.tif"], "one picture at a time"),
        (["find", folder / "db", folder / "photo.png", "--heading", "3"], "--near"),
        (["find", folder / "none", folder / "photo.png"], "locate build"),
        (["list", folder / "none"], "locate build"),
    ):
        assert main(["locate", *(str(word) for word in words)]) == 1
        assert remedy in capsys.readouterr().err
    bad = told(capsys, "find", folder / "db", folder / "photo.png", folder / "lost.png", "--json", code=1)
    assert bad["error"]["code"] == "invalid_input" and "check the path" in bad["error"]["detail"]
    points = told(capsys, "find", folder / "db", folder / "photo.png", "--gcps", folder / "a.doc", "--json", code=1)
    assert ".points" in points["error"]["detail"]
    (folder / "town.tif").write_bytes(b"")
    gone = told(capsys, "find", folder / "db", folder / "photo.png", "--refine", "--json", code=1)
    assert "build again" in gone["error"]["detail"]


def test_another_models_weights_are_refused_for_a_database(folder: Path, weights: Path, trained: None, capsys) -> None:
    told(capsys, "build", folder / "db", folder / "town.tif", *CUT, "--json")
    from mlcore.cli import locate_find

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locate_find, "load_model", lambda path, device: LocatorModel.load(weights))
        assert main(["locate", "find", str(folder / "db"), str(folder / "photo.png")]) == 1
    assert "other_model" in capsys.readouterr().err


def test_a_damaged_shard_is_named_and_mended_by_a_build(folder: Path, trained: None, capsys) -> None:
    told(capsys, "build", folder / "db", folder / "town.tif", *CUT, "--json")
    file = next((folder / "db" / "shards").glob("*/tokens.npy"))
    file.write_bytes(file.read_bytes()[:-4] + b"abcd")
    listed = told(capsys, "list", folder / "db", "--check", "--json", code=1)
    assert file.parent.name in listed["damaged"][0]
    mended = told(capsys, "build", folder / "db", folder / "town.tif", "--check", *CUT, "--json")
    assert len(mended["repaired"]) == 1 and mended["added"]
    assert told(capsys, "list", folder / "db", "--check", "--json")["damaged"] == []


def moved(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    there = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    return there[:, :2] / there[:, 2:]


def test_a_locator_is_calibrated_into_a_new_file(folder: Path, trained: None, capsys, monkeypatch) -> None:
    class Savable(StandIn):
        about: dict = {}

        def save(self, path: Path) -> str:
            path.write_text(json.dumps(self.about))
            return "d" * 64

    monkeypatch.setattr("mlcore.cli.locate_find.load_model", lambda weights, device: Savable())
    monkeypatch.setattr("mlcore.geolocation.calibrating.calibrate", partial(calibrate, place=place_by_sift))
    monkeypatch.setattr("mlcore.geolocation.calibrating.BASE_PX", 512)
    monkeypatch.setattr("mlcore.geolocation.calibrating.QUERY_PX", (220, 320))
    monkeypatch.setattr("mlcore.geolocation.calibrating.POOR_SHARE", 0.0)
    for number in range(12):
        cv2.imwrite(str(folder / "yard" / f"{number}.png"), texture(20 + number, 512, 512))
    out = folder / "calibrated.json"
    words = ["--weights", folder / "w", "--out", out, "--queries", 48, "--quiet", "--json"]
    found = told(capsys, "calibrate", folder / "yard", "--skip", 2, *words)
    assert found["queries"] == 48 and found["right"] > 5 and found["sha256"] == "d" * 64
    assert json.loads(out.read_text())["calibration"] == found["calibration"]
