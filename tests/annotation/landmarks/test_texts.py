"""What is said of landmarks goes into the index in few writes, in any script, and is gone on with after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.landmarks import engine
from annotation.landmarks.engine import texts
from annotation.landmarks.engine.stores import IndexFolder
from annotation.landmarks.engine.texts import LandmarkText, read_texts
from mlcore.errors import StoppedError
from mlcore.landmarks import LandmarkModel
from mlcore.progress import SilentProgress


@pytest.fixture
def model(weights) -> LandmarkModel:
    return LandmarkModel.load(weights)


@pytest.fixture
def index(tmp_path: Path, model) -> IndexFolder:
    return IndexFolder(tmp_path / "index", model.digest)


def rows_of(count: int) -> list[LandmarkText]:
    return [LandmarkText(number, f"Temple {number}") for number in range(1, count + 1)]


@pytest.fixture
def small_batches(monkeypatch) -> None:
    monkeypatch.setattr(texts, "BATCH", 2)
    monkeypatch.setattr(texts, "MOST_WAITING", 10)
    monkeypatch.setattr(texts, "KEPT_EACH_S", 1e9)


def test_many_texts_are_kept_in_few_writes(index, model, small_batches, monkeypatch):
    real, written = texts._write_sums, []
    monkeypatch.setattr(texts, "_write_sums", lambda path, sums: (written.append(len(sums)), real(path, sums)))
    assert read_texts(index, model, rows_of(100), SilentProgress()) == 100
    assert written == [20, 40, 60, 80, 100, 100] and engine.count_of(index, engine.TEXTS) == 100
    assert read_texts(index, model, rows_of(100), SilentProgress()) == 0


class Killed(SilentProgress):
    """Ends the run after some batches, as it is asked to stop or by an error that nobody foresees."""

    def __init__(self, after: int, error: BaseException) -> None:
        self.left, self.error = after, error

    def report(self, fraction, message="", figures=None) -> None:
        self.left -= 1
        if not self.left:
            raise self.error


@pytest.mark.parametrize("error", [StoppedError("stop"), MemoryError(), KeyboardInterrupt()])
def test_f1_what_was_embedded_before_the_end_is_not_embedded_again(index, model, small_batches, error):
    with pytest.raises(type(error)):
        read_texts(index, model, rows_of(100), Killed(13, error))
    assert engine.count_of(index, engine.TEXTS) == 26
    assert read_texts(index, model, rows_of(100), SilentProgress()) == 74


def test_f1_a_kill_loses_no_more_than_what_waited(index, model, small_batches, monkeypatch):
    """Nothing runs any more when a process is killed, so neither does what would have kept the rest."""
    real = texts._write_sums

    def gone_after_the_first(path, sums) -> None:
        if path.is_file():
            raise SystemError("killed")
        real(path, sums)

    monkeypatch.setattr(texts, "_write_sums", gone_after_the_first)
    with pytest.raises(SystemError):
        read_texts(index, model, rows_of(100), Killed(13, SystemError("killed")))
    monkeypatch.setattr(texts, "_write_sums", real)
    assert read_texts(index, model, rows_of(100), SilentProgress()) == 80


def test_names_in_other_scripts_are_read_and_what_has_no_word_stops_nobody(index, model, caplog):
    rows = [LandmarkText(1, "बनेपा"), LandmarkText(2, "清水寺"), LandmarkText(3, "½ ①"), LandmarkText(4, "★"),
            LandmarkText(5, "Temple")]  # fmt: skip
    assert read_texts(index, model, rows, SilentProgress()) == 5
    assert {1, 2, 5} <= set(index.opened(engine.TEXTS).ids.tolist()) <= {1, 2, 3, 5}
    assert "can't be found by what is said of them" in caplog.text


def test_a_text_that_the_tower_refuses_is_passed_over(index, weights, caplog):
    class Latin(LandmarkModel):
        """A model whose tower knows one script."""

        def text_features(self, some):
            from mlcore.errors import InvalidInputError

            if not all(text.isascii() for text in some):
                raise InvalidInputError("a text without a word")
            return super().text_features(some)

    rows = [LandmarkText(1, "Temple"), LandmarkText(2, "寺"), LandmarkText(3, "Gate")]
    assert read_texts(index, Latin.load(weights), rows, SilentProgress()) == 3
    assert index.opened(engine.TEXTS).ids.tolist() == [1, 3]
    assert "1 landmarks" in caplog.text
