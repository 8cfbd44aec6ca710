"""Crops of many places: each counts by its share, at resolutions that are told, and nothing outside its tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlcore.consistency.pretraining import synthetic_place
from mlcore.evidence.aligned import aligned, best_shift
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.light import weathered
from mlcore.evidence.many_places import (
    COARSEST_M,
    FINEST_M,
    PlaceSamples,
    PlacesSampler,
    balanced,
    nearest_tiles,
    place_samples,
)
from mlcore.evidence.samples import CropBatch, EvidenceSample
from mlcore.evidence.training import train_on_places
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.labels import outlines_of

SIDE = 64
QUICK = EvidenceConfig(
    widths=(8, 8, 12, 16), epochs=6, steps_per_epoch=10, batch=4, crop_px=64, learning_rate=1e-2, half_precision=False
)


def made_place(number: int, column: int, level: int = 220, share: float = 1.0) -> PlaceSamples:
    """Four tiles at zoom 19 with light squares as buildings on ground of one grey."""
    rng = np.random.default_rng(number)
    samples = []
    for x in range(4):
        image = np.full((SIDE, SIDE, 3), 60 + 10 * number, np.uint8)
        ids = np.zeros((SIDE, SIDE), np.int32)
        for building in range(1, 4):
            row, left = rng.integers(4, SIDE - 20, 2)
            ids[row : row + 14, left : left + 14] = 10 * x + building
        image[ids > 0] = level
        known = np.ones_like(ids, bool)
        samples.append(EvidenceSample(TileAddress(19, column + x, 260000), image, ids, known))
    resolution = samples[0].tile.resolution_m()
    return PlaceSamples(f"place {number}", tuple(samples), resolution, resolution, share)


def test_places_are_drawn_by_their_shares_and_resolutions_are_told() -> None:
    light, dark = made_place(0, 11, level=250, share=3.0), made_place(1, 900, level=150)
    sampler = PlacesSampler([light, dark], 64, light=0.0)

    batch = sampler.draw(200, np.random.default_rng(0))

    brightest = batch.images.reshape(200, -1).max(1)
    assert 0.6 < (brightest > 195).mean() < 0.9
    assert batch.resolutions_m is not None
    assert batch.resolutions_m.min() >= FINEST_M
    assert batch.resolutions_m.max() <= 1.25 * COARSEST_M
    assert (np.log(batch.resolutions_m / light.resolution_m).std()) > 0.2


def test_the_same_seed_draws_the_same_crops() -> None:
    sampler = PlacesSampler([made_place(0, 11)], 64)
    first, second = (sampler.draw(6, np.random.default_rng(5)) for _ in range(2))

    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.ids, second.ids)


def test_other_zooms_show_the_same_ground_and_nothing_else(tmp_path: Path) -> None:
    town = synthetic_place(0, tmp_path)
    half = [tile for tile in town.tiles if tile.x % 4 < 2]

    place = place_samples("half", town.source, half)

    zooms = {sample.tile.z for sample in place.samples}
    assert {19, 18} <= zooms
    by_zoom = {z: sum(s.known.sum() * 4.0 ** (19 - z) for s in place.samples if s.tile.z == z) for z in zooms}
    seen = len(half) * 256**2
    assert all(known == pytest.approx(seen, rel=0.02) for known in by_zoom.values())
    assert balanced(place).share > 1.5


def test_tiles_of_a_large_place_are_neighbours() -> None:
    tiles = [TileAddress(17, x, y) for x in range(100, 130) for y in range(200, 230)]

    some = nearest_tiles(tiles, 25)

    assert len(some) == 25
    assert max(tile.x for tile in some) - min(tile.x for tile in some) <= 6
    assert nearest_tiles(tiles[:3], 25) == tiles[:3]


@pytest.mark.parametrize(("right", "down"), [(3, -2), (0, 4), (-5, 0)])
def test_labels_that_are_off_are_moved_to_what_is_seen(right: int, down: int) -> None:
    ids = np.zeros((1, SIDE, SIDE), np.int32)
    ids[0, 20:34, 15:30], ids[0, 40:52, 36:54] = 1, 2
    seen = np.roll(ids[0] > 0, (down, right), (0, 1)).astype(np.float32) * 0.9
    known = np.ones_like(ids, bool)

    assert best_shift(seen, ids[0] > 0, known[0], 6) == (right, down)
    batch = CropBatch(np.zeros((1, SIDE, SIDE, 3), np.uint8), ids, known, np.stack([outlines_of(ids[0])]),
                      np.zeros_like(known), np.array([0.3], np.float32))  # fmt: skip
    moved = aligned(batch, seen[None], 2.0)
    assert np.array_equal(moved.ids[0] > 0, seen > 0.5)
    assert moved.known.sum() == (SIDE - abs(right)) * (SIDE - abs(down))


def test_a_shift_beyond_the_limit_or_of_no_use_moves_nothing() -> None:
    drawn = np.zeros((SIDE, SIDE), bool)
    drawn[20:34, 15:30] = True
    known = np.ones_like(drawn)

    assert best_shift(drawn.astype(np.float32), drawn, known, 4) == (0, 0)
    assert best_shift(drawn.astype(np.float32), drawn, known, 0) == (0, 0)
    assert best_shift(drawn.astype(np.float32), np.zeros_like(drawn), known, 4) == (0, 0)


def test_weather_keeps_size_and_kind() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    made = [weathered(image, rng) for _ in range(30)]

    assert all(one.shape == image.shape and one.dtype == np.uint8 for one in made)
    assert len({one.tobytes() for one in made}) > 10


def test_what_is_learnt_on_places_tells_buildings_of_another(tmp_path: Path) -> None:
    import torch

    network = train_on_places([made_place(0, 11), made_place(1, 900)], QUICK, run_dir=tmp_path)
    other = made_place(2, 5000)
    images = np.stack([sample.image for sample in other.samples])
    with torch.no_grad():
        said = torch.sigmoid(network(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255))[:, 0].numpy()
    drawn = np.stack([sample.ids > 0 for sample in other.samples])

    assert said[drawn].mean() > said[~drawn].mean() + 0.3
