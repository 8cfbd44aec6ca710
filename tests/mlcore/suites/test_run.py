"""A suite from the command to its report: resumed, refused when settings differ, the same pairs for every method."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from mlcore.cli import main
from mlcore.consistency.pretraining import Place
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.evaluation.metrics import auroc
from mlcore.evaluation.pairs import protocol_set, queue_set, single_set
from mlcore.evaluation.readings import Disagreement, Readings
from mlcore.evaluation.report import markdown
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.progress import SilentProgress
from mlcore.region.config import PRESETS, RegionConfig
from mlcore.suites.methods import METHODS, check_methods
from mlcore.suites.region_methods import RegionFamily
from mlcore.suites.results import results_of, write_results
from mlcore.suites.run import Plan, prepare_pairs, run_suite
from mlcore.suites.suites import Source, Suite, build_suite
from mlcore.suites.task import Settings, Task
from tests.mlcore.changes.made_place import houses, tiles_of, write_image
from tests.mlcore.evaluation.readers.made_sets import whu

pytestmark = pytest.mark.xdist_group("suites")  # what it shares is made once

BRIEF = {
    "evidence": PRESETS["tiny"]["evidence"] | {"epochs": 1},
    "consistency": PRESETS["tiny"]["consistency"] | {"contrastive_epochs": 1, "matching_epochs": 1,
                                                     "tuning_contrastive_epochs": 1, "tuning_matching_epochs": 1},
}  # fmt: skip
TINY = RegionConfig.preset("tiny", rounds=1, **BRIEF)
COLUMNS, ROWS = 4, 3


class Stopper:
    """Asks to stop once a method of the given name is announced."""

    def __init__(self, name):
        self.name, self.seen = name, False

    def report(self, fraction, message="", figures=None):
        self.seen = self.seen or message.endswith(f": {self.name}")

    def should_stop(self):
        return self.seen


def place_of(folder, name, seed):
    features = houses(COLUMNS, ROWS, seed)
    folder.mkdir(parents=True, exist_ok=True)
    path = write_image(folder / f"{name}.tif", features, COLUMNS, ROWS)
    return Place(name, PairSource(open_image(path), MapIndex(features)), tiles_of(COLUMNS, ROWS))


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """A place learnt from, and another that is measured by its blocks, with a queue."""
    folder = tmp_path_factory.mktemp("places")
    target, training = place_of(folder, "here", 0), place_of(folder, "there", 1)

    def pairs(place):
        index, tiles = place.source.index, place.tiles
        made = [make(index, tiles, 2, 0) for make in (protocol_set, single_set)]
        return {one.name: one for one in made} | {"queue": queue_set(index, tiles, 1, 0)}

    task = Task("here", target, (training,), within=True, with_queue=True)
    return Suite("made", "A made place.", (task,), pairs)


def plan_of(suite, methods=tuple(METHODS), seeds=(0,), **changes):
    return Plan(suite, methods, seeds, "tiny", TINY, **changes)


@pytest.fixture(scope="module")
def finished(suite, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    pairs = prepare_pairs(suite, out)
    scores = run_suite(plan_of(suite), pairs, out)
    return out, scores, write_results(scores, out, draws=40)


def test_every_method_scores_the_same_pairs(finished):
    _, scores, results = finished
    task = results["tasks"]["here"]
    for name in ("protocol", "single"):
        figures, pairs = task["sets"][name], scores.pairs.pairs["here"][name]
        assert list(figures["methods"]) == list(METHODS)
        for method in METHODS:
            assert scores.agreement["here", name, method].shape == (1, len(pairs.state))
            assert 0 <= figures["methods"][method]["auroc"] <= 1
    assert results["pairs_sha256"] == scores.pairs.sha256


def test_methods_differ_and_what_sees_only_the_map_edits_is_moved_by_them_alone(finished):
    _, scores, _ = finished
    single = scores.pairs.pairs["here"]["single"]
    count = len(single.tiles)
    for method in ("ucsa", "no_anchors", "no_prototypes", "largest_box", "edge_ncc"):
        both = scores.agreement["here", "single", method][0].reshape(-1, count)
        untouched = (single.state == 0).reshape(-1, count)
        for tile in range(count):
            values = both[untouched[:, tile], tile]
            assert np.ptp(values) < 1e-4, f"{method} classifiers one untouched tile in two ways"
        assert np.ptp(both) > 0


def test_report_queue_and_pictures_are_there(finished):
    out, _, results = finished
    queue, footprints = results["tasks"]["here"]["queue"], results["tasks"]["here"]["footprints"]
    assert {"strict_precision_first50", "known_precision_first50", "recall_add", "recall_remove"} <= set(queue)
    assert 0 <= footprints["building_iou"] <= footprints["building_f1"] <= 1
    text = (out / "results.md").read_text()
    for word in ("Simulated map edits", "`strict`", "`known`", "Prevalence".lower(), "95 %", results["pairs_sha256"]):
        assert word in text
    for line in text.splitlines():
        if line.startswith("!["):
            assert (out / line.split("(")[1].rstrip(")")).read_bytes().startswith(b"\x89PNG")
    assert len(list(out.glob("*-tiles-*.png"))) == len(METHODS)
    assert json.loads((out / "results.json").read_text()) == json.loads(json.dumps(results))


def test_tiles_whose_map_was_read_are_measured_apart(finished):
    _, scores, results = finished
    pairs = scores.pairs.pairs["here"]["single"]
    error = Disagreement("missing", pairs.tiles[0].polygon_lonlat.centroid, 60.0, True)
    readings = Readings("here", ({tile: [error] * (tile in pairs.tiles[:4]) for tile in pairs.tiles},))
    known = replace(scores, plan=replace(scores.plan, readings=(readings,)))
    told = results_of(known, draws=40)
    read, whole = told["tasks"]["here"]["sets"], results["tasks"]["here"]["sets"]
    assert set(read) == {name + ending for name in whole for ending in ("", ", read tiles")}
    truth = {"truth_auroc", "truth_auroc_2_percent"}
    assert {key: value for key, value in read["single"].items() if key not in truth} == whole["single"]
    untouched = (pairs.state == 0) & np.tile([tile in pairs.tiles[:4] for tile in pairs.tiles], len(pairs.editions))
    assert read["single"]["truth_auroc"] == pytest.approx(1 - untouched.sum() / (pairs.state == 0).sum() / 2)
    kept = np.array([tile not in pairs.tiles[:4] for tile in pairs.tiles] * len(pairs.editions))
    decided = kept & (pairs.state != -1)
    assert read["single, read tiles"]["pairs"] == decided.sum() < whole["single"]["pairs"]
    doubt = -scores.agreement["here", "single", "edge_ncc"][0]
    wanted = auroc(pairs.state[decided] == 1, doubt[decided])
    assert read["single, read tiles"]["methods"]["edge_ncc"]["auroc"] == pytest.approx(wanted)
    text = markdown(told, {"here": []})
    assert "would reach an AUROC of" in text and "### single, read tiles" in text
    elsewhere = replace(scores, plan=replace(scores.plan, readings=(replace(readings, place="there"),)))
    assert set(results_of(elsewhere, draws=40)["tasks"]["here"]["sets"]) == set(whole)


def test_a_second_run_does_nothing_again_and_gives_the_same(finished, suite):
    out, scores, _ = finished
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = run_suite(plan_of(suite), prepare_pairs(suite, out), out)
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert all((again.agreement[key] == values).all() for key, values in scores.agreement.items())


def test_scores_of_other_settings_are_refused(finished, suite):
    out, scores, _ = finished
    with pytest.raises(InvalidInputError, match="another --out"):
        run_suite(plan_of(suite, start="scratch"), scores.pairs, out)


def test_weights_of_other_settings_are_refused_even_where_their_scores_were_deleted(finished, suite, tmp_path):
    out, scores, _ = finished
    shutil.copytree(out / "models", tmp_path / "models")
    longer = replace(TINY, consistency=replace(TINY.consistency, matching_epochs=2))
    for method in ("ucsa", "combined"):
        with pytest.raises(InvalidInputError, match="other settings"):
            run_suite(replace(plan_of(suite, (method,)), config=longer), scores.pairs, tmp_path)


def test_a_stopped_run_keeps_what_is_finished_and_goes_on_to_the_same_scores(finished, suite, tmp_path):
    _, scores, _ = finished
    methods = ("ucsa", "edge_ncc", "chance")
    pairs = prepare_pairs(suite, tmp_path)
    with pytest.raises(StoppedError):
        run_suite(plan_of(suite, methods), pairs, tmp_path, Stopper("edge_ncc"))
    kept = sorted(path.name for path in (tmp_path / "scores" / "here").iterdir())
    assert kept == ["ucsa-seed0.json"]
    again = run_suite(plan_of(suite, methods), pairs, tmp_path)
    for method in methods:
        for name in ("protocol", "single"):
            assert np.allclose(again.agreement["here", name, method], scores.agreement["here", name, method], atol=1e-5)


def test_no_tile_is_scored_by_a_model_that_learnt_from_its_block(suite, tmp_path):
    """Repaint one tile: its block's model must come out the same, and the other block's must not."""
    task = replace(suite.tasks[0], training=())
    folds, tile = task.folds(TINY, 0), task.target.tiles[0]
    before = scores_from_scratch(task, tmp_path / "before")
    source = task.target.source
    path = tmp_path / "repainted.tif"
    path.write_bytes(source.reader.path.read_bytes())
    with rasterio.open(path, "r+") as data:
        data.write(np.full((3, 256, 256), 90, np.uint8), window=rasterio.windows.Window(0, 0, 256, 256))
    repainted = replace(task.target, source=PairSource(open_image(path), source.index))
    after = scores_from_scratch(replace(task, target=repainted), tmp_path / "after")
    own = [one for one in task.target.tiles if folds[one] == folds[tile] and one != tile]
    others = [one for one in task.target.tiles if folds[one] != folds[tile]]
    assert [after[one] for one in own] == [before[one] for one in own]
    assert [after[one] for one in others] != [before[one] for one in others]


def scores_from_scratch(task, folder):
    method = METHODS["ucsa"](RegionFamily())
    method.fit(task, Settings(TINY, "scratch", 0, "cpu", folder), SilentProgress())
    return method.score(task.target.source, task.target.tiles)


def test_pairs_of_a_file_are_reused_and_those_of_another_place_refused(finished, suite, tmp_path):
    out, scores, _ = finished
    given = prepare_pairs(suite, tmp_path / "b", out / "pairs.json")
    assert given.sha256 == scores.pairs.sha256
    assert (tmp_path / "b" / "pairs.json").read_bytes() == (out / "pairs.json").read_bytes()
    fewer = replace(suite.tasks[0].target, tiles=suite.tasks[0].target.tiles[:-1])
    other = replace(suite, tasks=(replace(suite.tasks[0], target=fewer),))
    with pytest.raises(InvalidInputError, match="other tiles"):
        prepare_pairs(other, tmp_path / "c", out / "pairs.json")


def test_unknown_names_are_refused_with_those_there_are(tmp_path, capsys):
    with pytest.raises(InvalidInputError, match="edge_ncc"):
        check_methods(["edges"])
    with pytest.raises(InvalidInputError, match="banepa-within"):
        build_suite("banepa", Source(None, tmp_path))
    assert main(["evaluate", "consistency", "--suite", "banepa-within", "--data", str(tmp_path / "no"), "--out",
                 str(tmp_path / "out")]) == 1  # fmt: skip
    assert "--data" in capsys.readouterr().err


def test_the_command_runs_a_suite_of_made_towns_end_to_end(tmp_path, capsys):
    command = ["evaluate", "consistency", "--suite", "synthetic", "--preset", "tiny", "--towns", "1", "--rounds", "2"]
    command += ["--seeds", "0", "1", "--methods", "chance", "no_anchors", "edge_ncc", "--out", str(tmp_path)]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "simulated map edits" in said
    results = json.loads((tmp_path / "results.json").read_text())
    figures = results["tasks"]["town 201"]["sets"]["protocol"]["methods"]
    assert list(figures) == ["no_anchors", "edge_ncc", "chance"]
    assert len(figures["chance"]["auroc_seeds"]) == 2
    assert figures["edge_ncc"]["auroc_sd"] == 0
    before = (tmp_path / "results.json").read_bytes()
    assert main(command) == 0
    assert (tmp_path / "results.json").read_bytes() == before


def test_a_data_set_on_disk_is_a_suite_with_its_real_changes(tmp_path):
    whu(tmp_path / "WHU-CD", 24)
    command = ["evaluate", "consistency", "--suite", f"folder:{tmp_path / 'WHU-CD'}", "--preset", "tiny"]
    command += ["--rounds", "2", "--seeds", "0", "--methods", "ucsa", "edge_ncc", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    task = results["tasks"]["WHU-CD"]
    assert task["tiles"] == 8
    assert set(task["sets"]) == {"protocol", "single", "real"}
    assert task["sets"]["real"]["changed"] == 2  # crops 18 and 21
    assert "16 of 16 crops to learn from" in results["headline"]
