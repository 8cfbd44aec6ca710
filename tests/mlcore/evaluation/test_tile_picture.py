"""The picture of a tile shows five panels, and a candidate on the last of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mlcore.changes.diff import Candidate
from mlcore.evaluation.tile_picture import draw_tile
from mlcore.evidence.picture import EvidenceReader
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image, write_perfect_evidence

LOSSY = 110  # more than a palette of its own changes a pixel by


def test_five_panels_are_drawn_and_a_candidate_on_the_last_alone(tmp_path: Path) -> None:
    true = houses(1, 1)
    source = PairSource(open_image(write_image(tmp_path / "image.tif", true, 1, 1)), MapIndex(true[1:]))
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", true, 1, 1), CORNER.z)
    tile = tiles_of(1, 1)[0]
    missing = Candidate("add", true[0].geometry, None, None, tile, 0.9)

    window = evidence.window(tile, margin_px=0)
    draw_tile(tmp_path / "with.png", source, window, [missing])
    draw_tile(tmp_path / "without.png", source, window, [])

    drawn, bare = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB"), int) for name in ("with", "without"))
    assert drawn.shape[1] > 4 * drawn.shape[0]
    changed = np.flatnonzero((np.abs(drawn - bare) > LOSSY).any(axis=(0, 2)))
    assert len(changed) and changed.min() > 0.75 * drawn.shape[1]
