"""Leave-one-place-out keeps what is finished, and never learns from the place that it measures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import mapping

from mlcore.cli import main
from mlcore.consistency.pretraining import synthetic_place
from mlcore.errors import InvalidInputError
from mlcore.evidence.config import EvidenceConfig
from mlcore.suites.leave_out import LeaveOut, run_leave_out
from mlcore.suites.leave_out_summary import TOLD, summary
from mlcore.suites.leave_out_verdicts import expected_calibration_error
from mlcore.suites.places import read_place

TINY = EvidenceConfig(widths=(8, 8, 12, 16), epochs=1, steps_per_epoch=3, batch=2, crop_px=96)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Places a and b, and c, which is a under another name."""
    towns = tmp_path_factory.mktemp("towns")
    folder = towns / "data"
    for number, name in enumerate("ab"):
        town = synthetic_place(number, towns)
        (folder / name).mkdir(parents=True)
        shutil.copy(towns / f"town-{101 + number}" / "imagery.tif", folder / name / "imagery.tif")
        shapes = [
            {"type": "Feature", "properties": {"building": "yes"}, "geometry": mapping(feature.geometry)}
            for feature in town.source.index
            if feature.kind == "building"
        ]
        collection = {"type": "FeatureCollection", "features": shapes}
        (folder / name / "buildings.geojson").write_text(json.dumps(collection))
    shutil.copytree(folder / "a", folder / "c")
    return folder


def test_finished_places_are_kept_and_other_settings_refused(data: Path, tmp_path: Path) -> None:
    plan = LeaveOut(("a", "b"), (("a",), ("b",)), (0,), TINY, rounds=2)
    report = run_leave_out(plan, data, tmp_path / "out", None)

    models = sorted(path.name for path in (tmp_path / "out" / "models" / "seed-0").iterdir())
    assert models == ["without-a", "without-b"]
    assert set(report["places"]) == {"a", "b"}
    shutil.rmtree(tmp_path / "out" / "models")
    assert run_leave_out(plan, data, tmp_path / "out", None) == report
    assert not (tmp_path / "out" / "models").exists()
    with pytest.raises(InvalidInputError, match="other settings"):
        run_leave_out(LeaveOut(("a", "b"), (("a",),), (0,), TINY, rounds=3), data, tmp_path / "out", None)
    with pytest.raises(InvalidInputError, match="no place c"):
        run_leave_out(LeaveOut(("a", "b"), (("c",),), (0,), TINY), data, tmp_path / "out", None)


def test_places_that_are_joined_are_left_out_of_one_training(data: Path, tmp_path: Path) -> None:
    command = ["evaluate", "evidence", "--data", str(data), "--places", "a", "b", "c", "--hold-out", "a,c", "c"]
    command += ["--seeds", "0", "--preset", "tiny", "--epochs", "1", "--rounds", "2", "--out", str(tmp_path / "out")]

    assert main(command) == 0

    models = sorted(path.name for path in (tmp_path / "out" / "models" / "seed-0").iterdir())
    assert models == ["without-a+c", "without-c"]
    report = json.loads((tmp_path / "out" / "leave_one_out.json").read_text())
    assert set(report["places"]) == {"a", "c"}


def test_a_report_is_the_mean_over_places_and_the_worst() -> None:
    def record(seed: int, **f1: float) -> dict[str, object]:
        figures = {name: {"new": dict.fromkeys(TOLD, value)} for name, value in f1.items()}
        return {"seed": seed, "figures": figures}

    told = summary([record(0, a=0.8, b=0.6), record(1, a=0.6)])

    assert told["new_f1_mean"] == pytest.approx(0.65)
    assert told["new_f1_min"] == pytest.approx(0.6)
    assert told["seeds"] == [0, 1]


def test_the_command_reports_what_the_other_places_teach(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "evidence", "--data", str(data), "--places", "a", "b", "--seeds", "0", "--preset", "tiny"]
    command += ["--epochs", "1", "--rounds", "2", "--out", str(tmp_path / "out")]

    assert main(command) == 0

    report = json.loads((tmp_path / "out" / "leave_one_out.json").read_text())
    assert 0 <= report["new_f1_mean"] <= 1
    assert "auroc_single" in capsys.readouterr().out
    for name in "ab":
        assert report["places"][name]["today"]["tiles"] == report["places"][name]["new"]["tiles"]
        verdicts = report["places"][name]["verdicts"]
        assert verdicts["edits"] > 0
        assert 0 <= verdicts["first40"] <= 1
        assert 0 <= verdicts["tile_auroc"] <= 1
    assert report["tile_auroc_min"] <= report["tile_auroc_mean"]
    assert main(command) == 0
    again = json.loads((tmp_path / "out" / "leave_one_out.json").read_text())
    assert again == report


def test_the_calibration_error_is_the_gap_between_said_and_seen() -> None:
    confidence = np.array([0.95] * 10 + [0.35] * 20)
    right = np.array([True] * 5 + [False] * 5 + [True] * 7 + [False] * 13)

    assert expected_calibration_error(confidence, right) == pytest.approx(0.45 * 10 / 30)
    assert expected_calibration_error(np.array([0.5, 1.0]), np.array([False, True])) == pytest.approx(0.25)
    assert np.isnan(expected_calibration_error(np.zeros(0), np.zeros(0, bool)))


def test_a_place_is_read_at_the_zoom_of_its_region(data: Path) -> None:
    assert read_place(data / "a", None).tiles[0].z == 19
    with pytest.raises(InvalidInputError, match="with a buildings"):
        read_place(data, None)
