"""Locating: the right base and place, priors that help and never mislead, "not here", and flights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from affine import Affine

from mlcore.errors import InvalidInputError, OtherModelError
from mlcore.geolocation.bases import Base
from mlcore.geolocation.config import GeolocationConfig
from mlcore.geolocation.flight import Frame, best_chain, expected_place
from mlcore.geolocation.index import DescriptorIndex
from mlcore.geolocation.locator import Locator, LocatorSettings
from mlcore.geolocation.model import LocatorModel
from mlcore.geolocation.placement import Placement, Prior, View
from mlcore.geolocation.placing import Fit
from mlcore.geolocation.upkeep import build
from mlcore.geometry.webmercator import WORLD_M, mercator_to_lonlat
from tests.mlcore.geolocation.grounds import seen, similarity, texture
from tests.mlcore.geolocation.stand_in import StandIn, place_by_sift

SIDE, STEP, CELL = 512, 384, 0.5
LAND = texture(5, SIDE, SIDE + 5 * STEP)
WEST = 4_000_000.0


class Land:
    """Six overlapping bases of one strip of land, and a twin of the last, far away: the same pixels elsewhere."""

    def __iter__(self) -> Iterator[Base]:
        for number in range(6):
            yield Base(f"land/{number}", Affine(CELL, 0, WEST + number * STEP * CELL, 0, -CELL, 0), SIDE, SIDE, "x")
        yield Base("twin/5", Affine(CELL, 0, WEST + 100_000, 0, -CELL, 0), SIDE, SIDE, "x")
        yield Base("picture.jpg", None, SIDE, SIDE, "x")

    def __len__(self) -> int:
        return 8

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        if base.transform is None:
            return texture(77), np.ones((SIDE, SIDE), bool)
        number = int(base.name.split("/")[1])
        return LAND[:, number * STEP : number * STEP + SIDE], np.ones((SIDE, SIDE), bool)


class Noting(Land):
    """Land that notes which bases' pixels were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(base.name)
        return super().read(base)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory):
    return build(Land(), StandIn(), tmp_path_factory.mktemp("land") / "db")


@pytest.fixture
def locator(database) -> Locator:
    return Locator(StandIn(), database, Noting(), place=place_by_sift)


def shot(
    x: float, y: float = 256, angle: float = 0, scale: float = 1.0, side: int = 300
) -> tuple[np.ndarray, np.ndarray]:
    """What is seen around a pixel of the land, and the homography to its pixels."""
    matrix = similarity(angle, scale, (x, y), side, side)
    return seen(LAND, matrix, side, side), matrix


def lonlat(x: float, y: float = 256) -> tuple[float, float]:
    lon, lat = mercator_to_lonlat(np.array([WEST + x * CELL, -y * CELL]))
    return float(lon), float(lat)


def off_px(found: Placement, matrix: np.ndarray) -> float:
    """How far corners lie from where they should, in pixels of the land."""
    corners = np.array([(0, 0), (300, 0), (300, 300), (0, 300)], float)
    there = (found.base.to_mercator(moved(found.fit.homography, corners)) - (WEST, 0)) / (CELL, -CELL)
    return float(np.abs(there - moved(matrix, corners)).max())


def moved(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    there = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    return there[:, :2] / there[:, 2:]


@pytest.mark.parametrize(("angle", "scale"), [(0, 1.0), (35, 1.0), (200, 0.8)])
def test_a_picture_is_found_where_it_was_cut(locator: Locator, angle: float, scale: float) -> None:
    rgb, matrix = shot(STEP + 230, 250, angle, scale)
    found = locator.locate(rgb)
    assert locator.is_here(found) and off_px(found[0], matrix) < 1
    assert found[0].resolution_m == pytest.approx(CELL * scale, rel=0.01)
    assert abs((found[0].heading_deg - angle + 180) % 360 - 180) < 0.5
    assert found[0].centre_lonlat == pytest.approx(lonlat(STEP + 230, 250), abs=2e-5)
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)


