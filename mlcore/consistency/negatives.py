"""Hard negatives: a tile's own map with a building dropped, added, shifted or trimmed, done on the drawn tile itself.

Mismatched pairs of a batch (U-CSA section 3.3) differ everywhere; what the product must notice is one building. The
edits work in pixels, so a training set needs no vectors; pixels changed by an edit are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

MIN_BUILDING_M2 = 40.0
SHIFT_M = (5.0, 10.0)
OUTLINE_PX = 2
PLACING_TRIES = 24
EDIT_KINDS = ("drop", "add", "shift", "trim")
EDIT_SHARES = (0.4, 0.35, 0.15, 0.1)


@dataclass(frozen=True)
class DrawnMap:
    """A map tile as drawn: rgb (S, S, 3) uint8 and the coverage of buildings, mask (S, S) uint8."""

    rgb: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Stamp:
    """One building cut out of a drawn map: its patch of colours and where in the patch it is (bool)."""

    rgb: np.ndarray
    inside: np.ndarray
    mask: np.ndarray
    corner_xy: tuple[int, int]


def cut_buildings(drawn: DrawnMap, metres_per_px: float) -> list[Stamp]:
    """The buildings of a tile (touching ones count as one) of at least 40 m2 that don't touch its border."""
    size = drawn.mask.shape[0]
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((drawn.mask > 127).astype(np.uint8), connectivity=8)
    stamps = []
    for label in range(1, count):
        x, y, width, height, area = (int(value) for value in boxes[label])
        inner = min(x, y) >= OUTLINE_PX and max(x + width, y + height) <= size - OUTLINE_PX
        if not inner or area * metres_per_px**2 < MIN_BUILDING_M2:
            continue
        rows = slice(y - OUTLINE_PX, y + height + OUTLINE_PX)
        columns = slice(x - OUTLINE_PX, x + width + OUTLINE_PX)
        own = (labels[rows, columns] == label).astype(np.uint8)
        grown = cv2.dilate(own, np.ones((2 * OUTLINE_PX + 1,) * 2, np.uint8)).astype(bool)
        grown &= (drawn.mask[rows, columns] <= 127) | own.astype(bool)
        mask = np.where(grown, drawn.mask[rows, columns], 0).astype(np.uint8)
        corner = (x - OUTLINE_PX, y - OUTLINE_PX)
        stamps.append(Stamp(drawn.rgb[rows, columns].copy(), grown, mask, corner))
    return stamps


def edit_map(
    drawn: DrawnMap, own: list[Stamp], donors: list[Stamp], metres_per_px: float, random: np.random.Generator
) -> DrawnMap | None:
    """The tile's map with one to three simulated edits; None where none of them could be made.

    Args:
        drawn: the map tile; left as it is.
        own: its buildings, from `cut_buildings`.
        donors: buildings of any tile of the same zoom, drawn in as additions.
        metres_per_px: on the ground.
        random: all chance comes from here.
    """
    rgb, mask = drawn.rgb.copy(), drawn.mask.copy()
    left = [own[which] for which in random.permutation(len(own))]
    done = 0
    for kind in random.choice(EDIT_KINDS, size=int(random.choice([1, 1, 2, 3])), p=EDIT_SHARES):
        if kind == "add" and donors:
            done += _add(rgb, mask, donors[int(random.integers(len(donors)))], random)
        elif kind != "add" and left:
            stamp = left.pop()
            if kind == "trim":
                _trim(rgb, mask, stamp, random)
            else:
                _erase(rgb, mask, stamp, stamp.inside)
            if kind == "shift":
                _shift(rgb, mask, stamp, metres_per_px, random)
            done += 1
    return DrawnMap(rgb, mask) if done else None


def _window(stamp: Stamp, corner: tuple[int, int]) -> tuple[slice, slice]:
    height, width = stamp.inside.shape
    return slice(corner[1], corner[1] + height), slice(corner[0], corner[0] + width)


def _erase(rgb: np.ndarray, mask: np.ndarray, stamp: Stamp, part: np.ndarray) -> None:
    """Paint `part` of the building with the ground around it."""
    window = _window(stamp, stamp.corner_xy)
    ground = rgb[window][~stamp.inside & (mask[window] < 16)]
    colour = np.median(ground, axis=0) if len(ground) else _ground_colour(rgb, mask)
    rgb[window][part] = colour.astype(np.uint8)
    mask[window][part] = 0


def _trim(rgb: np.ndarray, mask: np.ndarray, stamp: Stamp, random: np.random.Generator) -> None:
    """Cut off the part of a building beyond a line through its middle."""
    angle = random.uniform(0, 2 * np.pi)
    rows, columns = np.nonzero(stamp.inside)
    across = (columns - columns.mean()) * np.cos(angle) + (rows - rows.mean()) * np.sin(angle)
    part = np.zeros_like(stamp.inside)
    part[rows, columns] = across > 0
    _erase(rgb, mask, stamp, part)


def _shift(rgb: np.ndarray, mask: np.ndarray, stamp: Stamp, metres_per_px: float, random: np.random.Generator) -> None:
    """Draw an erased building 5 to 10 m away, cut at the tile's border and over whatever is there."""
    distance, angle = random.uniform(*SHIFT_M) / metres_per_px, random.uniform(0, 2 * np.pi)
    height, width = stamp.inside.shape
    limit = mask.shape[0] - np.array([width, height])
    offset = np.round(distance * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    x, y = np.clip(np.array(stamp.corner_xy) + offset, 0, limit)
    _draw(rgb, mask, stamp, (int(x), int(y)))


def _add(rgb: np.ndarray, mask: np.ndarray, donor: Stamp, random: np.random.Generator) -> int:
    """Draw a turned donor on open ground; 0 where none was found."""
    stamp = _turned(donor, int(random.integers(8)))
    height, width = stamp.inside.shape
    if max(height, width) >= mask.shape[0]:
        return 0
    ground = np.abs(rgb.astype(np.int16) - _ground_colour(rgb, mask).astype(np.int16)).max(axis=2) < 12
    for _ in range(PLACING_TRIES):
        corner = int(random.integers(mask.shape[0] - width)), int(random.integers(mask.shape[0] - height))
        window = _window(stamp, corner)
        if mask[window].max() < 16 and ground[window].mean() > 0.9:
            _draw(rgb, mask, stamp, corner)
            return 1
    return 0


def _draw(rgb: np.ndarray, mask: np.ndarray, stamp: Stamp, corner: tuple[int, int]) -> None:
    window = _window(stamp, corner)
    part = stamp.inside & ((stamp.mask > 0) | (mask[window] == 0))  # its rim of ground stays off other buildings
    rgb[window][part] = stamp.rgb[part]
    mask[window][part] = np.maximum(mask[window], stamp.mask)[part]


def _turned(stamp: Stamp, turn: int) -> Stamp:
    """One of the eight ways to lay the building."""

    def lay(values: np.ndarray) -> np.ndarray:
        turned = np.rot90(values, turn % 4)
        return turned[:, ::-1] if turn >= 4 else turned

    return Stamp(lay(stamp.rgb), lay(stamp.inside), lay(stamp.mask), stamp.corner_xy)


def _ground_colour(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    ground = rgb[mask < 16]
    return np.median(ground if len(ground) else rgb.reshape(-1, 3), axis=0)
