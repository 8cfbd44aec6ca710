"""One picture of a tile: image, evidence, map, difference and candidates, beside one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcore.changes.diff import Candidate
from mlcore.evidence.picture import EvidenceReader
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.labels import draw_ids, polygons_of, to_xy
from mlcore.pairs.source import PairSource

SIDE_IN, DPI = 2.2, 110
COLOURS = {"add": "tab:green", "remove": "tab:red", "modify": "tab:orange", "shifted": "tab:purple"}


def draw_tile(
    path: Path, source: PairSource, evidence: EvidenceReader, tile: TileAddress, candidates: Sequence[Candidate]
) -> None:
    """Write the five panels of `tile` as WebP.

    Args:
        candidates: of any tiles; those whose shape reaches into this one are drawn.
    """
    pair, window = source.pair(tile), evidence.window(tile, margin_px=0)
    mapped = draw_ids([(1, polygon) for _, parts in source.footprints(tile) for polygon in parts], *window.valid.shape)
    panels: list[tuple[str, np.ndarray, dict[str, object]]] = [
        ("image", pair.image, {}),
        ("evidence", window.building, {"cmap": "magma", "vmin": 0, "vmax": 1}),
        ("map", pair.map, {}),
        ("difference", window.building - (mapped > 0), {"cmap": "RdBu_r", "vmin": -1, "vmax": 1}),
        ("candidates", pair.image, {}),
    ]
    figure = Figure(figsize=(SIDE_IN * len(panels), SIDE_IN + 0.3), layout="constrained")
    for axes, (name, picture, how) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        axes.imshow(picture, **how)
        axes.set_title(name, fontsize=9)
        axes.set_axis_off()
    _outline(figure.axes[-1], tile, candidates)
    with whole_file(path) as scratch:
        figure.savefig(scratch, dpi=DPI, format="webp", pil_kwargs={"quality": 80})


def _outline(axes: Axes, tile: TileAddress, candidates: Sequence[Candidate]) -> None:
    area = tile.polygon_lonlat
    for candidate in candidates:
        if not candidate.geometry.intersects(area):
            continue
        for polygon in polygons_of(candidate.geometry):
            for part in to_xy(polygon, tile):
                x, y = np.asarray(part.exterior.coords).T
                axes.plot(x - 0.5, y - 0.5, color=COLOURS[candidate.kind], linewidth=1.5)
        middle = to_xy(candidate.geometry.convex_hull, tile)[0].centroid
        axes.text(
            middle.x, middle.y, f"{candidate.confidence:.2f}", color="white", fontsize=6, ha="center", va="center"
        )
    axes.set_xlim(-0.5, 255.5)
    axes.set_ylim(255.5, -0.5)
