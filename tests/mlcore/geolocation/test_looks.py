"""Other looks at a picture: what they show lies where they say, and together they find what one look misses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlcore.geolocation.database import DatabaseSettings
from mlcore.geolocation.features import PictureFeatures
from mlcore.geolocation.locator import Locator, LocatorSettings
from mlcore.geolocation.looks import Look, joined_matches, other_looks, summed_scores
from mlcore.geolocation.search import ranked_again
from mlcore.geolocation.upkeep import build
from tests.mlcore.geolocation.grounds import texture
from tests.mlcore.geolocation.stand_in import StandIn, place_by_sift
from tests.mlcore.geolocation.test_database import MadeBases


class Keeps(StandIn):
    """Keeps what it is shown."""

    def features(self, rgb: np.ndarray, valid: np.ndarray, *, role: str) -> PictureFeatures:
        self.__dict__.setdefault("shown", []).append((rgb, valid))
        return super().features(rgb, valid, role=role)


class Blinking(StandIn):
    """Sees nothing but noise at the first look at a query."""

    def features(self, rgb: np.ndarray, valid: np.ndarray, *, role: str) -> PictureFeatures:
        first = role == "query" and "query" not in self.seen
        found = super().features(rgb, valid, role=role)
        if not first:
            return found
        noise = np.random.default_rng(0).normal(size=found.coarse.shape).astype(np.float32)
        noise /= np.linalg.norm(noise, axis=2, keepdims=True)
        return PictureFeatures(noise, found.valid, found.scale, found.descriptor)


def test_what_a_look_shows_lies_where_it_says() -> None:
    picture = np.zeros((160, 230, 3), np.uint8)
    picture[40:50, 170:190] = 255
    model = Keeps()

    looks = other_looks(model, picture, np.ones(picture.shape[:2], bool))

    assert len(looks) == 10
    for look, (rgb, valid) in zip(looks, model.shown, strict=True):
        rows, columns = np.nonzero(rgb[..., 0] > 127)
        middle = np.array([columns.mean() + 0.5, rows.mean() + 0.5, 1.0])
        assert np.allclose((look.back @ middle)[:2], [180, 45], atol=0.6)
        assert valid.sum() == pytest.approx(160 * 230, rel=0.02) and not rgb[~valid].any()


def test_looks_are_added_up_and_rank_bases_together(tmp_path: Path) -> None:
    model = StandIn()
    database = build(MadeBases(12), model, tmp_path / "db", settings=DatabaseSettings(cells=1, shard_bases=5))
    picture = texture(3, 128, 128)
    seen = np.ones((128, 128), bool)
    looks = [Look(model.features(picture, seen, role="query"), np.eye(3)), *other_looks(model, picture, seen)]
    block = next(database.blocks(5))

    scores = summed_scores(model, looks, block.tokens, block.valid)
    ranking = ranked_again(model, database, looks, database.numbers)

    assert np.allclose(scores, sum(model.compare_many(look.features, block.tokens, block.valid) for look in looks))
    one_by_one = {
        int(number): sum(model.compare(look.features, database.features(int(number))).score for look in looks)
        for number in database.numbers
    }
    assert list(ranking.numbers) == sorted(one_by_one, key=lambda number: (-one_by_one[number], number))
    assert joined_matches(model, looks, database.features(0)).score == pytest.approx(one_by_one[0])


def test_what_one_look_misses_is_found_by_the_others(tmp_path: Path) -> None:
    source = MadeBases(40)
    database = build(source, Blinking(), tmp_path / "db", settings=DatabaseSettings(cells=1))
    rgb, valid = source.read(database.base(17))

    def found(again: int) -> list[str]:
        settings = LocatorSettings(placed=1, again=again, placed_again=3)
        locator = Locator(Blinking(), database, source, settings=settings, place=place_by_sift)
        return [one.base.name for one in locator.locate(rgb[10:, 5:], valid[10:, 5:])]

    assert found(0) == [] and found(40)[0] == "made/17"
