"""Sets of pairs out of a large image and a map that is only a picture, whole, stopped and gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mlcore.correspondences.exchange import ControlPoints, read_gcp_list, read_qgis_points, write_qgis_points
from mlcore.correspondences.hybrid import HybridConfig, Sources, build_pairs
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.evaluation.readers.mapdata import read_mapdata
from mlcore.progress import SilentProgress
from tests.mlcore.correspondences.hybrid.made import (
    NORTH,
    SIDE,
    SIFT,
    WEST,
    ground,
    moved,
    scan,
    scan_matrix,
    write_png,
    write_tiff,
)

CONFIG = HybridConfig(side=SIDE, block=2, jitter=0.1, least_map_edges=0.001, gate_log10_nfa=-60.0)
FEW = HybridConfig(side=SIDE, block=2, windows=9, least_map_edges=0.001)
CORNERS = np.array([[0, 0], [512, 0], [512, 512], [0, 512.0]])


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """An image with a part that has no data and one where nothing is to be seen, and its scan."""
    picture, folder = ground(), tmp_path_factory.mktemp("sources")
    scanned = scan(picture, scan_matrix())
    picture[:220, :220] = 0
    picture[600:, 800:] = 90
    return Sources(
        write_tiff(folder / "image.tif", picture, nodata=0, step=0.3),
        write_png(folder / "scan.png", scanned),
        image_licence="CC0-1.0",
        map_licence="ODbL-1.0",
        map_attribution="Map people",
    )


@pytest.fixture(scope="module")
def built(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A set in its folder, and its manifest."""
    out = tmp_path_factory.mktemp("built")
    return out, build_pairs(sources, out, SIFT, CONFIG)


class StopAfter(SilentProgress):
    """Asks to stop once so many windows are done."""

    def __init__(self, windows: int) -> None:
        self.windows, self.message = windows, ""

    def report(self, fraction: float, message: str = "", figures: object = None) -> None:
        self.message = message

    def should_stop(self) -> bool:
        return self.message.startswith(f"{self.windows} of ")


def told(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "proposals.jsonl").read_text().splitlines()]


def test_a_scan_without_a_georeference_becomes_pairs_that_are_exact(built: tuple[Path, dict]) -> None:
    out, made = built
    assert made["coarse"]["found_by"] == "matching" and made["coarse"]["agreeing"] >= 4
    assert made == json.loads((out / "manifest.json").read_text()) and not (out / "work").exists()
    assert made["pairs"] + sum(made["left_out"].values()) == made["sampling_points"] == 5 * 4
    assert made["left_out"]["no_data"] >= 1 and made["left_out"]["low_texture"] >= 1
    assert made["pairs"] >= 8
    assert "Map people" in (out / "LICENCE.txt").read_text()
    for line in told(out):
        window = line["window"]
        inside = np.array([[window["left"], window["top"]]]) + SIDE * np.array([[0.2, 0.2], [0.8, 0.3], [0.5, 0.8]])
        found = moved(np.array(line["map_to_image"]), moved(scan_matrix(), inside))
        assert np.linalg.norm(found - inside, axis=1).max() < 1


def test_the_library_s_reader_of_published_sets_reads_the_pairs_by_their_parts(built: tuple[Path, dict]) -> None:
    out, made = built
    pairs = {pair.name: pair for pair in read_mapdata(out)}
    assert len(pairs) == made["pairs"] and min(made["parts"].values()) >= 1
    for line in told(out):
        pair = pairs[f"{line['part']}/{line['name']}"]
        assert pair.map_rgb.shape == pair.image_rgb.shape == (512, 512, 3)
        assert np.linalg.norm(moved(pair.truth, CORNERS) - CORNERS, axis=1).max() < 5


def test_a_scan_gets_control_points_on_the_ground_of_an_image_that_has_a_place(built: tuple[Path, dict]) -> None:
    out, made = built
    points = read_qgis_points(out / "scan.png.points")
    assert len(points) == made["pairs"] and points.crs.to_epsg() == 3857
    image_xy = moved(np.linalg.inv(scan_matrix()), points.image_xy)
    assert np.allclose(points.map_xy, [WEST, NORTH] + image_xy * [0.3, -0.3], atol=0.3)
    assert np.allclose(read_gcp_list(out / "scan.png-gcps.txt").map_xy, points.map_xy)


def test_windows_of_unlike_parts_share_no_ground(built: tuple[Path, dict]) -> None:
    lines = told(built[0])
    for one in lines:
        for other in lines:
            apart = [abs(one["window"][side] - other["window"][side]) >= SIDE for side in ("left", "top")]
            assert one["part"] == other["part"] or any(apart)


def test_the_gate_marks_what_may_stand_without_a_person(built: tuple[Path, dict]) -> None:
    out, made = built
    assert made["verified_by_gate"] == [line["state"] for line in told(out)].count("verified")
    for line in told(out):
        measured = line["transform"]
        passes = measured["log10_nfa"] <= -60 and measured["rmse_px"] <= CONFIG.gate_rmse_px
        assert (line["state"] == "verified") == passes
    assert HybridConfig().gate_log10_nfa is None


def test_a_run_that_is_stopped_goes_on_and_comes_to_the_same(
    sources: Sources, built: tuple[Path, dict], tmp_path: Path
) -> None:
    out = tmp_path / "stopped"
    for windows in (3, 11):
        with pytest.raises(StoppedError):
            build_pairs(sources, out, SIFT, CONFIG, StopAfter(windows))
        assert len((out / "work" / "windows.jsonl").read_text().splitlines()) == windows
    with (out / "work" / "windows.jsonl").open("a") as file:
        file.write('{"number": 11, "ru')
    with pytest.raises(InvalidInputError, match="settings"):
        build_pairs(sources, out, SIFT, FEW)

    again = build_pairs(sources, out, SIFT, CONFIG)

    assert again == built[1] and told(out) == told(built[0])
    assert build_pairs(sources, out, SIFT, CONFIG) == again


def test_a_map_of_another_place_is_refused_and_points_of_a_person_place_one(sources: Sources, tmp_path: Path) -> None:
    foreign = write_png(tmp_path / "foreign.png", scan(ground(9), scan_matrix()))
    other = Sources(sources.image, foreign)
    with pytest.raises(InvalidInputError, match="--points"):
        build_pairs(other, tmp_path / "none", SIFT, HybridConfig(side=SIDE, tries=3))

    image_xy = np.array([[250, 250], [900, 260], [760, 700], [250, 720.0]])
    points = ControlPoints.of(image_xy, moved(scan_matrix(), image_xy) * [1, -1])
    write_qgis_points(points, tmp_path / "a.points")
    placed = Sources(sources.image, sources.map, points=tmp_path / "a.points")
    made = build_pairs(placed, tmp_path / "set", SIFT, FEW)
    assert made["coarse"]["found_by"] == "points" and made["coarse"]["rmse_px"] < 1 and made["pairs"] >= 3
