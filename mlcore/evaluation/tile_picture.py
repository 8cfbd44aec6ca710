"""One picture of a tile: image, evidence, map, where they differ, and the candidates that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mlcore.changes.candidate import Candidate, ChangeKind
from mlcore.evidence.picture import EvidenceWindow
from mlcore.maps.labels import polygons_of
from mlcore.pairs.source import PairSource

COLOURS: dict[ChangeKind, str] = {"add": "#66ff66", "remove": "#ff5040", "modify": "#fee08b", "shifted": "#fee08b"}
DPI, COLOUR_COUNT = 80, 256


def draw_tile(path: Path, source: PairSource, window: EvidenceWindow, candidates: Sequence[Candidate]) -> None:
    """Write the five panels of a tile side by side as a PNG.

    Args:
        window: evidence of the tile alone.
        candidates: those of the tile, or near it.
    """
    tile = window.tile
    mask = source.building_mask(tile) > 0
    difference = np.where(window.valid, window.building - mask, 0)
    figure = Figure(figsize=(13, 2.8), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, 5)
    image = source.reader.read_tile(tile, source.size_px).rgb
    panels[0].imshow(image)
    panels[1].imshow(window.building, cmap="gray", vmin=0, vmax=1)
    panels[2].imshow(source.drawn_map(tile))
    panels[3].imshow(difference, cmap="RdBu", vmin=-1, vmax=1)
    panels[4].imshow(image)
    for candidate in candidates:
        _outline(panels[4], window, candidate)
    titles = ("image", "evidence", "map", "evidence - map", "candidates")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, fontsize=10)
        axes.set_axis_off()
        axes.set_xlim(0, image.shape[1])
        axes.set_ylim(image.shape[0], 0)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    picture.quantize(COLOUR_COUNT).save(path, "PNG", optimize=True)


def _outline(axes: Axes, window: EvidenceWindow, candidate: Candidate) -> None:
    for polygon in polygons_of(candidate.geometry):
        (flat,) = window.polygons_xy(polygon)
        x, y = flat.exterior.xy
        axes.plot(x, y, color=COLOURS[candidate.kind], linewidth=2)
        name = f"{candidate.kind} {candidate.confidence:.0%}"
        left, top = (float(np.clip(np.mean(values), 30, window.valid.shape[0] - 30)) for values in (x, y))
        axes.text(left, top, name, color="white", fontsize=7, ha="center", backgroundcolor="#00000080", clip_on=True)
