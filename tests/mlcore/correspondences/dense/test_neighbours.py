"""A tile's map is moved by what people verified, else by the surest that is known of it, and it says by which."""

import pytest

from mlcore.correspondences.dense.neighbours import Known, median_shift, shifts_in_use
from mlcore.correspondences.dense.shift import NO_SHIFT, Shift
from mlcore.geometry.webmercator import TileAddress


def test_one_wrong_tile_follows_its_neighbours() -> None:
    tiles = [TileAddress(19, 100 + x, 200 + y) for x in range(3) for y in range(3)]
    shifts = {tile: Shift(4.0, -2.0, 0.8) for tile in tiles}
    shifts[tiles[4]] = Shift(-15.0, 15.0, 0.35)

    smoothed = shifts_in_use(shifts)

    assert smoothed[tiles[4]].dx_px == pytest.approx(4.0)
    assert smoothed[tiles[4]].dy_px == pytest.approx(-2.0)


def test_no_confident_tile_means_no_shift() -> None:
    assert median_shift([]) == NO_SHIFT
    tile = TileAddress(19, 5, 5)
    assert shifts_in_use({tile: Shift(9.0, 9.0, 0.05)})[tile] == NO_SHIFT


def test_a_tile_without_a_shift_of_its_own_says_where_it_took_one_from() -> None:
    tiles = {TileAddress(19, 100 + x, 200): Shift(6.0, 3.0, 0.9) for x in range(4)}
    beside, far = TileAddress(19, 105, 200), TileAddress(19, 140, 200)

    smoothed = shifts_in_use(tiles | {beside: NO_SHIFT, far: NO_SHIFT})

    assert smoothed[TileAddress(19, 101, 200)].origin == "measured"
    assert (smoothed[beside].dx_px, smoothed[beside].origin) == (6.0, "neighbours")
    assert (smoothed[far].dx_px, smoothed[far].origin) == (6.0, "region")
    assert smoothed[far].confidence < smoothed[beside].confidence


def test_tiles_that_disagree_lend_no_shift_to_far_ones() -> None:
    places = [(9.0, 0.0), (-9.0, 2.0), (0.0, 12.0), (4.0, -11.0), (14.0, 9.0)]
    tiles = {TileAddress(19, 100 + 9 * i, 200): Shift(*place, 0.6) for i, place in enumerate(places)}
    far = TileAddress(19, 400, 200)

    assert shifts_in_use(tiles | {far: NO_SHIFT})[far] == NO_SHIFT


def test_a_sure_tile_among_sure_ones_that_scatter_keeps_its_own() -> None:
    """As where relief displaces: one number for all would be wrong on each."""
    tiles = [TileAddress(19, 100 + x, 200 + y) for x in range(4) for y in range(4)]
    shifts = {tile: Shift(9.0 * (tile.x % 3) - 9, 8.0 * (tile.y % 4), 0.9) for tile in tiles}

    assert shifts_in_use(shifts) == shifts


def test_what_people_verified_goes_before_everything_and_is_lent_to_neighbours() -> None:
    tile, beside = TileAddress(19, 100, 200), TileAddress(19, 101, 200)
    verified = {tile: Shift(-12.0, 5.0, 0.95, "verified")}

    used = shifts_in_use({tile: Shift(3.0, 3.0, 0.99), beside: NO_SHIFT}, Known(verified))

    assert used[tile] == verified[tile]
    assert (used[beside].dx_px, used[beside].dy_px, used[beside].origin) == (-12.0, 5.0, "neighbours")


@pytest.mark.parametrize(("measured", "matched", "origin"), [(0.6, 0.8, "matched"), (0.9, 0.8, "measured")])
def test_of_a_measurement_and_a_proposal_the_surer_one_is_taken(measured: float, matched: float, origin: str) -> None:
    tile = TileAddress(19, 100, 200)

    used = shifts_in_use({tile: Shift(3.0, 0.0, measured)}, Known(matched={tile: Shift(0.0, 6.0, matched, "matched")}))

    assert used[tile].origin == origin


def test_a_proposal_that_is_hardly_sure_moves_nothing() -> None:
    tile = TileAddress(19, 100, 200)

    assert shifts_in_use({tile: NO_SHIFT}, Known(matched={tile: Shift(0.0, 6.0, 0.2, "matched")}))[tile] == NO_SHIFT
