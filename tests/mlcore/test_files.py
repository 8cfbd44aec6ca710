"""A file is there whole, or as it was."""

from pathlib import Path

import pytest

from mlcore.files import whole_file


@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_takes_its_place_only_when_it_is_whole(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "scores.json"
    if before is not None:
        path.write_text(before)
    with pytest.raises(RuntimeError), whole_file(path) as scratch:
        scratch.write_text("half")
        raise RuntimeError
    assert [one.read_text() for one in tmp_path.iterdir()] == [before] * (before is not None)
    with whole_file(path) as scratch:
        scratch.write_text("whole")
        assert scratch.suffix == path.suffix
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("scores.json", "whole")]
