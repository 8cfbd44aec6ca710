"""Weights from elsewhere: taken where they are a matcher's, refused with the reason where they are not."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from mlcore.correspondences import foreign
from mlcore.correspondences.foreign import read_foreign
from mlcore.correspondences.structure import MODEL_KIND, StructureModel
from mlcore.errors import CheckpointError
from mlcore.learning.checkpoints import write_tensors
from mlcore.weights import GENERAL_FILE, MATCHER_FILE
from tests.mlcore.correspondences.test_matchers import TINY


def write(path: Path, changed: dict[str, Any] | None = None, **tensors: torch.Tensor) -> Path:
    """A matcher's file with some settings and tensors replaced."""
    settings = {**TINY.to_dict(), **(changed or {})}
    write_tensors(path, {**StructureModel(TINY).state_dict(), **tensors}, {"kind": MODEL_KIND, "config": settings})
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.safetensors"


def test_a_matcher_s_file_is_taken(path: Path) -> None:
    assert read_foreign(write(path)).config == TINY
    assert read_foreign(MATCHER_FILE).config.widths == (32, 48, 80, 128)


def test_another_kind_of_model_is_refused() -> None:
    with pytest.raises(CheckpointError, match="another kind of model"):
        read_foreign(GENERAL_FILE)


@pytest.mark.parametrize(
    "changed",
    [{"widths": [10**9] * 4}, {"widths": "abcd"}, {"widths": None}, {"channels": 4000}, {"channels": 4.0}, {"more": 1},
     {"batch": "six"}],
)  # fmt: skip
def test_settings_of_no_matcher_are_refused_before_anything_is_made(path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match="settings"):
        read_foreign(write(path, changed))


@pytest.mark.parametrize("settings", [None, [], "compact"])
def test_a_file_without_settings_is_refused(path: Path, settings: object) -> None:
    write_tensors(path, StructureModel(TINY).state_dict(), {"kind": MODEL_KIND, "config": settings})
    with pytest.raises(CheckpointError, match="settings"):
        read_foreign(path)


def test_weights_of_other_shapes_names_or_types_are_refused(path: Path) -> None:
    for wrong in (torch.zeros(3), torch.zeros((), dtype=torch.int64)):
        with pytest.raises(CheckpointError, match="do not fit"):
            read_foreign(write(path, None, log_fine=wrong))
    with pytest.raises(CheckpointError, match="do not fit"):
        read_foreign(write(path, None, more=torch.zeros(3)))


def test_numbers_that_are_none_are_refused(path: Path) -> None:
    with pytest.raises(CheckpointError, match="not finite"):
        read_foreign(write(path, None, log_fine=torch.tensor(float("nan"))))


def test_a_pickle_is_refused_unread_and_a_file_that_is_too_large_unopened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I9."""
    path.write_bytes(pickle.dumps({"weights": 1}))
    with pytest.raises(CheckpointError, match="never loaded"):
        read_foreign(path)
    monkeypatch.setattr(foreign, "MOST_BYTES", 4)
    with pytest.raises(CheckpointError, match="ends at"):
        read_foreign(path)
