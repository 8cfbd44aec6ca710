"""A tile is matched with what lies around it, and answers in its own pixels."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.consistency.pretraining import Place, synthetic_place
from mlcore.correspondences.matcher import StructureMatcher
from mlcore.correspondences.matches import Matches
from mlcore.correspondences.registered import registered_map
from mlcore.correspondences.search import NEARLY_PLACED
from mlcore.correspondences.surroundings import register_tile, surrounded
from mlcore.geometry.chance import agree_by_chance
from mlcore.geometry.webmercator import TILE_PX, TileAddress, lonlat_to_xy
from mlcore.weights import MATCHER_FILE

SIDE = 4  # tiles of a made town
CORNERS = np.array([[0, 0], [TILE_PX, 0], [TILE_PX, TILE_PX], [0, TILE_PX]], np.float64)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return synthetic_place(200, tmp_path_factory.mktemp("town"))


class Knowing:
    """Finds a grid of points of both pictures, those of `wrong` anywhere; keeps the pictures it was shown."""

    name = "knowing"

    def __init__(self, wrong: slice | None = None) -> None:
        self.wrong = wrong

    def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
        side = map_rgb.shape[0]
        xy = np.stack(np.meshgrid(*[np.arange(8, side, 16.0)] * 2), axis=2).reshape(-1, 2)
        there = xy + np.array([4.0, -2.0])
        if self.wrong is not None:
            inside = ((xy >= self.wrong.start) & (xy < self.wrong.stop)).all(axis=1)
            there[inside] += np.random.default_rng(0).uniform(3, 40, (int(inside.sum()), 2))
        return Matches(xy, there, np.ones(len(xy)), 400.0)


def test_a_tile_is_seen_with_half_a_tile_around_and_nothing_where_there_is_no_image(town: Place) -> None:
    inner, corner = town.tiles[SIDE + 1], town.tiles[0]
    seen = surrounded(town.source, inner)
    assert (seen.tile_px, seen.margin_px, seen.image.shape, seen.map.shape) == (256, 128, (512, 512, 3), (512, 512, 3))
    view = town.source.view(inner)
    assert (seen.image[128:384, 128:384] == view.image).all() and (seen.map[128:384, 128:384] == view.map).all()
    left = town.source.view(TileAddress(inner.z, inner.x - 1, inner.y))
    assert (seen.image[128:384, :128] == left.image[:, 128:]).all()
    assert (seen.map[128:384, :128] == left.map[:, 128:]).all()
    edge = surrounded(town.source, corner)
    assert not edge.image[:128].any() and not edge.image[:, :128].any() and edge.image[128:, 128:].any()


@pytest.mark.parametrize(("deeper", "tile_px", "margin_px"), [(-1, 512, 0), (0, 256, 128), (1, 128, 128)])
def test_whatever_the_zoom_it_is_read_at_about_the_learnt_resolution(
    deeper: int, tile_px: int, margin_px: int, town: Place
) -> None:
    inner = town.tiles[SIDE + 1]
    same = TileAddress(inner.z + deeper, *(int(place * 2.0**deeper) for place in (inner.x, inner.y)))
    seen = surrounded(town.source, same)
    assert (seen.tile_px, seen.margin_px) == (tile_px, margin_px)
    assert 0.2 < same.resolution_m(tile_px) < 0.45

    found = register_tile(Knowing(), town.source, same)

    grow = TILE_PX / tile_px
    assert found.transform is not None
    assert np.allclose(found.transform.apply(CORNERS) - CORNERS, (4 * grow, -2 * grow), atol=1e-6)
    assert found.matches.map_xy.min() == (8 - margin_px) * grow


def test_what_only_the_surroundings_say_is_refused(town: Place) -> None:
    inner = town.tiles[SIDE + 1]
    found = register_tile(Knowing(wrong=slice(120, 392)), town.source, inner)
    assert found.transform is None and not found.inliers.any()
    assert "on the tile itself agree with its surroundings" in found.refused
    assert register_tile(Knowing(wrong=slice(120, 200)), town.source, inner).transform is not None


def test_a_map_is_moved_object_by_object_to_where_its_tiles_are_found(town: Place) -> None:
    wanted = town.tiles[SIDE + 1], town.tiles[SIDE + 2]

    index, found = registered_map(Knowing(), town.source, wanted)

    assert found == list(wanted) and len(index) == len(town.source.index)
    before, after = ([one.geometry.centroid for one in maps.buildings] for maps in (town.source.index, index))
    moves = [lonlat_to_xy(np.array([[new.x, new.y], [old.x, old.y]]), wanted[0])
             for new, old in zip(after, before, strict=True)]  # fmt: skip
    assert np.allclose([new - old for new, old in moves], (4, -2), atol=0.01)
    nothing = registered_map(Knowing(wrong=slice(0, 512)), town.source, wanted)
    assert not len(nothing[0]) and nothing[1] == []


def test_on_most_tiles_of_an_unseen_town_the_map_is_found_near_where_it_is(town: Place) -> None:
    matcher = StructureMatcher.load(MATCHER_FILE, NEARLY_PLACED)
    tiles = town.tiles[:: SIDE - 1]
    found = [one for tile in tiles if (one := register_tile(matcher, town.source, tile).transform) is not None]
    assert len(found) >= 0.6 * len(tiles)
    assert np.median([np.linalg.norm(one.apply(CORNERS) - CORNERS, axis=1).mean() for one in found]) < 5


def test_agreement_by_chance_is_the_tail_of_a_binomial() -> None:
    threshold, area = 1.5, 100 * np.pi * 1.5**2  # one in a hundred lies within the threshold
    assert agree_by_chance(1, 1, threshold, area) == pytest.approx(0.01)
    assert agree_by_chance(2, 1, threshold, area) == pytest.approx(1 - 0.99**2)
    assert agree_by_chance(0, 0, threshold, area) == 1 == agree_by_chance(9, 0, threshold, area)
