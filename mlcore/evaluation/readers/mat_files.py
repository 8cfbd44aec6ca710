"""Landmarks and transforms that sets of multimodal pairs keep in MATLAB files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.readers.mat_level5 import Content, read_tables
from mlcore.evaluation.readers.matching_pairs import checked_landmarks, checked_matrix


@dataclass(frozen=True, eq=False)
class MatTruth:
    """What a file says, in MATLAB's pixels, whose first one's centre is (1, 1).

    Attributes:
        landmarks: (N, 4) x, y of the fixed picture, x, y of the moving one; None where there are none.
        moving_to_fixed: (3, 3) to be applied to columns (x, y, 1); None where there is none.
    """

    landmarks: np.ndarray | None
    moving_to_fixed: np.ndarray | None


def read_mat_truth(path: Path) -> MatTruth:
    """`Landmarks` (a struct of LMfix and LMmov) and `T` of the multimodal sets, or the only table of four columns.

    `T` is MATLAB's: rows (x, y, 1) are multiplied by it from the left, from the moving picture to the fixed one, so it
    is turned over here.

    Raises:
        InvalidInputError: no file of level 5, too large, damaged, or without either.
    """
    tables = read_tables(path)
    landmarks, matrix = _of_struct(tables.get("Landmarks"), path), tables.get("T")
    four = [one for one in tables.values() if isinstance(one, np.ndarray) and one.shape[1] == 4]
    if landmarks is None and len(four) == 1:
        landmarks = four[0]
    if landmarks is None and not isinstance(matrix, np.ndarray):
        raise InvalidInputError(f"{path.name} holds neither Landmarks nor T, nor a single table of four columns")
    return MatTruth(
        None if landmarks is None else checked_landmarks(landmarks, path.name),
        checked_matrix(matrix.T, f"T of {path.name}") if isinstance(matrix, np.ndarray) else None,
    )


def _of_struct(value: Content | None, path: Path) -> np.ndarray | None:
    """(N, 4) of the struct, where it is there."""
    if not isinstance(value, dict):
        return None
    sides = [value.get("LMfix"), value.get("LMmov")]
    tables = [side for side in sides if isinstance(side, np.ndarray) and side.shape[1] == 2]
    if len(tables) != 2 or len(tables[0]) != len(tables[1]):
        raise InvalidInputError(f"{path.name} has Landmarks without as many LMfix as LMmov: fetch the set again")
    return np.hstack(tables)
