"""Crops of many places: each place counts the same whatever its size, and is seen at many ground resolutions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlcore.evidence.light import relight, weathered
from mlcore.evidence.samples import CropBatch, CropSampler, EvidenceSample, evidence_samples
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.labels import outlines_of
from mlcore.pairs.source import PairSource

FINEST_M, COARSEST_M = 0.18, 1.1
"""Metres per pixel of crops: from the finest grid of a region to the coarsest imagery that is supported."""
SHARPER = 0.75  # a level finer than the place's own is read where the image is finer than so much of it
MOST_TILES = 300  # of a place and zoom
BLOCK_LEVELS = 2  # tiles of a large place are taken by blocks of 4 x 4, so that they have neighbours
OWN_SCALE = 0.7  # share of crops at about the resolution at which the place is scanned
LEAST_KNOWN, DRAWS = 0.1, 4


@dataclass(frozen=True)
class PlaceSamples:
    """One place at all zooms that are learnt from.

    Attributes:
        resolution_m: metres per pixel at which the place is scanned.
        native_m: metres per pixel of its image.
        share: how often it is drawn, relative to other places.
    """

    name: str
    samples: tuple[EvidenceSample, ...]
    resolution_m: float
    native_m: float
    share: float = 1.0


def place_samples(
    name: str, source: PairSource, tiles: Sequence[TileAddress], *, seed: int = 0, share: float = 1.0
) -> PlaceSamples:
    """Samples of a place's tiles, and of the same ground at finer and coarser zooms.

    Args:
        tiles: of one zoom, completely mapped: nothing outside them is learnt, whatever the zoom.
    """
    rng = np.random.default_rng(seed)
    own, wanted = tiles[0].z, set(tiles)
    resolution = tiles[0].resolution_m()
    levels = [z for z in (own, own - 1, own - 2) if resolution * 2 ** (own - z) <= COARSEST_M * 1.25]
    if source.reader.resolution_m < SHARPER * resolution:
        levels.append(own + 1)
    samples: list[EvidenceSample] = []
    for z in levels:
        chosen = _some(_at_zoom(wanted, z), rng)
        samples += [_within(sample, wanted) for sample in evidence_samples(source, chosen)]
    kept = tuple(sample for sample in samples if sample.known.mean() >= LEAST_KNOWN / 2)
    return PlaceSamples(name, kept, resolution, source.reader.resolution_m, share)


def balanced(place: PlaceSamples) -> PlaceSamples:
    """The place with its share of crops: the fourth root of its buildings, so that none drowns the others."""
    numbers = {int(number) for one in place.samples for number in np.unique(one.ids[one.known]) if number}
    return replace(place, share=max(1, len(numbers)) ** 0.25)


def nearest_tiles(tiles: Sequence[TileAddress], most: int) -> list[TileAddress]:
    """At most so many tiles, those around the middle one, in order."""
    if len(tiles) <= most:
        return list(tiles)
    middle = sorted(tiles)[len(tiles) // 2]
    near = sorted(tiles, key=lambda tile: (max(abs(tile.x - middle.x), abs(tile.y - middle.y)), tile))
    return sorted(near[:most])


def _at_zoom(tiles: Iterable[TileAddress], z: int) -> list[TileAddress]:
    found: set[TileAddress] = set()
    for tile in tiles:
        if z <= tile.z:
            found.add(tile.parent(tile.z - z) if z < tile.z else tile)
        else:
            side = 2 ** (z - tile.z)
            found |= {TileAddress(z, tile.x * side + i, tile.y * side + j) for i in range(side) for j in range(side)}
    return sorted(found)


def _some(tiles: list[TileAddress], rng: np.random.Generator) -> list[TileAddress]:
    if len(tiles) <= MOST_TILES:
        return tiles
    blocks: dict[tuple[int, int], list[TileAddress]] = {}
    for tile in tiles:
        blocks.setdefault((tile.x >> BLOCK_LEVELS, tile.y >> BLOCK_LEVELS), []).append(tile)
    order = rng.permutation(len(blocks))
    keys, chosen = sorted(blocks), list[TileAddress]()
    for number in order:
        if len(chosen) < MOST_TILES:
            chosen += blocks[keys[int(number)]]
    return sorted(chosen)


def _within(sample: EvidenceSample, tiles: set[TileAddress]) -> EvidenceSample:
    """The sample with everything outside `tiles` unknown."""
    up = next(iter(tiles)).z - sample.tile.z
    if up <= 0:
        return sample
    side = sample.known.shape[0] // 2**up
    inside = [
        [TileAddress(sample.tile.z + up, sample.tile.x * 2**up + i, sample.tile.y * 2**up + j) in tiles
         for i in range(2**up)] for j in range(2**up)
    ]  # fmt: skip
    return replace(sample, known=sample.known & np.kron(np.array(inside), np.ones((side, side), bool)))


class PlacesSampler:
    """Draws crops of places in turn, at resolutions around that of their scan, and at all others."""

    def __init__(self, places: Sequence[PlaceSamples], crop_px: int, light: float = 1.0) -> None:
        self.places, self.light, self.crop_px = list(places), light, crop_px
        self.crops = [CropSampler(place.samples, crop_px, 0.0) for place in places]
        self.levels = [_levels(place.samples) for place in places]
        shares = np.array([place.share for place in places])
        self.shares = shares / shares.sum()

    def draw(self, count: int, rng: np.random.Generator) -> CropBatch:
        """`count` crops; which place, tile, resolution, turn and light are all from `rng`."""
        chosen = rng.choice(len(self.places), count, p=self.shares)
        crops, resolutions = zip(*[self._crop(int(number), rng) for number in chosen], strict=True)
        images, ids, known, sure = (np.stack(parts) for parts in zip(*crops, strict=True))
        outlines = np.stack([outlines_of(one) for one in ids])
        return CropBatch(images, ids, known, outlines, sure, np.array(resolutions, np.float32))

    def _crop(self, number: int, rng: np.random.Generator) -> tuple[tuple[np.ndarray, ...], float]:
        """Image, ids, known and sure of one crop of a place, and its metres per pixel."""
        place, levels = self.places[number], self.levels[number]
        for _ in range(DRAWS):
            target = _target(place, rng)
            resolution = max((own for own in levels if own <= 1.25 * target), default=min(levels))
            sample = levels[resolution][int(rng.integers(len(levels[resolution])))]
            image, ids, known, sure = self.crops[number].cut(sample, resolution / target, rng)
            if known.mean() >= LEAST_KNOWN:
                break
        if self.light:
            image = weathered(image, rng)
        return (relight(image, rng, self.light), ids, known, sure), target


def _target(place: PlaceSamples, rng: np.random.Generator) -> float:
    """Metres per pixel of one crop."""
    if rng.random() < OWN_SCALE:
        target = place.resolution_m * float(np.exp(rng.uniform(-0.45, 0.45)))
    else:
        low, high = max(FINEST_M, 0.4 * place.native_m), COARSEST_M
        target = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return min(max(target, FINEST_M), 1.25 * COARSEST_M)


def _levels(samples: Sequence[EvidenceSample]) -> dict[float, list[EvidenceSample]]:
    by_zoom: dict[int, list[EvidenceSample]] = {}
    for sample in samples:
        by_zoom.setdefault(sample.tile.z, []).append(sample)
    return {members[0].tile.resolution_m(): members for members in by_zoom.values()}
