"""Evidence of buildings over a region: predicted with context, and written as one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
import torch
from rasterio.errors import RasterioError
from rasterio.windows import Window

from mlcore.errors import InvalidInputError
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.inference import ready
from mlcore.evidence.picture import LEVELS
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TILE_PX, WORLD_M, TileAddress
from mlcore.imagery.raster import ImageReader, ImageTile
from mlcore.pairs.prefetch import prefetched
from mlcore.progress import Progress, SilentProgress, stop_if_asked

CONTEXT_PX = 32  # read beyond a tile on every side, so that buildings on a border are seen whole
BATCH = 8


def predict(ensemble: EvidenceEnsemble, images: np.ndarray, flips: int = 1) -> np.ndarray:
    """Evidence of building and outline.

    Args:
        images: (B, H, W, 3) uint8, sides multiples of 16.
        flips: 1, 2 or 4 mirrored views that are averaged.

    Returns:
        (B, 2, H, W) float32 in 0..1.
    """
    device = ensemble.device
    batch = as_input(images, device)
    views: list[list[int]] = [[], [3], [2], [2, 3]]
    total = torch.zeros(batch.shape[0], 2, *batch.shape[2:], device=device)
    with torch.inference_mode():
        for axes in views[:flips]:
            said = ensemble(batch.flip(axes) if axes else batch)
            total += said.flip(axes) if axes else said
    return (total / len(views[:flips])).cpu().numpy()


class Seen(NamedTuple):
    """What the networks of an ensemble said of one tile, before it is pooled.

    Attributes:
        logits: of each member, (2, S, S) float32 on the tile alone.
        valid: (S, S) bool, where the image has pixels.
    """

    logits: list[np.ndarray]
    valid: np.ndarray


def seen_tile(ensemble: EvidenceEnsemble, reader: ImageReader, tile: TileAddress) -> Seen:
    """Args: ensemble: as `ready` makes it."""
    inner = slice(CONTEXT_PX, -CONTEXT_PX)
    window = with_context(reader, tile)
    with torch.inference_mode():
        said = ensemble.logits(as_input(window.rgb[None], ensemble.device))
    return Seen([one[0, :, inner, inner].cpu().numpy().copy() for one in said], window.valid[inner, inner])


def pooled_evidence(ensemble: EvidenceEnsemble, seen: Seen) -> np.ndarray:
    """(2, S, S) float32 in 0..1 of a tile that its members, or the same networks made ready, saw."""
    with torch.inference_mode():
        logits = [torch.from_numpy(one[None]).to(ensemble.device) for one in seen.logits]
        return np.asarray(ensemble.pooled(logits)[0].cpu().numpy())


def write_evidence(
    path: Path,
    reader: ImageReader,
    tiles: Sequence[TileAddress],
    ensemble_of: Callable[[TileAddress], EvidenceEnsemble],
    *,
    flips: int = 1,
    seen: Mapping[TileAddress, Seen] | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> None:
    """Predict every tile and write one uint8 GeoTIFF in EPSG:3857 (band 1 building, band 2 outline, 0 = no data).

    The file appears under its name only when it is whole; memory holds some batches of tiles, never the region.

    Args:
        seen: of some tiles, what the members of their ensemble said already; these are not looked at again.
        threads: so many batches are predicted at once; what they say does not depend on it.
    """
    progress, seen = progress or SilentProgress(), seen if seen and flips == 1 else {}
    if not tiles:
        raise InvalidInputError("no tile to look at: choose an area that the image covers")
    order = _ensemble_by_ensemble(tiles, ensemble_of, seen)
    west, north = _first_column(tiles), min(tile.y for tile in tiles)
    done = 0
    try:
        with whole_file(path) as scratch, rasterio.open(scratch, "w", **_profile(tiles)) as target:
            for part, values in _predicted(reader, order, ensemble_of, flips, seen, threads):
                stop_if_asked(progress)
                for tile, of_tile in zip(part, values, strict=True):
                    place = Window((tile.x - west) % 2**tile.z * TILE_PX, (tile.y - north) * TILE_PX, TILE_PX, TILE_PX)
                    target.write(of_tile, window=place)
                done += len(part)
                progress.report(done / len(order), f"evidence: {done} of {len(order)} tiles")
    except (OSError, RasterioError) as error:
        raise InvalidInputError(f"can't write the evidence to {path}: {error}; free some space") from error


def _ensemble_by_ensemble(
    tiles: Sequence[TileAddress],
    ensemble_of: Callable[[TileAddress], EvidenceEnsemble],
    seen: Mapping[TileAddress, Seen],
) -> list[TileAddress]:
    """Rows from the north for each ensemble, in the order in which they come up there; seen tiles are last of each.

    It is the same in every run, and so is the file that is written by it.
    """
    rows, turn = sorted(tiles, key=lambda tile: (tile.y, tile.x)), dict[int, int]()
    for tile in rows:
        turn.setdefault(id(ensemble_of(tile)), len(turn))
    return sorted(rows, key=lambda tile: (turn[id(ensemble_of(tile))], tile in seen))


Part = tuple[list[TileAddress], list[np.ndarray]]
"""Some tiles, and (2, S, S) uint8 of each as the picture keeps it."""


def _predicted(
    reader: ImageReader,
    order: Sequence[TileAddress],
    ensemble_of: Callable[[TileAddress], EvidenceEnsemble],
    flips: int,
    seen: Mapping[TileAddress, Seen],
    threads: int,
) -> Iterator[Part]:
    """Batch by batch in order; each holds tiles of one ensemble."""

    def work() -> Iterator[Callable[[], Part]]:
        windows = prefetched(lambda tile: with_context(reader, tile), [tile for tile in order if tile not in seen])
        prepared, start = None, 0
        while start < len(order):
            ensemble, known = ensemble_of(order[start]), order[start] in seen
            part = [
                tile
                for tile in order[start : start + BATCH]
                if ensemble_of(tile) is ensemble and (tile in seen) is known
            ]
            start += len(part)
            if known:
                yield partial(_pooled, part, ensemble, seen)
                continue
            if prepared is None or prepared[0] is not ensemble:
                prepared = ensemble, ready(ensemble)
            yield partial(_predict_windows, part, list(islice(windows, len(part))), prepared[1], flips)

    if threads == 1:
        return (make() for make in work())
    return prefetched(lambda make: make(), work(), workers=threads, ahead=threads + 1)


def _profile(tiles: Sequence[TileAddress]) -> dict[str, object]:
    first, ys = _first_column(tiles), [tile.y for tile in tiles]
    columns = max((tile.x - first) % 2**tile.z for tile in tiles) + 1
    west, _, _, north = TileAddress(tiles[0].z, first, min(ys)).bounds_mercator
    cell = WORLD_M / 2 ** tiles[0].z / TILE_PX
    return {
        "driver": "GTiff", "dtype": "uint8", "count": 2, "nodata": 0, "crs": "EPSG:3857",
        "width": columns * TILE_PX, "height": (max(ys) - min(ys) + 1) * TILE_PX,
        "transform": rasterio.Affine(cell, 0, west, 0, -cell, north), "tiled": True, "blockxsize": TILE_PX,
        "blockysize": TILE_PX, "compress": "deflate", "zlevel": 1, "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip


def _first_column(tiles: Sequence[TileAddress]) -> int:
    """The column that the picture starts with: after the widest gap round the world, which a region may lie across."""
    columns, around = sorted({tile.x for tile in tiles}), 2 ** tiles[0].z
    gaps = [(column - columns[number - 1]) % around for number, column in enumerate(columns)]
    return columns[int(np.argmax(gaps))]


def with_context(reader: ImageReader, tile: TileAddress) -> ImageTile:
    """What the network sees of a tile: CONTEXT_PX more on every side."""
    west, south, east, north = tile.bounds_mercator
    pad, side = (east - west) * CONTEXT_PX / TILE_PX, TILE_PX + 2 * CONTEXT_PX
    return reader.read_window((west - pad, south - pad, east + pad, north + pad), side, side)


def _predict_windows(
    tiles: list[TileAddress], windows: Sequence[ImageTile], ensemble: EvidenceEnsemble, flips: int
) -> Part:
    inner = slice(CONTEXT_PX, -CONTEXT_PX)
    values = predict(ensemble, np.stack([window.rgb for window in windows]), flips)[:, :, inner, inner]
    return tiles, list(_kept(values, np.stack([window.valid for window in windows])[:, None, inner, inner]))


def _pooled(tiles: list[TileAddress], ensemble: EvidenceEnsemble, seen: Mapping[TileAddress, Seen]) -> Part:
    return tiles, [_kept(pooled_evidence(ensemble, seen[tile]), seen[tile].valid) for tile in tiles]


def _kept(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Evidence 0..1 as the picture keeps it, uint8."""
    return np.where(valid, np.round(values * LEVELS) + 1, 0).astype(np.uint8)


def as_input(images: np.ndarray, device: torch.device) -> torch.Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float in 0..1, channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float() / 255
