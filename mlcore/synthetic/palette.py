"""Light, season and colours of a place, all from one seed: the same town seed always looks the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# Classes of ground. Lawns, soils and fields have a run of variants so that neighbouring parcels differ.
VERGE, ASPHALT, PAVEMENT, CONCRETE, GRAVEL, BARE, WATER, BANK, WOOD, BALLAST, PARKING, SPORT = range(12)
LAWN, FIELD, YARD, DRIVE = 16, 40, 64, 80
LAWNS, FIELDS, YARDS, DRIVES = 24, 24, 16, 8


@dataclass(frozen=True)
class Look:
    """How a place appears at one date.

    Attributes:
        sun_xy: unit vector on the ground in which shadows fall (x east, y south).
        shadow_length: metres of shadow per metre of height.
        view_xy: metres by which a roof moves per metre of height (relief displacement).
        base: (256, 3) float32 RGB of each ground class.
        clump, patch, grain: (256,) strength of each texture per class, in grey levels per deviation.
        drift: (256, 3) colour direction of the patchy variation.
        gain, haze: colour balance (3,) and veil of the air at this date.
        roofs: (n, 3) pitched roof colours; flats: (n, 3) flat roof colours.
        trees: (n, 3) crown colours.
    """

    sun_xy: tuple[float, float]
    shadow_length: float
    view_xy: tuple[float, float]
    base: np.ndarray
    clump: np.ndarray
    patch: np.ndarray
    grain: np.ndarray
    drift: np.ndarray
    roofs: np.ndarray
    flats: np.ndarray
    trees: np.ndarray
    gain: np.ndarray
    haze: float


ROOF_FAMILIES = (
    ((168, 98, 74), (150, 86, 66), (178, 112, 88), (134, 80, 64), (112, 104, 100), (92, 90, 92)),
    ((104, 102, 104), (126, 122, 118), (88, 84, 84), (146, 138, 128), (120, 100, 88), (72, 74, 80)),
    ((186, 130, 96), (168, 112, 80), (196, 150, 116), (150, 96, 70), (160, 140, 120), (128, 84, 66)),
)
FLAT_COLOURS = ((176, 174, 170), (150, 148, 146), (122, 122, 124), (204, 202, 196), (160, 152, 138), (104, 106, 110))
SEASONS = (  # lawn, dry lawn, tree, soil
    ((98, 116, 66), (138, 134, 92), (56, 80, 42), (158, 136, 108)),
    ((112, 118, 74), (164, 150, 110), (74, 88, 50), (178, 152, 118)),
    ((86, 108, 62), (120, 122, 80), (44, 70, 40), (136, 116, 92)),
)


def make_look(seed: int, date: int) -> Look:
    """Look of place `seed` at `date` (0 earlier, 1 now): the palette belongs to the place, the light to the date."""
    place = np.random.default_rng([seed, 7])
    light = np.random.default_rng([seed, 11, date])
    azimuth = math.radians(light.uniform(-50, 50))
    lean = light.uniform(0, 2 * math.pi)
    tilt = light.uniform(0.04, 0.16)
    lawn, dry, tree, soil = SEASONS[int(place.integers(len(SEASONS)))]
    base, clump, patch, grain, drift = _ground_tables(place, np.array(lawn), np.array(dry), np.array(soil))
    trees = np.clip(np.array(tree) + place.normal(0, 9, (12, 1)) + place.normal(0, 5, (12, 3)), 20, 160)
    return Look(
        sun_xy=(math.sin(azimuth), -math.cos(azimuth)),
        shadow_length=float(light.uniform(0.6, 1.15)),
        view_xy=(tilt * math.cos(lean), tilt * math.sin(lean)),
        base=base, clump=clump, patch=patch, grain=grain, drift=drift,
        roofs=np.array(ROOF_FAMILIES[int(place.integers(len(ROOF_FAMILIES)))], dtype=np.float32),
        flats=np.array(FLAT_COLOURS, dtype=np.float32),
        trees=trees.astype(np.float32),
        gain=light.uniform(0.95, 1.05) * light.normal(1, 0.012, 3),
        haze=float(light.uniform(0.0, 0.07)),
    )  # fmt: skip


def _ground_tables(
    rng: np.random.Generator, lawn: np.ndarray, dry: np.ndarray, soil: np.ndarray
) -> tuple[np.ndarray, ...]:
    base = np.tile(np.array(lawn, dtype=np.float32), (256, 1))
    clump, patch, grain = (np.full(256, v, dtype=np.float32) for v in (6, 7, 5))
    drift = np.tile(((dry - lawn) / 28.0).astype(np.float32), (256, 1))
    base[VERGE] = 0.6 * lawn + 0.4 * dry
    asphalt = rng.uniform(98, 128)
    greys = {ASPHALT: asphalt, PAVEMENT: asphalt + 42, CONCRETE: 168, GRAVEL: 158, PARKING: asphalt - 6, BALLAST: 122}
    for ground, value in greys.items():
        warm = {GRAVEL: 9, BALLAST: 8, CONCRETE: 4}.get(ground, 2)
        base[ground] = (value + warm, value + warm * 0.4, value - warm)
        clump[ground], patch[ground], grain[ground], drift[ground] = 1.8, 3.5, 3.5, 1.0
    clump[BALLAST] = clump[GRAVEL] = 5
    base[WATER] = np.array([58, 76, 74]) + rng.normal(0, 6, 3)
    clump[WATER], patch[WATER], grain[WATER], drift[WATER] = 0.8, 2.5, 1.5, 1.0
    base[BARE], clump[BARE], patch[BARE], grain[BARE], drift[BARE] = soil, 6, 10, 5, 1.0
    base[BANK], clump[BANK], patch[BANK] = lawn * 0.6 + soil * 0.22, 10, 12
    base[WOOD], clump[WOOD], patch[WOOD] = lawn * 0.62, 9, 6
    base[SPORT], clump[SPORT], patch[SPORT] = (96, 132, 70), 2, 4
    for i in range(LAWNS):
        mix = rng.beta(1.3, 1.8)
        base[LAWN + i] = (lawn * (1 - mix) + dry * mix) * rng.uniform(0.88, 1.1)
        clump[LAWN + i], patch[LAWN + i] = rng.uniform(3, 9), rng.uniform(4, 10)
    crops = (lawn * 1.1, dry * 1.1, soil, soil * 0.85, dry * 1.25, lawn * 0.85)
    for i in range(FIELDS):
        base[FIELD + i] = crops[i % len(crops)] * rng.uniform(0.9, 1.08)
        clump[FIELD + i], patch[FIELD + i], drift[FIELD + i] = 3, 6, 1.0
    for i in range(YARDS):
        mix = rng.uniform(0.2, 0.9)
        base[YARD + i] = soil * mix + (1 - mix) * np.array([158, 154, 148])
        clump[YARD + i], patch[YARD + i], drift[YARD + i] = 4, 8, 1.0
    for i in range(DRIVES):
        base[DRIVE + i] = np.array([160, 154, 146]) * rng.uniform(0.72, 1.12) + rng.normal(0, 5, 3)
        clump[DRIVE + i], patch[DRIVE + i], drift[DRIVE + i] = 2, 3, 1.0
    return base, clump, patch, grain, drift
