"""`mlcore match`: two files or a list of them, what is printed and written, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from mlcore.cli import main
from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.exchange import read_qgis_points
from mlcore.correspondences.structure import StructureModel
from mlcore.correspondences.warps import WarpRange, corner_error_px, random_warp, warped

SIZE = 320
TRUE = random_warp(SIZE, WarpRange(20, 0.05, (0.95, 1.05)), 3)
PLACE = Affine(0.5, 0, 500_000, 0, -0.5, 6_000_000)


def texture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.normal(size=(side, side, 3)), (SIZE, SIZE)) for side in (8, 40, 120)]
    return np.clip(128 + 45 * sum(layers), 1, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """map.tif with a georeference, plain.png without, image.png that shows both warped, other.png of another place."""
    picture = texture(0)
    with rasterio.open(
        tmp_path / "map.tif", "w", driver="GTiff", width=SIZE, height=SIZE, count=3, dtype="uint8",
        crs="EPSG:32645", transform=PLACE,
    ) as data:  # fmt: skip
        data.write(picture.transpose(2, 0, 1))
    for name, rgb in (("plain", picture), ("image", warped(picture, TRUE, SIZE)), ("other", texture(9))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), rgb[..., ::-1])
    return tmp_path


def test_a_map_is_found_in_an_image_and_its_points_are_written(folder: Path, capsys: pytest.CaptureFixture) -> None:
    points, places = folder / "out" / "a.points", folder / "out" / "a.geojson"
    words = ["match", folder / "image.png", folder / "map.tif", "--matcher", "sift", "--json"]

    assert main([str(word) for word in [*words, "--points", points, "--geojson", places]]) == 0

    told = json.loads(capsys.readouterr().out)
    assert corner_error_px(np.array(told["transform"]["map_to_image"]), TRUE, SIZE) < 1
    assert told["inliers"] >= told["needed_inliers"] >= 5 and told["rmse_px"] < 1.5 and told["refused"] == ""
    assert told["written"] == [str(points), str(places)] and told["notes"] == []
    read = read_qgis_points(points, (SIZE, SIZE))
    assert len(read) == told["inliers"] and read.crs.to_epsg() == 32645
    pixels = np.array([~PLACE @ tuple(xy) for xy in read.map_xy])
    moved = np.column_stack([pixels, np.ones(len(pixels))]) @ TRUE.T
    assert np.abs(moved[:, :2] / moved[:, 2:] - read.image_xy).max() < 3
    assert len(json.loads(places.read_text())["features"]) == told["inliers"]


def test_a_plain_picture_of_a_map_gives_points_in_its_own_pixels(folder: Path, capsys: pytest.CaptureFixture) -> None:
    points = folder / "a.points"
    words = ["match", folder / "image.png", folder / "plain.png", "--matcher", "sift", "--kind", "similarity"]

    assert main([str(word) for word in [*words, "--points", points]]) == 0

    said = capsys.readouterr().out
    assert "similarity" in said and "points agree" in said and str(points) in said
    read = read_qgis_points(points, (SIZE, SIZE))
    moved = np.column_stack([read.map_xy * (1, -1), np.ones(len(read))]) @ TRUE.T
    assert read.crs is None and np.abs(moved[:, :2] / moved[:, 2:] - read.image_xy).max() < 3


def test_pictures_of_two_places_are_no_match_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["match", folder / "other.png", folder / "map.tif", "--matcher", "sift", "--points", folder / "a.points"]

    assert main([str(word) for word in [*words, "--json"]]) == 1

    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["transform"] is None and told["rmse_px"] is None and told["written"] == []
    assert told["refused"] and err == f"no_match: {told['refused']}\n"
    assert not (folder / "a.points").exists()
    assert main([str(word) for word in words]) == 1
    assert "needed): " in capsys.readouterr().out


def test_every_pair_of_a_list_is_answered_and_a_broken_one_stops_none(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    (folder / "pairs.csv").write_text(
        "image,map\nimage.png,map.tif\nnone.png,map.tif\nother.png,map.tif\nimage.png,plain.png\n"
    )
    words = ["match", "--pairs", folder / "pairs.csv", "--matcher", "sift", "--points", folder / "out"]

    assert main([str(word) for word in [*words, "--json"]]) == 1

    first, second, third, fourth = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["transform"] and fourth["transform"] and third["transform"] is None
    assert second["error"]["code"] == "invalid_input" and "none.png" in second["error"]["detail"]
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["0001_image.points", "0004_image.points"]
    (folder / "pairs.csv").write_text("image,map\nimage.png,map.tif\nother.png,map.tif\n")
    assert main([str(word) for word in words]) == 0
    assert "no match" in capsys.readouterr().out


def test_a_structure_matcher_is_loaded_from_its_weights(folder: Path, capsys: pytest.CaptureFixture) -> None:
    torch.manual_seed(0)
    config = StructureConfig(widths=(8, 8, 12, 16), channels=4, coarse_channels=4)
    StructureModel(config).eval().save(folder / "matcher.safetensors")

    code = main(["match", *(str(folder / name) for name in ("plain.png", "map.tif")), "--weights",
                 str(folder / "matcher.safetensors"), "--json"])  # fmt: skip

    told = json.loads(capsys.readouterr().out)
    assert told["matcher"] == "structure" and code == int(told["transform"] is None)


def test_an_image_with_a_georeference_is_noted_since_qgis_counts_its_coordinates(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["match", folder / "map.tif", folder / "plain.png", "--matcher", "sift", "--points", folder / "a.points"]

    assert main([str(word) for word in words]) == 0
    assert "copy of it without one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["image.png"], "an image and a map"),
        (["image.png", "map.tif", "--pairs", "pairs.csv", "--matcher", "sift"], "an image and a map"),
        (["--matcher", "sift"], "an image and a map"),
        (["image.png", "map.tif", "--matcher", "sift", "--weights", "image.png"], "takes no weights"),
        (["image.png", "map.tif", "--weights", "image.png"], "invalid_checkpoint"),
        (["image.png", "plain.png", "--matcher", "sift", "--geojson", "a.geojson"], "georeference it"),
        (["image.png", "none.tif", "--matcher", "sift"], "check the path"),
        (["pairs.csv", "map.tif", "--matcher", "sift"], "gdal_translate"),
        (["--pairs", "none.csv", "--matcher", "sift"], "check the path"),
        (["--pairs", "pairs.csv", "--matcher", "sift"], "columns image and map"),
        (["--pairs", "image.png", "--matcher", "sift"], "no CSV in UTF-8"),
    ],
)
def test_what_can_t_be_done_is_one_line_with_the_remedy(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "pairs.csv").write_text("picture,map\nimage.png,map.tif\n")

    assert main(["match", *words]) == 1

    err = capsys.readouterr().err
    assert why in err and err.count("\n") == 1
