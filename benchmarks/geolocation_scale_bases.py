"""Bases, queries and simulated bases of `geolocation_scale.py`; what is simulated, and how, stands there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
from affine import Affine

from benchmarks.common import data_folder
from mlcore.geolocation.bases import Base, BaseGrid, BaseSource, JoinedBases, PictureBases, RasterBases
from mlcore.geolocation.cutting import open_sheet, read_onto
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.database_files import create
from mlcore.geolocation.shards import Row, write_shard

HELD_OUT = ("banepa", "dhaka", "nacala", "bakerlake")
SIDE, METRES, SEED, SHARD = 1024, 0.5, 0, 256


def real_bases() -> BaseSource:
    """Bases of every real place, 1 m for those that are no sharper, and some of UC Merced's pictures."""
    folder = data_folder()
    sources: list[BaseSource] = []
    massachusetts = sorted((folder / "massachusetts").glob("*.tif"))[::3]
    for path in [
        *(path for path in sorted(folder.glob("*/*.tif")) if path.parent.name != "massachusetts"),
        *massachusetts,
    ]:
        metres = 1.0 if path.parent.name == "massachusetts" else METRES
        sources.append(RasterBases(path, BaseGrid(SIDE, 0.1, metres), f"{path.parent.name}/{path.stem}"))
    sources.append(PictureBases(sorted((folder / "ucmerced").glob("*/*[05]0.jpg")), folder))
    return JoinedBases(sources)


def drawn(count: int) -> Iterator[tuple[np.ndarray, np.ndarray, str, np.ndarray]]:
    """Queries with the name of their place and their middle in EPSG:3857."""
    rng = np.random.default_rng(SEED)
    sheets = [
        (path.parent.name, open_sheet(path))
        for name in HELD_OUT
        for path in sorted((data_folder() / name).glob("*.tif"))
    ]
    found = 0
    while found < count:
        # three in four of Banepa, which is larger than the others together
        place, sheet = sheets[0] if rng.random() < 0.75 else sheets[int(rng.integers(1, len(sheets)))]
        side, scale, angle = (
            int(rng.integers(500, 901)),
            float(np.exp(rng.uniform(np.log(0.5), np.log(2)))),
            rng.uniform(0, 360),
        )
        middle = sheet.to_mercator(rng.uniform(0.1, 0.9, (1, 2)) * (sheet.width, sheet.height))[0]
        cell = METRES / scale / np.cos(2 * np.arctan(np.exp(middle[1] / 6378137.0)) - np.pi / 2)
        turned = Affine.translation(*middle) @ Affine.rotation(angle) @ Affine.scale(cell, -cell)
        rgb, valid = read_onto(sheet, turned @ Affine.translation(-side / 2, -side / 2), side, side)
        if valid.mean() < 0.7:
            continue
        found += 1
        lit = np.float32(rgb) * rng.uniform(0.8, 1.2, 3) + rng.uniform(-15, 15)
        lit = cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.3, 1.0)) + rng.normal(0, 3, rgb.shape)
        yield np.where(valid[..., None], np.clip(lit, 0, 255), 0).astype(np.uint8), valid, place, middle


def right_bases(database: FeatureDatabase, place: str, middle: np.ndarray) -> set[int]:
    """Numbers of the bases that hold a place."""
    a, _, c, _, e, f = database.transforms.T
    height, width = database.sizes.T
    with np.errstate(invalid="ignore"):
        x, y = (middle[0] - c) / a, (middle[1] - f) / e
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return {int(number) for number in database.numbers[inside]}


def grown(real: FeatureDatabase, folder: Path, count: int) -> FeatureDatabase:
    """A database of so many large bases: the real ones, then simulated ones."""
    if (folder / "manifest.json").exists() and len(FeatureDatabase.open(folder)) == count:
        return FeatureDatabase.open(folder)
    folder.mkdir(parents=True)
    create(folder, real.model, asdict(replace(real.settings, cells=1)))
    rng = np.random.default_rng(SEED)
    large = [int(number) for number, size in zip(real.numbers, real.sizes, strict=True) if size.min() >= SIDE]
    for start in range(0, count, SHARD):
        rows = []
        for number in range(start, min(start + SHARD, count)):
            features = real.features(large[number % len(large)])
            tokens = features.coarse.astype(np.float32)
            if number >= len(large):
                tokens = np.rot90(tokens, int(rng.integers(4)), axes=(0, 1))
                tokens = tokens[::-1] if rng.random() < 0.5 else tokens
                tokens = np.roll(tokens, rng.integers(0, tokens.shape[0], 2), axis=(0, 1))
                tokens = tokens + rng.normal(0, 0.3 / np.sqrt(tokens.shape[2]), tokens.shape)
                tokens /= np.maximum(np.linalg.norm(tokens, axis=2, keepdims=True), 1e-6)
            descriptor = features.descriptor if number < len(large) else simulated(features.descriptor[None], 1, rng)[0]
            base = Base(f"grown/{number}", None, SIDE, SIDE, "simulated")
            rows.append(Row(number, base, tokens, features.valid, features.scale, descriptor[None]))
        write_shard(folder / "shards", start // SHARD + 1, rows)
    return FeatureDatabase.open(folder)


def simulated(real: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, D) unit descriptors: sums of two real ones with random weights, and noise as long as these are apart."""
    if len(real) > 1:
        some = real[rng.choice(len(real), min(len(real), 500), replace=False)]
        like = some @ real.T
        like[like > 0.99999] = -1
        apart = float(np.median(np.sqrt(np.maximum(0, 2 - 2 * like.max(axis=1)))))
    else:
        apart = 0.3
    share = rng.random((count, 1), np.float32)
    one, other = (real[rng.integers(0, len(real), count)] for _ in range(2))
    made = share * one + (1 - share) * other
    made += rng.normal(0, apart / np.sqrt(real.shape[1]), made.shape).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return np.asarray(made, np.float32)
