"""Verified ground: which blocks are kept from every matcher, and what is learnt of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.correspondences import verified
from mlcore.correspondences.grounds import WIDE_PX
from mlcore.correspondences.styles import own_style
from mlcore.correspondences.verified import (
    VerifiedGround,
    block_by_block,
    block_of,
    blocks_on,
    in_block,
    is_held_out,
    learnt_parts,
    within,
)
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform, shift_of
from mlcore.geometry.webmercator import TileAddress, tile_at
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from tests.mlcore.changes.made_place import houses, tiles_of, write_image

COLUMNS, ROWS = 4, 4
MOVED = shift_of(5, -3)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> PairSource:
    features = houses(COLUMNS, ROWS)
    image: Path = write_image(tmp_path_factory.mktemp("place") / "image.tif", features, COLUMNS, ROWS)
    return PairSource(open_image(image), MapIndex(features))


def learnt() -> list[TileAddress]:
    return [tile for tile in tiles_of(COLUMNS, ROWS) if not is_held_out(block_of(tile))]


@given(x=st.integers(0, 2**18 - 2), y=st.integers(0, 2**18 - 2))
def test_of_any_two_by_two_blocks_one_is_held_out(x: int, y: int) -> None:
    square = [TileAddress(18, x + dx, y + dy) for dx in (0, 1) for dy in (0, 1)]
    assert sum(is_held_out(block) for block in square) == 1


@given(lon=st.floats(-179.9, 179.9), lat=st.floats(-80, 80))
def test_the_same_ground_is_held_out_at_any_zoom(lon: float, lat: float) -> None:
    block = tile_at(lon, lat, 18)
    for zoom in range(14, 23):
        tile = tile_at(lon, lat, zoom)
        assert block in blocks_on(tile)
        assert (block in held_out_of(tile)) == is_held_out(block)
        shown = [part for part in learnt_parts(tile) if not set(blocks_on(part)).isdisjoint([block])]
        assert bool(shown) == (not is_held_out(block))
    fine = {
        one for dx in (0, 1) for dy in (0, 1) for one in blocks_on(TileAddress(19, 2 * block.x + dx, 2 * block.y + dy))
    }
    assert fine == {block}


def held_out_of(tile: TileAddress) -> set[TileAddress]:
    return {block for block in blocks_on(tile) if is_held_out(block)}


@pytest.mark.parametrize(("zoom", "held_out"), [(17, 1), (16, 4), (15, 16)])
def test_of_a_tile_larger_than_a_block_a_quarter_is_held_out(zoom: int, held_out: int) -> None:
    tile = TileAddress(zoom, 77, 91)
    assert len(held_out_of(tile)) == held_out and len(learnt_parts(tile)) == 3 * held_out
    assert set(block_by_block(tile, MOVED)) == held_out_of(tile)
    with pytest.raises(InvalidInputError, match="several blocks"):
        block_of(tile)
    with pytest.raises(InvalidInputError, match="take zoom 12"):
        blocks_on(TileAddress(3, 1, 1))


@pytest.mark.parametrize("kind", ["shift", "similarity", "affine", "homography"])
def test_a_transform_does_in_each_block_what_it_does_in_the_larger_tile(kind: str) -> None:
    tile = TileAddress(16, 1001, 2000)
    turn = Transform("similarity", np.array([0.99, 0.04, 6.0, -2.0]), np.zeros((4, 4)))
    turn = shift_of(6, -2) if kind == "shift" else turn.as_kind(kind)  # type: ignore[arg-type]
    for block, told in block_by_block(tile, turn).items():
        left, top, side = within(block, tile, 256)
        assert side == 64
        there = turn.apply(np.array([[left + 10.0, top + 50.0]]))[0] - (left, top)
        assert told.kind == kind and np.allclose(told.apply(np.array([[40.0, 200.0]]))[0], 4 * there)


@pytest.mark.parametrize(("zoom", "side"), [(18, 512), (19, 256), (20, 128)])
def test_a_tile_of_any_zoom_has_a_block_and_its_place_in_it(zoom: int, side: int) -> None:
    tile = TileAddress(zoom, 2**zoom - 1, 2**zoom - 1)
    assert within(tile, block_of(tile), 512) == (512 - side, 512 - side, side)


@pytest.mark.parametrize("kind", ["similarity", "homography"])
def test_a_transform_of_a_tile_does_in_its_block_what_it_does_in_the_tile(kind: str) -> None:
    tile = TileAddress(19, 1001, 2000)
    turn = Transform("similarity", np.array([0.99, 0.04, 6.0, -2.0]), np.zeros((4, 4))).as_kind(kind)  # type: ignore[arg-type]
    there = in_block(turn, tile) @ np.array([256 + 40, 70, 1.0])
    assert np.allclose(there[:2] / there[2] - (256, 0), turn.apply(np.array([[40.0, 70.0]]))[0])


def test_each_map_is_drawn_where_people_saw_it_and_what_is_not_learnt_is_not_shown(
    source: PairSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified, "random_style", lambda rng: own_style())
    monkeypatch.setattr(verified, "RELIT_SHARE", 0.0)
    ground = VerifiedGround(source, dict.fromkeys(learnt(), MOVED))
    rng = np.random.default_rng(0)
    drawn = {tile for _ in range(24) for tile in _check(ground, source, rng)}
    assert drawn == set(learnt())


def _check(ground: VerifiedGround, source: PairSource, rng: np.random.Generator) -> list[TileAddress]:
    """Hold one draw against the source, tile by tile; gives the tiles it shows."""
    seen = ground.draw(rng)
    assert seen.exact and (seen.centres <= seen.map_valid).all() and (seen.image_valid <= seen.map_valid).all()
    assert not seen.map[~seen.map_valid].any() and not seen.image[~seen.map_valid].any()
    shown, moved = [], source.with_transforms(dict.fromkeys(learnt(), MOVED))
    for whole, tiles in ground.wholes.items():
        places = {tile: within(tile, whole, WIDE_PX) for tile in tiles}
        left, top, side = next(iter(places.values()))
        view = moved.view(tiles[0])
        if not np.array_equal(seen.map[top : top + side, left : left + side], view.map):
            continue
        shown += tiles
        assert int(seen.map_valid.sum()) == len(tiles) * side**2
        for tile, (left, top, _) in places.items():
            at = np.s_[top : top + side, left : left + side]
            assert np.array_equal(seen.map[at], moved.view(tile).map)
            assert np.abs(seen.image[at].astype(int) - moved.view(tile).image).max() <= 1
    assert shown
    return shown


def test_a_tile_that_is_held_out_can_t_be_learnt_from(source: PairSource) -> None:
    held_out = next(tile for tile in tiles_of(COLUMNS, ROWS) if is_held_out(block_of(tile)))
    with pytest.raises(InvalidInputError, match="held out"):
        VerifiedGround(source, {held_out: MOVED})
    with pytest.raises(InvalidInputError, match="verify some first"):
        VerifiedGround(source, {})


def test_of_a_larger_tile_what_is_held_out_is_never_shown(source: PairSource) -> None:
    tile = tiles_of(COLUMNS, ROWS)[0].parent(2)
    ground, rng = VerifiedGround(source, {tile: MOVED}), np.random.default_rng(0)
    kept = np.zeros((WIDE_PX, WIDE_PX), bool)
    for block in held_out_of(tile):
        left, top, side = within(block, tile.parent(1), WIDE_PX)
        kept[top : top + side, left : left + side] = True
    left, top, side = within(tile, tile.parent(1), WIDE_PX)
    for _ in range(4):
        seen = ground.draw(rng)
        assert seen.map_valid[top : top + side, left : left + side].mean() == 0.75
        for shown in (seen.image.any(axis=2), seen.map.any(axis=2), seen.map_valid, seen.image_valid, seen.centres):
            assert not shown[kept].any()
