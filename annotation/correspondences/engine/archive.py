"""Pairs of a region with their homographies, in MapData's layout, and the part of a split that each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from annotation.correspondences.engine.exchange import PICTURE_PX
from annotation.correspondences.engine.transforms import said_transform, shown_transform
from annotation.correspondences.models import Correspondences
from annotation.tiles.engine import MapIndex, image_reader, render_map, tile_address
from annotation.tiles.nearby import features_on
from mlcore.correspondences.exchange.pairs import pair_files
from mlcore.correspondences.scanned import ScannedSource
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.pairs.splits import geographic_folds

BLOCKS = 10
TEST, VALIDATION, TRAIN = "test", "validation", "train"


def parts_by_place(tiles: Sequence[TileAddress]) -> dict[TileAddress, str]:
    """`test`, `validation` or `train` of every tile: a tenth of the tiles each, the rest to learn from, in blocks.

    Up to ten blocks are cut; two tiles make a test and a training block, one tile is a training block.
    """
    blocks = min(BLOCKS, len(set(tiles)))
    if blocks == 0:
        return {}
    names = [TEST, VALIDATION, *[TRAIN] * BLOCKS] if blocks > 2 else [TRAIN, TEST]
    return {tile: names[fold] for tile, fold in geographic_folds(tiles, blocks).items()}


def pair_name(row: Correspondences) -> str:
    """What the files of a row are called, by its tile and, where the map is a scan, that."""
    tile = row.tile
    of_scan = "" if row.scan_id is None else f"scan-{row.scan_id}-"
    return f"{of_scan}tile-{tile.z}-{tile.x}-{tile.y}"


def pair_content(row: Correspondences, scanned: ScannedSource | None = None) -> dict[str, bytes] | None:
    """Map, image and homography of a row with the transform that counts, by their paths; None without a transform.

    The map is drawn as it is, or cut from its scan as that lies: the homography says where the image shows it.

    Args:
        scanned: of a row whose map is a scan.
    """
    transform, tile = said_transform(row), tile_address(row.tile)
    if transform is None:
        return None
    image: np.ndarray = image_reader(row.imagery).read_tile(tile, PICTURE_PX).rgb
    if scanned is not None:
        drawn, _ = scanned.map_on(tile, PICTURE_PX)
    else:
        drawn = render_map(tile, MapIndex(features_on(row.map_pair.snapshot, tile)), PICTURE_PX)
    return pair_files(pair_name(row), drawn, image, transform.scaled(PICTURE_PX / TILE_PX))


def told_of_pair(row: Correspondences, part: str) -> dict[str, Any]:
    """One line of what is known of a pair: its place, its transform with covariance, what it stands on."""
    tile = row.tile
    return {
        "name": pair_name(row),
        "part": part,
        "tile": [tile.z, tile.x, tile.y],
        "scan": None if row.scan is None else row.scan.sha256,
        "state": row.state,
        "passed_gate": row.passed_gate,
        "transform_256px": shown_transform(said_transform(row)),
        "matcher": row.matcher,
        "matcher_digest": row.matcher_digest,
        "inliers": row.inliers,
        "needed_inliers": row.needed_inliers,
        "log10_nfa": row.log10_nfa,
        "rmse_m": row.rmse_m,
        "fit_rmse_m": row.final_fit_rmse_m,
        "check_rmse_m": row.final_check_rmse_m,
    }