def test_a_picture_of_another_place_is_not_here_and_that_is_an_answer(locator: Locator) -> None:
    found = locator.locate(texture(99, 300, 300))
    assert not locator.is_here(found) and all(one.probability < locator.threshold for one in found)


def test_a_convincing_placement_ends_the_work_unless_all_are_asked_for(locator: Locator) -> None:
    rgb, _ = shot(STEP + 250)
    assert len(locator.locate(rgb)) == 1 and len(locator.source.asked) == 1
    locator.source.asked.clear()
    locator.locate(rgb, thorough=True)
    assert len(locator.source.asked) == 5


def test_the_right_prior_tells_twins_apart(locator: Locator) -> None:
    rgb, _ = shot(5 * STEP + 250)
    names = {one.base.name for one in locator.locate(rgb, thorough=True)}
    assert {"land/5", "twin/5"} <= names
    for east, name in ((0.0, "land/5"), (100_000.0, "twin/5")):
        lon, lat = mercator_to_lonlat(np.array([WEST + east + (5 * STEP * (east == 0) + 250) * CELL, -128.0]))
        found = locator.locate(rgb, prior=Prior(float(lon), float(lat), 150.0))
        assert found[0].base.name == name


def test_a_prior_bounds_what_is_compared(locator: Locator) -> None:
    rgb, _ = shot(STEP + 250)
    locator.locate(rgb, prior=Prior(*lonlat(STEP + 250), 20.0))
    assert set(locator.source.asked) <= {"land/0", "land/1", "land/2"}


@pytest.mark.parametrize(
    "wrong",
    [
        Prior(*lonlat(5 * STEP + 400), 50.0),
        Prior(-70.0, -30.0, 500.0),
        Prior(*lonlat(STEP + 250), 40.0, heading_deg=140.0),
        Prior(*lonlat(STEP + 250), 40.0, ground_resolution_m=4.0),
        Prior(0.0, 89.0, 10.0, 10.0, 0.01),
    ],
)
def test_a_wrong_prior_does_not_lose_the_right_answer(locator: Locator, wrong: Prior) -> None:
    rgb, matrix = shot(STEP + 250, angle=10)
    found = locator.locate(rgb, prior=wrong)
    assert locator.is_here(found) and off_px(found[0], matrix) < 1


def test_heading_and_resolution_of_a_prior_turn_and_scale_the_picture_and_the_fit_comes_back(locator: Locator) -> None:
    rgb, matrix = shot(STEP + 250, angle=70, scale=0.6)
    found = locator.locate(
        rgb, prior=Prior(*lonlat(STEP + 250), 40.0, heading_deg=70.0, ground_resolution_m=CELL * 0.6)
    )
    assert off_px(found[0], matrix) < 1
    assert np.abs(moved(found[0].fit.homography, found[0].fit.points_query) - found[0].fit.points_base).mean() < 1.5


def test_bases_that_may_not_be_found_are_not_even_compared(locator: Locator, database) -> None:
    rgb, _ = shot(5 * STEP + 250)
    for one in (locator, Locator(StandIn(), database, Noting(), DescriptorIndex.update(database),
                                 LocatorSettings(exhaustive=0, proposals=3), place=place_by_sift)):  # fmt: skip
        found = one.locate(rgb, allowed=lambda name: name.startswith("twin/"), thorough=True)
        assert [placement.base.name for placement in found] == ["twin/5"] and set(one.source.asked) == {"twin/5"}
        assert one.locate(rgb, allowed=lambda name: False) == []
        prior = Prior(*lonlat(5 * STEP + 250), 100.0)
        assert [p.base.name for p in one.locate(rgb, prior=prior, allowed=lambda n: n == "twin/5")] == ["twin/5"]


def test_two_levels_find_what_one_level_finds(locator: Locator, database) -> None:
    rgb, matrix = shot(3 * STEP + 250)
    quick = Locator(
        StandIn(), database, Land(), DescriptorIndex.update(database), LocatorSettings(exhaustive=2, proposals=5),
        place=place_by_sift,
    )  # fmt: skip
    assert off_px(quick.locate(rgb)[0], matrix) < 1


