"""A file is there whole, or as it was."""

import os
import shutil
from pathlib import Path

import pytest

from mlcore.errors import InvalidInputError, NoSpaceError
from mlcore.files import check_space, remove_scratch, scratch_of, whole_file


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


def test_what_a_process_left_on_its_way_goes_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out[1].tif"
    stays = [path, tmp_path / f".{os.getpid()}-out1.tif", scratch_of(path, os.getpid() + 1)]
    for one in [*stays, scratch_of(path, os.getpid()), Path(f"{scratch_of(path, os.getpid())}.ovr")]:
        one.touch()
    remove_scratch(path, os.getpid())
    assert set(tmp_path.iterdir()) == set(stays)


def test_a_file_that_the_disk_has_no_room_for_is_refused_with_what_it_needs(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    check_space(tmp_path / "out.tif", 1000)
    with pytest.raises(NoSpaceError, match=rf"out\.tif needs {(2 * free >> 20) + 64} MB free: make room"):
        check_space(tmp_path / "out.tif", 2 * free)
    with pytest.raises(InvalidInputError, match="create it first"):
        check_space(tmp_path / "none" / "out.tif", 1)
