"""The work folder of a set: what was asked for, the coarse homography, and what became of every window so far."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.correspondences.hybrid.coarse import Coarse
from mlcore.correspondences.hybrid.windows import Proposal
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file
from mlcore.geometry.transform import Transform

AGAIN = "remove it, and its windows are tried again"


class Journal:
    """What a run leaves for the next one.

    Args:
        folder: made where it is not there.
        plan: all that the set depends on, as JSON types.

    Raises:
        InvalidInputError: the folder holds the work on another set.
    """

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "plan.json"
        if not path.is_file():
            self._write(path, plan)
        elif (before := _read(path)) != plan:
            changed = sorted(name for name in plan if before.get(name) != plan[name])
            raise InvalidInputError(
                f"{folder.parent} holds a set of other {', '.join(changed) or 'settings'}: choose another folder, or "
                "remove this one"
            )
        self._lines = folder / "windows.jsonl"

    def coarse(self) -> Coarse | None:
        """The homography that a run before found."""
        path = self.folder / "coarse.json"
        if not path.is_file():
            return None
        told = _read(path)
        transform = Transform("homography", np.array(told.pop("parameters")), np.array(told.pop("covariance")))
        rmse = told.pop("rmse_px")
        return Coarse(transform, rmse_px=float("nan") if rmse is None else float(rmse), **told)

    def keep_coarse(self, coarse: Coarse) -> None:
        """Keep it for the next run."""
        self._write(self.folder / "coarse.json", coarse_to_json(coarse))

    def proposals(self) -> list[Proposal]:
        """Of the windows so far; a last line that was cut off is dropped, and its window tried again."""
        if not self._lines.is_file():
            return []
        whole, _, rest = self._lines.read_text(encoding="utf-8").rpartition("\n")
        if rest:
            self._lines.write_text(whole + "\n" if whole else "", encoding="utf-8")
        try:
            found = [Proposal.from_json(json.loads(line)) for line in whole.splitlines()]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"{self._lines} is damaged ({error}): {AGAIN}") from error
        if [one.number for one in found] != list(range(len(found))):
            raise InvalidInputError(f"{self._lines} is damaged: {AGAIN}")
        return found

    def add(self, proposals: list[Proposal]) -> None:
        """Keep more of them."""
        with self._lines.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(one.to_json(), allow_nan=False) + "\n" for one in proposals)

    def _write(self, path: Path, value: dict[str, Any]) -> None:
        with whole_file(path) as scratch:
            scratch.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def coarse_to_json(coarse: Coarse) -> dict[str, Any]:
    """JSON types of a coarse homography."""
    return {
        "parameters": coarse.transform.parameters.tolist(),
        "covariance": coarse.transform.covariance.tolist(),
        "found_by": coarse.found_by,
        "rmse_px": coarse.rmse_px if np.isfinite(coarse.rmse_px) else None,
        "windows": coarse.windows,
        "agreeing": coarse.agreeing,
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{path} is damaged ({error}): remove the folder and build the set again") from error
    return dict(told)