def test_frames_of_a_flight_place_each_other(locator: Locator) -> None:
    shots = [shot(5 * STEP - 300 + 150 * number, 256) for number in range(4)]
    frames = [Frame(rgb) for rgb, _ in shots]
    blurred = np.full_like(shots[1][0], 128)
    blurred[100:200, 100:200] = shots[1][0][100:200, 100:200]
    frames[1] = Frame(blurred)
    alone = locator.locate(frames[3].rgb, thorough=True)
    assert {one.base.name for one in alone} >= {"land/5", "twin/5"}

    placed = locator.locate_flight(frames)

    assert len(placed) == 4
    for number in (0, 2, 3):
        assert off_px(placed[number][0], shots[number][1]) < 1, number
    sure = next(one for one in alone if one.base.name == "land/5").probability
    assert placed[3][0].base.name.startswith("land/") and placed[3][0].probability >= sure
    if locator.is_here(placed[1]):
        assert off_px(placed[1][0], shots[1][1]) < 3


def placement(x: float, probability: float, resolution: float = 0.5, name: str = "b") -> Placement:
    base = Base(name, Affine(CELL, 0, x, 0, -CELL, 0), 4000, 4000)
    matrix = np.diag([resolution / CELL, resolution / CELL, 1.0])
    here = Fit(matrix, np.eye(8), np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), -20.0)
    return Placement(base, here, 1.0, probability, -20.0, (200, 200))


def test_the_consistent_chain_wins_over_a_surer_stranger() -> None:
    right = [placement(80.0 * number, 0.7) for number in range(5)]
    found = [[one] for one in right]
    found[2] = [placement(500_000.0, 0.95), right[2]]
    found[3] = [placement(240.0, 0.9, resolution=2.0), right[3]]
    assert best_chain(found) == dict(enumerate(right))
    assert best_chain([[], []]) == {} and best_chain([[placement(0, 0.2)]]) == {}


def test_a_frame_without_a_place_is_expected_between_its_neighbours() -> None:
    chain = {0: placement(WORLD_M / 2 - 60, 0.9), 2: placement(-WORLD_M / 2 + 20, 0.9)}
    prior = expected_place(1, chain)
    middle = (WORLD_M / 2 - 60 + 50 + 40) - WORLD_M / 2
    assert abs((prior.lon - math.degrees(middle / 6378137.0) + 180 + 180) % 360 - 180) < 1e-6
    assert prior.ground_resolution_m == pytest.approx(0.5) and prior.radius_m > 100
    assert expected_place(40, chain) is None


def test_what_is_no_picture_is_refused(locator: Locator) -> None:
    with pytest.raises(InvalidInputError, match="blank"):
        locator.locate(np.zeros((300, 300, 3), np.uint8))
    with pytest.raises(InvalidInputError, match="uint8"):
        locator.locate(np.zeros((300, 300), np.uint8))
    with pytest.raises(InvalidInputError, match="valid must be"):
        locator.locate(texture(1), np.ones((3, 3), bool))
    with pytest.raises(InvalidInputError, match="radius"):
        Prior(0, 0, -1)
    with pytest.raises(InvalidInputError, match="latitude"):
        Prior(float("nan"), 0, 1)


def test_a_database_of_another_model_is_refused(database) -> None:
    with pytest.raises(OtherModelError, match="another folder"):
        Locator(StandIn("c" * 64), database, Land())


def test_the_real_model_builds_searches_and_answers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = LocatorModel(GeolocationConfig.preset("tiny"))
    model.start()
    model.eval()
    database = build(Land(), model, tmp_path / "db")
    found = database.features(int(database.numbers[2]))
    expected = model.features(*Land().read(database.base(int(database.numbers[2]))), role="base")
    assert np.array_equal(found.coarse, expected.coarse.astype(np.float16)) and found.scale == expected.scale
    placed = Locator(model, database, Land()).locate(shot(STEP + 250)[0])
    assert all(0 <= one.probability <= 1 for one in placed)
    assert View.plain(*Land().read(database.base(0))).size == (SIDE, SIDE)
