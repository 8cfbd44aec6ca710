"""`town` and `edits` on the command line."""

import json
import signal

import pytest

from mlcore.cli import main
from mlcore.cli.progress_bar import BarProgress


def test_town_and_edits_commands_work_one_after_the_other(tmp_path, capsys):
    town, out = tmp_path / "town", tmp_path / "edits"
    assert main(["town", str(town), "--seed", "2", "--columns", "4", "--rows", "4"]) == 0
    assert {p.name for p in town.iterdir()} == {"imagery.tif", "map.osm", "area.geojson", "changes.geojson"}
    words = ["edits", str(town / "map.osm"), "--area", str(town / "area.geojson"), "--out", str(out), "--seed", "1"]
    assert main([*words, "--remove", "2", "--add", "2", "--modify", "3"]) == 0
    told = capsys.readouterr()
    assert "16 tiles" in told.out and "7 edits" in told.out
    assert "100 %" in told.err
    truth = json.loads((out / "truth.geojson").read_text())["features"]
    kinds = [f["properties"]["kind"] for f in truth]
    assert (kinds.count("remove"), kinds.count("add"), kinds.count("modify")) == (2, 2, 3)


def test_a_missing_map_is_refused_on_one_line(tmp_path, capsys):
    assert main(["edits", str(tmp_path / "none.osm"), "--out", str(tmp_path)]) == 1
    assert "check the path" in capsys.readouterr().err


def test_quiet_tells_no_progress(tmp_path, capsys):
    assert main(["town", str(tmp_path), "--columns", "1", "--rows", "1", "--quiet", "--both-dates"]) == 0
    assert capsys.readouterr().err == ""
    assert (tmp_path / "imagery_before.tif").is_file()


def test_progress_in_a_log_is_a_line_per_message_with_its_per_cent(capsys):
    with BarProgress("work") as progress:
        progress.report(0.25, "first")
        progress.report(0.3, "first")
        progress.report(0.5, "second", {"loss/evidence": 0.125})
        progress.report(1.0, "done")
        assert not progress.should_stop()
    told = capsys.readouterr().err.splitlines()
    assert told == ["work:  25 %  first", "work:  50 %  evidence=0.125", "work: 100 %  done"]


def test_ctrl_c_asks_the_work_to_stop_and_twice_interrupts(capsys):
    with BarProgress("work", quiet=True) as progress:
        signal.raise_signal(signal.SIGINT)
        assert progress.should_stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err == ""
