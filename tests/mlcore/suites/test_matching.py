"""The protocols of matching: known pairs, one estimator, figures that follow from the trials."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from mlcore.cli import main
from mlcore.consistency.pretraining import Place
from mlcore.correspondences.classical import ClassicalMatcher
from mlcore.correspondences.matches import Matches
from mlcore.correspondences.structure import StructureModel
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.evaluation.matching import Trial, auc, bootstrap, curve, summary
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.suites.matching import SIZE_PX, pairs_of, run_protocol, run_trial, windows_of
from tests.mlcore.changes.made_place import houses, tiles_of, write_image
from tests.mlcore.correspondences.test_matchers import TINY

COLUMNS, ROWS = 4, 3


class Knowing:
    """A matcher that is told the truth of each pair: what the protocol must give full marks."""

    name = "knowing"

    def __init__(self, off_px: float = 0.0) -> None:
        self.truth: np.ndarray | None = None
        self.off_px = off_px

    def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
        rows, columns = np.mgrid[16:SIZE_PX:32, 16:SIZE_PX:32]
        here = np.column_stack([columns.ravel(), rows.ravel(), np.ones(rows.size)]).astype(float)
        assert self.truth is not None
        there = here @ self.truth.T
        there = there[:, :2] / there[:, 2:] + [self.off_px, 0]
        return Matches(here[:, :2], there, np.ones(len(here)), float(SIZE_PX**2))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    features = houses(COLUMNS, ROWS)
    path = write_image(tmp_path_factory.mktemp("place") / "image.tif", features, COLUMNS, ROWS)
    return Place("here", PairSource(open_image(path), MapIndex(features)), tiles_of(COLUMNS, ROWS))


def trial(error: float, turned: float = 0.0, accepted: bool = True, ground: str = "") -> Trial:
    let = error if accepted else math.inf
    return Trial(error, error, error, 1.0, 0.1, accepted, let, turned, 1.0, 60, 20, -9.0, ground or str(error))


@pytest.mark.parametrize("protocol", ["full", "working", "style", "modality"])
def test_who_knows_the_truth_gets_full_marks_and_who_is_off_by_so_much_that_error(protocol: str, place: Place) -> None:
    windows = windows_of([place], 2)
    for pair in pairs_of(protocol, windows):
        right, off = Knowing(), Knowing(7.0)
        right.truth = off.truth = pair.truth

        assert run_trial(right, pair, protocol)[0].error_px < 0.05
        assert run_trial(right, pair, protocol)[0].angle_deg < 0.05
        told, _ = run_trial(off, pair, protocol)
        assert told.error_px == pytest.approx(7.0, abs=0.1) == told.middle_px


def test_the_working_range_is_judged_by_what_the_gate_takes_and_every_other_by_the_published_homography(
    place: Place,
) -> None:
    class Guessing(Knowing):
        """Four points: a homography goes through them, but chance gives as many."""

        def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
            return super().match(map_rgb, image_rgb).only(np.array([0, 15, -16, -1]))

    for protocol in ("working", "full"):
        (pair,) = pairs_of(protocol, windows_of([place], 1))
        guessing = Guessing()
        guessing.truth = pair.truth
        told, taken = run_trial(guessing, pair, protocol)
        assert taken.transform is None and told.homography_error_px < 0.1
        assert math.isinf(told.error_px) == (protocol == "working")
        assert (told.points, told.needed) == (4, taken.needed_inliers)


def test_every_variant_of_a_protocol_is_there_and_again_the_same(place: Place) -> None:
    windows = windows_of([place], 1)
    first, again = list(pairs_of("style", windows)), list(pairs_of("style", windows))

    assert {pair.variant for pair in first} == {"blueprint", "relief", "stippled"}
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.map, other.map) and np.array_equal(one.warp, other.warp)
    assert len({pair.variant for pair in pairs_of("modality", windows)}) == 5


def test_false_pairs_have_no_truth_and_no_matcher_is_right_about_them(place: Place) -> None:
    windows = windows_of([place], 6)
    trials = run_protocol("false", [ClassicalMatcher("sift")], windows)["sift"]["own"]

    apart = sum(min(6, sum(one.apart_from(other) for other in windows)) for one in windows)
    assert len(trials) == apart > len(windows)
    assert all(math.isinf(one.error_px) for one in trials)
    assert summary(trials)["auc20"] == 0 and summary(trials)["failed"] == 1


def test_pairs_of_different_ground_need_different_ground(place: Place) -> None:
    with pytest.raises(InvalidInputError, match="share their ground"):
        list(pairs_of("false", windows_of([place], 1)))


def test_another_seed_is_other_windows_and_other_warps(place: Place) -> None:
    windows = windows_of([place], 3)
    assert windows == windows_of([place], 3, 0)
    assert any(windows != windows_of([place], 3, seed) for seed in (1, 2, 3))
    first, second, again = (list(pairs_of("full", windows, seed)) for seed in (0, 1, 1))
    assert not np.allclose(first[0].warp, second[0].warp) and np.allclose(second[2].warp, again[2].warp)


def test_a_place_too_small_for_a_window_says_so(place: Place) -> None:
    with pytest.raises(InvalidInputError, match="two by two"):
        windows_of([Place("small", place.source, place.tiles[:1])], 3)


def test_a_protocol_can_be_stopped(place: Place) -> None:
    class Stop:
        def report(self, fraction: float, message: str = "", figures: object = None) -> None: ...

        def should_stop(self) -> bool:
            return True

    with pytest.raises(StoppedError):
        run_protocol("full", [ClassicalMatcher("sift")], windows_of([place], 1), Stop())


def test_the_area_under_the_errors() -> None:
    assert auc([0.0, 0.0], 10) == 1 and auc([5.0], 10) == 0.5 and auc([math.inf, 30.0], 10) == 0
    assert auc([0.0, 10.0], 10) == 0.5 and math.isnan(auc([], 10))
    figures = summary([trial(0.5), trial(2), trial(math.inf, accepted=False), trial(40)])
    assert (
        figures["failed"] == 0.5
        and figures["accepted_wrong"] == 0.25
        and figures["auc20"] == 100 * auc([0.5, 2], 20) / 2
    )
    low, high = bootstrap([trial(float(error)) for error in range(12)], 10)
    assert low < 100 * auc([float(error) for error in range(12)], 10) < high
    twice = [trial(float(error), ground=str(error)) for error in range(12) for _ in range(4)]
    assert bootstrap(twice, 10) == (low, high)  # looking at a ground again tells little more of it
    rows = curve([trial(1, 5), trial(9, -40), trial(9, 50)], "turned_deg", (0, 30, 60))
    assert [row["pairs"] for row in rows] == [1, 2] and rows[0]["auc"] > rows[1]["auc"]


def test_one_command_writes_the_table_of_all_matchers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shapely

    features = houses(COLUMNS, ROWS)
    folder = tmp_path / "there"
    folder.mkdir()
    write_image(folder / "image.tif", features, COLUMNS, ROWS)
    rows = [{"type": "Feature", "properties": {"building": "yes"}, "geometry": shapely.geometry.mapping(one.geometry)}
            for one in features]  # fmt: skip
    (folder / "buildings.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    StructureModel(TINY).eval().save(tmp_path / "m.safetensors")
    words = ["evaluate", "matching", "--places", str(folder), "--windows", "6", "--protocols", "working", "false"]

    assert (
        main([*words, "--weights", str(tmp_path / "m.safetensors"), "--seeds", "2", "--out", str(tmp_path / "out")])
        == 0
    )

    told = json.loads((tmp_path / "out" / "matching.json").read_text())
    assert set(told) == {"working", "false"} and {"structure", "sift", "orb"} <= set(told["working"])
    for protocol in told:
        picture = cv2.imread(str(tmp_path / "out" / f"matching_{protocol}.png"))
        assert picture is not None and picture.std() > 10
    assert "| structure |" in (tmp_path / "out" / "matching.md").read_text() and "| sift |" in capsys.readouterr().out
    assert main([*words, "--matchers", "graph", "--out", str(tmp_path / "out2")]) == 1
    assert "--graph-weights" in capsys.readouterr().err
