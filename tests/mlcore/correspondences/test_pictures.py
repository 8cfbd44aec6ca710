"""Maps in many styles, images in other light, and the pairs of crops that are cut from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlcore.correspondences.grounds import DrawnGround, MappedGround, PhotoGround, SeenTwice, crop_pair
from mlcore.correspondences.modalities import MODALITIES, relit
from mlcore.correspondences.styles import DrawnStyle, Dress, own_style, random_style, unseen_styles
from mlcore.errors import InvalidInputError
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from mlcore.pairs.source import PairSource
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image

COLUMNS, ROWS = 4, 4
HOUSES = houses(COLUMNS, ROWS)
INDEX = MapIndex(HOUSES)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> PairSource:
    path = write_image(tmp_path_factory.mktemp("place") / "image.tif", HOUSES, COLUMNS, ROWS)
    return PairSource(open_image(path), INDEX)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_our_own_style_is_the_renderer_s() -> None:
    assert np.array_equal(own_style().draw(CORNER, INDEX, 256, rng()), MapRenderer().render(CORNER, INDEX))


def test_random_styles_differ_and_come_again_from_their_seed() -> None:
    drawn = [random_style(rng(seed)).draw(CORNER, INDEX, 256, rng(seed)) for seed in range(8)]
    again = [random_style(rng(seed)).draw(CORNER, INDEX, 256, rng(seed)) for seed in range(8)]

    assert all(np.array_equal(one, other) for one, other in zip(drawn, again, strict=True))
    assert len({one.tobytes() for one in drawn}) == 8


@pytest.mark.parametrize("name", sorted(unseen_styles()))
def test_a_style_of_the_protocol_shows_buildings_and_is_none_that_training_draws(name: str) -> None:
    style = unseen_styles()[name]
    inside = MapRenderer().building_mask(CORNER, INDEX) > 127
    bare = style.draw(CORNER, MapIndex([]), 256, rng(1)).astype(int)
    drawn = style.draw(CORNER, INDEX, 256, rng(1)).astype(int)

    changed = np.abs(drawn - bare).sum(axis=2) > 30
    assert changed[inside].mean() > 3 * changed[~inside].mean()
    kinds = [random_style(rng(seed)).dress for seed in range(300)]
    assert not any(dress.stipple or dress.grid_px or dress.contours for dress in kinds)
    assert style.dress.stipple or style.dress.grid_px or style.dress.contours


def test_hatching_stays_inside_buildings() -> None:
    plain = own_style()
    hatched = DrawnStyle("hatched", plain.style, Dress(hatch=4))
    differs = (plain.draw(CORNER, INDEX, 256, rng()) != hatched.draw(CORNER, INDEX, 256, rng())).any(axis=2)
    inside = MapRenderer().building_mask(CORNER, INDEX) > 0

    assert differs.any() and not (differs & ~inside).any()


@pytest.mark.parametrize("name", sorted(MODALITIES))
def test_a_modality_is_another_picture_of_the_same_ground(name: str, source: PairSource) -> None:
    image = source.reader.read_tile(CORNER, 256).rgb
    other = MODALITIES[name](image, rng())

    assert other.shape == image.shape and other.dtype == np.uint8
    assert not np.array_equal(other, image) and other.std() > 5
    assert np.array_equal(other, MODALITIES[name](image, rng()))


def test_other_light_keeps_the_shape_and_turns_tones(source: PairSource) -> None:
    image = source.reader.read_tile(CORNER, 256).rgb
    assert len({relit(image, rng(seed)).tobytes() for seed in range(6)}) == 6


def test_crops_lie_on_each_other_by_their_matrix() -> None:
    noise = rng(3).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    picture = np.kron(noise, np.ones((16, 16, 1), np.uint8))
    everywhere = np.ones(picture.shape[:2], bool)
    centres = np.zeros_like(everywhere)
    centres[400:624, 400:624] = True
    seen = SeenTwice(picture, everywhere, picture, everywhere, centres)

    for seed in range(5):
        pair = crop_pair(seen, 256, rng(seed), turn_deg=20, scale_jitter=0.2, shift_share=0.1, seen_scale=0.2)
        rows, columns = np.mgrid[20:236:9, 20:236:9]
        here = np.column_stack([columns.ravel() + 0.5, rows.ravel() + 0.5, np.ones(rows.size)])
        there = (here @ np.linalg.inv(pair.seen).T @ pair.map_to_image.T)[:, :2]
        inside = ((there > 2) & (there < 253)).all(axis=1)
        x, y = (there[inside] - 0.5).round().astype(int).T
        same = pair.image[y, x].astype(int) - pair.map[rows.ravel()[inside], columns.ravel()[inside]]
        assert np.median(np.abs(same)) < 12


def test_a_mapped_place_is_cut_where_its_map_is_complete(source: PairSource) -> None:
    ground = MappedGround(source, tiles_of(COLUMNS, ROWS))

    seen = ground.draw(rng())

    assert seen.image.shape == seen.map.shape == (1024, 1024, 3)
    assert seen.centres.any() and not (seen.centres & ~seen.image_valid).any()
    pair = crop_pair(seen, 256, rng(), turn_deg=4, scale_jitter=0.1, shift_share=0.25)
    assert pair.image_valid.mean() > 0.3 and pair.map.shape == (256, 256, 3)


def test_maps_and_photos_teach_alone_and_nothing_teaches_not_at_all(source: PairSource) -> None:
    drawn = DrawnGround(INDEX, tiles_of(COLUMNS, ROWS)).draw(rng(2))
    assert drawn.image.shape == drawn.map.shape and not np.array_equal(drawn.image, drawn.map)
    photo = PhotoGround([source.reader.read_tile(CORNER, 256).rgb]).draw(rng())
    assert photo.image.shape == (256, 256, 3) and not np.array_equal(photo.image, photo.map)
    for empty in (lambda: MappedGround(source, []), lambda: DrawnGround(INDEX, []), lambda: PhotoGround([])):
        with pytest.raises(InvalidInputError):
            empty()


def test_a_place_without_a_pixel_says_so(tmp_path: Path) -> None:
    nothing = np.zeros((300, 300), bool)
    seen = SeenTwice(np.zeros((300, 300, 3), np.uint8), nothing, np.zeros((300, 300, 3), np.uint8), nothing, nothing)
    with pytest.raises(InvalidInputError, match="no pixel"):
        crop_pair(seen, 128, rng(), turn_deg=0, scale_jitter=0, shift_share=0)
