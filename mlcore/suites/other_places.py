"""Which pairs of a set show another place: by where their windows lie where that is told, else by their folders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.evaluation.readers.matching_pairs import MatchingPair

APART_SIDES = 1.5
"""Sides of a window between the middles of two that show different places: half a side of ground lies between them."""
TOLD_IN = ("proposals.jsonl", "pairs.jsonl")
"""Lines of JSON with the place of each pair, as `build pairs` and the application's export of a region write them."""
MOST_LINES = 1_000_000
DEPTH = 3


@dataclass(frozen=True)
class Window:
    """Where a pair's picture lies: in pixels of the image that is its frame, or in the world as a square of side 1."""

    frame: str
    left: float
    top: float
    side: float


@dataclass(frozen=True)
class Ground:
    """What a set says of a pair's place.

    Attributes:
        window: None: its position is not told.
        scene: pairs of different scenes show different places; empty: none is told.
    """

    window: Window | None
    scene: str

    def placed_with(self, other: Ground) -> bool:
        """Whether the positions of the two can be compared."""
        return self.window is not None and other.window is not None and self.window.frame == other.window.frame

    def apart_from(self, other: Ground) -> bool:
        """Whether the set says that the two show different places."""
        mine, theirs = self.window, other.window
        if mine is None or theirs is None or mine.frame != theirs.frame:
            return bool(self.scene and other.scene and self.scene != other.scene)
        across = mine.left + mine.side / 2 - theirs.left - theirs.side / 2
        down = mine.top + mine.side / 2 - theirs.top - theirs.side / 2
        return max(abs(across), abs(down)) >= APART_SIDES * max(mine.side, theirs.side)


def ground_of(pair: MatchingPair, windows: Mapping[str, Window]) -> Ground:
    """What a set says of a pair, with what `told_windows` found."""
    return Ground(windows.get(pair.name), pair.scene)


def told_windows(root: Path) -> dict[str, Window]:
    """Windows of the pairs below a folder, by their names, where files beside them tell; empty where none does."""
    root = root.resolve()
    found: dict[str, Window] = {}
    below = (path for depth in range(1, DEPTH) for path in sorted(root.glob("/".join("*" * depth))) if path.is_dir())
    folders = [root.parent, root, *below]
    for folder in folders:
        frame = None
        for path in (folder / name for name in TOLD_IN):
            for line in _lines(path):
                frame = frame or _frame(folder)
                place = folder / str(line.get("part", "")) / str(line.get("name", ""))
                window = _window(line, frame)
                if window is not None and place.is_relative_to(root):
                    found[place.relative_to(root).as_posix()] = window
    return found


def partners(grounds: Sequence[Ground]) -> dict[int, int]:
    """To each pair another one of another place: taken as seldom as can be, then near in order, so that few are held.

    Pairs for which there is none are left out.
    """
    taken = np.zeros(len(grounds), int)
    numbers = np.arange(len(grounds))
    chosen: dict[int, int] = {}
    for number, ground in enumerate(grounds):
        apart = np.array([ground.apart_from(other) for other in grounds])
        if apart.any():
            order = np.lexsort((numbers, abs(numbers - number), taken))
            chosen[number] = int(order[apart[order]][0])
            taken[chosen[number]] += 1
    return chosen


def told_of_choice(grounds: Sequence[Ground], chosen: Mapping[int, int]) -> str:
    """How the other places were chosen, for a report."""
    by_position = sum(grounds[one].placed_with(grounds[other]) for one, other in chosen.items())
    said = [f"each image against the map of another place, {len(chosen)} of {len(grounds)} pairs"]
    if by_position:
        said.append(f"{by_position} by position, the windows' middles {APART_SIDES:g} sides or more apart")
    if by_position < len(chosen):
        said.append(f"{len(chosen) - by_position} from another folder of the set, since positions are not told")
    return "; ".join(said)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file() or path.is_symlink():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in islice(file, MOST_LINES):
            try:
                told = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(told, dict):
                yield told


def _window(line: Mapping[str, Any], frame: str) -> Window | None:
    """The window of an image, or the tile, that a line speaks of; None where it tells neither."""
    try:
        if "window" in line:
            told = line["window"]
            window = Window(frame, float(told["left"]), float(told["top"]), float(told["side"]))
        else:
            z, x, y = (int(one) for one in line["tile"])
            window = Window("world", x / 2**z, y / 2**z, 1 / 2**z)
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return window if np.isfinite([window.left, window.top, window.side]).all() and window.side > 0 else None


def _frame(folder: Path) -> str:
    """The image of a set by its digest, since two sets may share one; the set's own folder where none is told."""
    try:
        return str(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["plan"]["files"]["image"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return str(folder)
