"""`python -m mlcore picture`: how candidates of a made town come about, as one picture of a tile."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from mlcore.changes.candidate import non_maximum_suppression
from mlcore.changes.diff import candidates_of, iter_measures
from mlcore.changes.registration import region_shifts
from mlcore.cli.progress_bar import BarProgress
from mlcore.consistency.pretraining import synthetic_place
from mlcore.errors import InvalidInputError
from mlcore.evaluation.tile_picture import draw_tile
from mlcore.evidence.picture import EvidenceReader, EvidenceWindow
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import draw_ids, outlines_of, seen_footprints
from mlcore.progress import SpanProgress
from mlcore.region.shipped import shipped_model
from mlcore.synthetic.edits import EditCounts, simulate_edits

SHOWN = 0.1  # confidence: the shipped model knows no such town, and is careful
BLUR_PX, NOISE = 1.5, 0.04


class TrueEvidence(EvidenceReader):
    """Evidence as a network that knows a made town well would see it: its true footprints, soft and noisy."""

    def __init__(self, truth: MapIndex) -> None:
        self.truth = truth

    def window(self, tile: TileAddress, columns: int = 1, rows: int = 1, margin_px: int = 128) -> EvidenceWindow:
        """Evidence of `columns` x `rows` tiles from `tile` on, with a margin."""
        shape = (rows * TILE_PX + 2 * margin_px, columns * TILE_PX + 2 * margin_px)
        blank = EvidenceWindow(tile, margin_px, np.zeros(shape), np.zeros(shape), np.ones(shape, bool))
        features = seen_footprints(self.truth, blank.bounds_lonlat())
        ids = draw_ids(
            [(number, part) for number, one in enumerate(features, 1) for part in blank.polygons_xy(one.geometry)],
            *shape,
        )
        noise = np.random.default_rng([tile.x, tile.y]).normal(0, NOISE, shape)
        building = cv2.GaussianBlur((ids > 0).astype(np.float32), (0, 0), BLUR_PX) * 0.9 + 0.05 + noise
        outline = cv2.GaussianBlur(outlines_of(ids).astype(np.float32), (0, 0), 1.0)
        return EvidenceWindow(tile, margin_px, np.clip(building, 0, 1), outline, blank.valid)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("--seed", type=int, default=2, help="another seed is another town (default 2)")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> int:
    model = shipped_model()
    if model is None:
        raise InvalidInputError("the shipped model is missing: install the package with mlcore/weights")
    with TemporaryDirectory() as folder, BarProgress("picture", quiet=args.quiet) as progress:
        town = synthetic_place(args.seed, Path(folder), SpanProgress(progress, 0, 0.5))
        features = list(town.source.index)
        edited = simulate_edits(features, counts=EditCounts(4, 4, 3, 1), tiles=town.tiles, seed=args.seed)
        source, evidence = town.source.with_index(MapIndex(edited.features)), TrueEvidence(MapIndex(features))
        shifts = region_shifts(evidence, source.index, town.tiles, SpanProgress(progress, 0.5, 0.7))
        verdicts = model.verdicts(model.usual_in(source, evidence, town.tiles, shifts))
        blocks = iter_measures(evidence, source.index, town.tiles, shifts, SpanProgress(progress, 0.7, 1.0))
        found = non_maximum_suppression([one for block in blocks for one in candidates_of(block, verdicts)])
        shown = [one for one in found if one.confidence >= SHOWN]
        if not shown:
            raise InvalidInputError("nothing to show in this town: choose another seed")
        seen = {tile: [one for one in shown if one.geometry.intersects(tile.polygon_lonlat)] for tile in town.tiles}
        tile = max(town.tiles, key=lambda one: (len({candidate.kind for candidate in seen[one]}), len(seen[one])))
        draw_tile(args.out, source, evidence.window(tile, margin_px=0), seen[tile])
    print(f"{args.out}: tile {tile.z}/{tile.x}/{tile.y}, {len(seen[tile])} candidates")
    return 0
