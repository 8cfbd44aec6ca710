"""Which mapped buildings the evidence finds, told by their roof's colour, their size and how built-up their ground is.

Each footprint counts once, on the tile that holds its middle, by the part of it that lies there.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np

from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.polygons import area_m2
from mlcore.geometry.webmercator import TileAddress, tile_at
from mlcore.maps.labels import draw_ids
from mlcore.pairs.source import PairSource

FOUND = 0.5  # mean evidence of a footprint's pixels
LEAST_PX = 4
SIZES_M2 = ((50.0, "size_under_50m2"), (150.0, "size_50_to_150m2"), (500.0, "size_150_to_500m2"))
LARGEST = "size_over_500m2"
DENSITIES = ((0.1, "density_under_10_percent"), (0.3, "density_10_to_30_percent"))
DENSEST = "density_over_30_percent"
BRIGHT, DARK, COLOURED = 0.7, 0.3, 0.2
WARM_BELOW, WARM_FROM = 45 / 360, 330 / 360  # hues of brick, tile, rust and earth
Tally = dict[str, tuple[float, int]]
"""By name: how many footprints were found, and how many there are."""


def roofs_found(source: PairSource, evidence: EvidenceReader, tiles: Sequence[TileAddress]) -> Tally:
    """Footprints of the map by sort; `roof_*`, `size_*` and `density_*` each add up to all of them."""
    tally: dict[str, list[int]] = {}
    for tile in tiles:
        window = evidence.window(tile, margin_px=0)
        side = window.building.shape[0]
        footprints = source.footprints(tile)
        ids = draw_ids([(n, part) for n, (_, parts) in enumerate(footprints, 1) for part in parts], side, side)
        colours = source.reader.read_tile(tile, side).rgb / 255.0
        density = density_name(float((ids > 0).mean()))
        for number, (feature, _) in enumerate(footprints, 1):
            middle = feature.geometry.centroid
            mask = (ids == number) & window.valid
            if tile_at(middle.x, middle.y, tile.z) != tile or mask.sum() < LEAST_PX:
                continue
            found = int(window.building[mask].mean() >= FOUND)
            names = (roof_name(colours[mask].mean(axis=0)), size_name(area_m2(feature.geometry)), density)
            for name in names:
                one = tally.setdefault(name, [0, 0])
                one[0], one[1] = one[0] + found, one[1] + 1
    return {name: (found, count) for name, (found, count) in tally.items()}


def recalls(tallies: Mapping[str, Sequence[Mapping[str, Sequence[float]]]], least: int = 20) -> dict[str, float]:
    """Share found of each sort over all places, where they have `least` of it; each footprint counts the same.

    Args:
        tallies: of the same ground of a place by several networks, by place.
    """
    found, count = dict[str, float](), dict[str, float]()
    for of_place in tallies.values():
        for name in {name for tally in of_place for name in tally}:
            told = [tally[name] for tally in of_place if name in tally]
            found[name] = found.get(name, 0) + float(np.mean([one[0] for one in told]))
            count[name] = count.get(name, 0) + float(np.mean([one[1] for one in told]))
    return {name: found[name] / count[name] for name in sorted(count) if count[name] >= least}


def roof_name(rgb: np.ndarray) -> str:
    """Of (3,) mean red, green and blue in 0..1."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(float(one) for one in rgb))
    if saturation >= COLOURED and value >= DARK:
        return "roof_warm" if hue < WARM_BELOW or hue >= WARM_FROM else "roof_blue_or_green"
    if value >= BRIGHT:
        return "roof_bright"
    return "roof_dark" if value < DARK else "roof_grey"


def size_name(square_metres: float) -> str:
    return next((name for limit, name in SIZES_M2 if square_metres < limit), LARGEST)


def density_name(share: float) -> str:
    """Of the share of the tile that is built up."""
    return next((name for limit, name in DENSITIES if share < limit), DENSEST)
