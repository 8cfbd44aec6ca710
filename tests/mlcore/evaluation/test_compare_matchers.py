"""Two matchers on blocks that neither learnt: what is measured, and what is said of the difference."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.correspondences.classical import ClassicalMatcher
from mlcore.correspondences.matches import Matches, no_matches
from mlcore.correspondences.verified import is_held_out
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.evaluation.compare import Figure
from mlcore.evaluation.compare_matchers import (
    MatcherSaid,
    Verified,
    blocks_of,
    compare_matchers,
    score_matcher,
)
from mlcore.geometry.transform import shift_of
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.progress import SilentProgress
from tests.mlcore.changes.made_place import houses, tiles_of, write_image

COLUMNS, ROWS = 6, 6
TRUTH = shift_of(4.0, -2.0)


class Knowing:
    """Answers every picture with one shift, in pixels of a block; None: never."""

    name = "knowing"

    def __init__(self, dx: float | None, dy: float = 0.0) -> None:
        self.dx, self.dy = dx, dy

    def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
        if self.dx is None:
            return no_matches(512.0**2)
        xy = np.stack(np.meshgrid(np.arange(20, 500, 40), np.arange(20, 500, 40)), -1).reshape(-1, 2).astype(float)
        return Matches(xy, xy + np.array([self.dx, self.dy]), np.ones(len(xy)), 512.0**2)


class Following:
    """Finds a map by the one that it saw first with the same image, and where that lies it was told."""

    name = "following"

    def __init__(self) -> None:
        self.sift, self.image, self.map = ClassicalMatcher("sift"), np.zeros(0), np.zeros(0)

    def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
        if not np.array_equal(image_rgb, self.image):
            self.image, self.map = image_rgb, map_rgb
        found = self.sift.match(map_rgb, self.map)
        return Matches(found.map_xy, found.image_xy + np.array([4.0, -2.0]), found.confidence, found.reach_px2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> PairSource:
    features = houses(COLUMNS, ROWS)
    image = write_image(tmp_path_factory.mktemp("place") / "image.tif", features, COLUMNS, ROWS)
    return PairSource(open_image(image), MapIndex(features), size_px=512)


def test_a_matcher_is_scored_tile_by_tile_and_by_the_map_of_another_block(source: PairSource) -> None:
    blocks = blocks_of([Verified(0, tile, TRUTH) for tile in tiles_of(COLUMNS, ROWS)])
    assert {tile for block in blocks for tile in (one.tile for one in block)} == set(tiles_of(COLUMNS, ROWS))

    right = score_matcher(Knowing(4.0, -2.0), [source], blocks, SilentProgress())
    off = score_matcher(Knowing(4.0, 1.0), [source], blocks, SilentProgress())
    silent = score_matcher(Knowing(None), [source], blocks, SilentProgress())

    assert [len(said.as_it_is) for said in right] == [len(block) for block in blocks]
    assert max(error for said in right for error in said.as_it_is if error is not None) < 1e-6
    assert all(error == pytest.approx(3.0) for said in off for error in said.as_it_is)
    assert min(error for said in right for error in said.moved if error is not None) > 1  # it did not follow the warp
    assert {error for said in silent for error in (*said.as_it_is, *said.moved)} == {None}
    tried = [said.elsewhere for said in right if said.elsewhere is not None]
    assert tried and all(tried) and {said.elsewhere for said in silent} <= {False, None}
    assert MatcherSaid.from_dict(right[0].to_dict()) == right[0]


def test_of_a_tile_larger_than_a_block_a_matcher_is_scored_on_the_ground_that_is_held_out(source: PairSource) -> None:
    tile = tiles_of(COLUMNS, ROWS)[-1].parent(2)
    ((part,),) = blocks_of([Verified(0, tile, shift_of(1.0, -0.5), "digest")])
    assert is_held_out(part.tile) and part.tile.parent(1) == tile and part.proposed_by == "digest"
    (right,) = score_matcher(Knowing(4.0, -2.0), [source], [[part]], SilentProgress())
    assert right.as_it_is == [pytest.approx(0.0, abs=1e-6)]
    assert right.resolution_m == part.tile.resolution_m(512)


def test_a_matcher_that_follows_the_moved_map_is_right_on_it(source: PairSource) -> None:
    blocks = blocks_of([Verified(0, tile, TRUTH) for tile in tiles_of(COLUMNS, ROWS)])
    said = score_matcher(Following(), [source], blocks, SilentProgress())
    errors = [error for one in said for error in one.moved if error is not None]
    assert len(errors) > 18 and np.median(errors) < 1


def test_a_stopped_scoring_says_so(source: PairSource) -> None:
    class Stopped(SilentProgress):
        def should_stop(self) -> bool:
            return True

    with pytest.raises(StoppedError):
        score_matcher(Knowing(0.0), [source], blocks_of([Verified(0, tiles_of(1, 1)[0], TRUTH)]), Stopped())


def made_blocks(count: int, proposed_by: str = "") -> list[list[Verified]]:
    return [[Verified(0, TileAddress(19, 4 * n + dx, 0), TRUTH, proposed_by) for dx in (0, 1)] for n in range(count)]


def said(errors: list[float | None], elsewhere: bool | None = False) -> list[MatcherSaid]:
    return [MatcherSaid([error] * 2, [error] * 2, elsewhere, 0.3) for error in errors]


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {one.name: one for one in figures}


def test_the_matcher_that_comes_nearer_is_better_and_the_other_worse() -> None:
    blocks = made_blocks(8)
    near, far = said([0.5] * 8), said([9.0] * 7 + [None], elsewhere=True)
    figures = by_name(compare_matchers(near, far, blocks, ["a", "b"]))
    assert list(figures) == ["placed", "close", "moved_placed", "moved_close", "refused_elsewhere"]
    assert {one.word for one in figures.values()} == {"better"}
    assert {one.word for one in compare_matchers(far, near, blocks, ["a", "b"])} == {"worse"}
    assert {one.word for one in compare_matchers(near, near, blocks, ["a", "b"])} == {"unclear"}
    close, placed = figures["close"], figures["placed"]
    assert close.first is not None and close.first.value == pytest.approx(2.5 / 3) and close.count == 16
    assert placed.first is not None and placed.second is not None
    assert (placed.first.value, placed.second.value) == (1.0, 0.0)
    assert (figures["refused_elsewhere"].count, figures["refused_elsewhere"].word) == (8, "better")


def test_a_map_within_a_metre_of_its_place_counts_as_placed_whatever_the_pixels_are() -> None:
    ground = [MatcherSaid([3.0], [3.0], None, metres) for metres in (0.3, 0.4)]
    blocks = [[Verified(0, TileAddress(18, 4 * n, 0), TRUTH)] for n in range(2)]
    placed = by_name(compare_matchers(ground, None, blocks, ["a"]))["placed"]
    assert placed.first is not None and placed.first.value == 0.5


def test_how_near_a_matcher_comes_is_not_told_of_its_own_proposals() -> None:
    own, other = made_blocks(5, "a"), made_blocks(9)[5:]
    figures = by_name(compare_matchers(said([0.0] * 9), said([1.0] * 9), own + other, ["a", "b"]))
    assert (figures["placed"].count, figures["close"].count) == (18, 8)
    alone = by_name(compare_matchers(said([0.0] * 5), said([1.0] * 5), own, ["a", "b"]))
    assert (alone["close"].count, alone["close"].first, alone["close"].word) == (0, None, "too_few")
    assert alone["placed"].word == "unclear"


def test_few_blocks_tell_figures_and_no_difference() -> None:
    figures = compare_matchers(said([0.1] * 3), said([9.0] * 3), made_blocks(3), ["a", "b"])
    assert {one.word for one in figures} == {"too_few"}
    assert figures[0].first is not None and figures[0].first.value == 1.0


def test_a_matcher_alone_has_figures_and_nothing_to_be_held_against() -> None:
    figures = compare_matchers(said([0.1] * 4, elsewhere=None), None, made_blocks(4), ["a"])
    assert [one.word for one in figures] == ["alone"] * 4 + ["too_few"]


def test_figures_of_other_blocks_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="score them anew"):
        compare_matchers(said([0.1] * 3), None, made_blocks(4), ["a"])
