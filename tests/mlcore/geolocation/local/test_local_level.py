"""The level of local features: it finds bases, keeps up with its database, and is whole however it was stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from mlcore.errors import FeatureDatabaseError, StoppedError
from mlcore.geolocation.bases import Base
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.local.level import LocalLevel, damage_of, open_where_there, repair_points
from mlcore.geolocation.local.store import BLOCKS, FOLDER, LocalSettings
from mlcore.geolocation.locator import Locator, LocatorSettings
from mlcore.geolocation.upkeep import build, remove
from tests.mlcore.geolocation.grounds import seen, similarity, texture
from tests.mlcore.geolocation.stand_in import StandIn, place_by_sift

SIDE = 384


class Grounds:
    """Pictures of made ground."""

    def __init__(self, count: int, first: int = 0) -> None:
        self.numbers = range(first, first + count)

    def __iter__(self) -> Iterator[Base]:
        return (Base(f"ground/{number}", None, SIDE, SIDE, "x") for number in self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        return texture(1000 + int(base.name.split("/")[1]), SIDE, SIDE), np.ones((SIDE, SIDE), bool)


class StopsAfter:
    """Asks to stop after so many reports."""

    def __init__(self, count: int) -> None:
        self.left = count

    def report(self, fraction: float, message: str = "", figures: object = None) -> None:
        self.left -= 1

    def should_stop(self) -> bool:
        return self.left <= 0


SMALL = LocalSettings(block_bases=3, least=100, most=250)


@pytest.fixture
def database(tmp_path: Path) -> FeatureDatabase:
    return build(Grounds(8), StandIn(), tmp_path / "db")


def shot(number: int, angle: float = 40.0, scale: float = 0.9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    matrix = similarity(angle, scale, (190, 200), 240, 240)
    rgb = seen(texture(1000 + number, SIDE, SIDE), matrix, 240, 240)
    return rgb, np.ones((240, 240), bool), matrix


def test_points_find_the_base_and_where_on_it(database: FeatureDatabase) -> None:
    level = LocalLevel.update(database, Grounds(8), settings=SMALL)
    rgb, valid, matrix = shot(5)
    found = level.find(rgb, valid).matches
    assert database.base(found[0].number).name == "ground/5" and found[0].log10_nfa < -20
    assert all(one.log10_nfa > -6 for one in found[1:])
    middle = found[0].matrix @ (120, 120, 1)
    assert np.allclose(middle[:2] / middle[2], (matrix @ (120, 120, 1))[:2], atol=1.5)


def test_a_strange_picture_and_a_flat_one_find_nothing(database: FeatureDatabase) -> None:
    level = LocalLevel.update(database, Grounds(8), settings=SMALL)
    assert all(one.log10_nfa > -6 for one in level.find(texture(7, 240, 240), np.ones((240, 240), bool)).matches)
    nothing = level.find(np.full((240, 240, 3), 80, np.uint8), np.ones((240, 240), bool))
    assert nothing.matches == [] and nothing.digits == 0 and not nothing.telling


def test_only_allowed_bases_are_found(database: FeatureDatabase) -> None:
    level = LocalLevel.update(database, Grounds(8), settings=SMALL)
    rgb, valid, _ = shot(5)
    among = database.numbers[[index for index, name in enumerate(database.names) if name != "ground/5"]]
    assert 5 not in {
        int(database.base(one.number).name.split("/")[1]) for one in level.find(rgb, valid, among=among).matches
    }


def test_it_keeps_up_with_its_database(database: FeatureDatabase) -> None:
    LocalLevel.update(database, Grounds(8), settings=SMALL)
    rgb, valid, _ = shot(11)
    more = build(Grounds(12), StandIn(), database.folder)
    level = LocalLevel.update(more, Grounds(12))
    assert more.base(level.find(rgb, valid).matches[0].number).name == "ground/11" and level.store.settings == SMALL

    fewer = remove(database.folder, ["ground/11"])
    behind = LocalLevel.open(fewer)
    assert all(one.log10_nfa > -6 for one in behind.find(rgb, valid).matches)
    remove(database.folder, [f"ground/{number}" for number in range(6)])
    left = LocalLevel.update(FeatureDatabase.open(database.folder), Grounds(12))
    assert set(left.index.numbers) == set(left.database.numbers)


def test_stopped_and_gone_on_with_it_is_as_if_it_never_was(database: FeatureDatabase, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        LocalLevel.update(database, Grounds(8), StopsAfter(4), settings=SMALL)
    kept = len(list((database.folder / FOLDER / BLOCKS).iterdir()))
    assert kept > 0 and not (database.folder / FOLDER / "index").exists()
    level = LocalLevel.update(database, Grounds(8))

    straight = build(Grounds(8), StandIn(), tmp_path / "other")
    other = LocalLevel.update(straight, Grounds(8), settings=SMALL)
    for number in database.numbers.tolist():
        one, two = level.store.features(number), other.store.features(number)
        assert np.array_equal(one.points, two.points) and np.array_equal(one.words, two.words)
    rgb, valid, _ = shot(5)
    assert [each.number for each in level.find(rgb, valid).matches] == [
        each.number for each in other.find(rgb, valid).matches
    ]


def test_what_is_damaged_is_named_and_made_again(database: FeatureDatabase) -> None:
    level = LocalLevel.update(database, Grounds(8), settings=SMALL)
    before = level.store.features(4).words
    words = database.folder / FOLDER / BLOCKS / "000002" / "words.npy"
    content = bytearray(words.read_bytes())
    content[-1] ^= 255
    words.write_bytes(bytes(content))
    assert damage_of(database) == ["block 000002 of local features is damaged (words.npy holds other bytes)"]
    assert repair_points(database.folder) and not damage_of(database)
    assert np.array_equal(LocalLevel.update(database, Grounds(8)).store.features(4).words, before)

    words = next((database.folder / FOLDER / BLOCKS).glob("*/words.npy"))
    words.write_bytes(words.read_bytes()[:-9])
    with pytest.raises(FeatureDatabaseError, match="block 000"):
        LocalLevel.open(database)
    shutil.rmtree(database.folder / FOLDER)
    assert open_where_there(database) is None and damage_of(database) == []
    with pytest.raises(FeatureDatabaseError, match="--local-features"):
        LocalLevel.open(database)


def test_bases_without_detail_make_a_level_that_finds_nothing(tmp_path: Path) -> None:
    class Flat(Grounds):
        def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
            return np.full((SIDE, SIDE, 3), 40, np.uint8), np.ones((SIDE, SIDE), bool)

    database = build(Flat(2), StandIn(), tmp_path / "db")
    level = LocalLevel.update(database, Flat(2))
    rgb, valid, _ = shot(3)
    assert level.find(rgb, valid).matches == []
    more = build(Grounds(4, first=2), StandIn(), tmp_path / "db")
    assert more.base(LocalLevel.update(more, Grounds(4, first=2)).find(rgb, valid).matches[0].number).name == "ground/3"


def test_a_picture_with_points_is_placed_before_its_tokens_are_asked(database: FeatureDatabase) -> None:
    level, model = LocalLevel.update(database, Grounds(8), settings=SMALL), StandIn()
    locator = Locator(model, database, Grounds(8), place=place_by_sift, local=level)
    rgb, _, matrix = shot(5)
    found = locator.locate(rgb)
    assert found[0].base.name == "ground/5" and locator.is_here(found) and "query" not in model.seen
    assert found[0].evidence is not None and found[0].evidence.digits > 20
    middle = found[0].fit.homography @ (120, 120, 1)
    assert np.allclose(middle[:2] / middle[2], (matrix @ (120, 120, 1))[:2], atol=1.0)

    everything = locator.locate(rgb, thorough=True)
    assert "query" in model.seen and everything[0].base.name == "ground/5" and everything[0].score > 0


def test_a_picture_whose_points_are_blurred_away_is_found_by_its_tokens(database: FeatureDatabase) -> None:
    level, model = LocalLevel.update(database, Grounds(8), settings=SMALL), StandIn()
    rgb, valid, _ = shot(5, angle=0.0, scale=1.0)
    blurred = cv2.GaussianBlur(rgb, (0, 0), 20.0)
    assert all(one.log10_nfa > -6 for one in level.find(blurred, valid).matches)
    settings = LocatorSettings(again=0)
    with_points = Locator(model, database, Grounds(8), settings=settings, place=place_by_sift, local=level)
    alone = Locator(model, database, Grounds(8), settings=settings, place=place_by_sift)
    ours, theirs = with_points.locate(blurred), alone.locate(blurred)
    assert "query" in model.seen and [one.base.name for one in ours] == [one.base.name for one in theirs]
