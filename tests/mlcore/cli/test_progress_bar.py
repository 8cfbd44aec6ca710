"""Progress on a log that is no terminal: one line per message or figure, under the figure's own name."""

from mlcore.cli.progress_bar import BarProgress


def test_a_log_names_figures_by_what_they_are_whichever_fold_they_come_from(capsys):
    with BarProgress("train") as progress:
        progress.report(0.25, "reading tiles")
        progress.report(0.5, "epoch 1", {"evidence/loss/fold-2": 0.5, "epoch": 1.0})
        progress.report(1.0, "done")
    lines = [line.rstrip() for line in capsys.readouterr().err.splitlines() if line.startswith("train:")]
    assert lines == ["train:  25 %  reading tiles", "train:  50 %  loss=0.5 epoch=1", "train: 100 %  done"]


def test_a_quiet_bar_says_nothing(capsys):
    with BarProgress("train", quiet=True) as progress:
        progress.report(0.5, "half", {"loss": 1.0})
    assert capsys.readouterr().err == ""
