"""Pictures are embedded batch by batch as the model embeds them, read ahead by a thread, with nothing lost."""

import threading

import numpy as np
import pytest
import torch

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import tiles_covering
from mlcore.imagery.raster import ImageTile, open_image
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.embedding import embed_items, embed_pictures, embed_tiles
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.readers.tiles import shown
from tests.mlcore.geolocation.grounds import texture
from tests.mlcore.source_makers import grid_tiff


@pytest.fixture(scope="module")
def model() -> LandmarkModel:
    torch.manual_seed(0)
    return LandmarkModel(LandmarkConfig.preset("tiny"))


def test_batches_hold_every_item_that_could_be_read_once_and_in_order(model):
    pictures = [texture(number, 40 + number, 50) for number in range(11)]
    threads = set()

    def read(number: int) -> np.ndarray | None:
        threads.add(threading.current_thread().name)
        return pictures[number] if number % 4 else None

    found = list(embed_pictures(model, range(11), read, batch=3))
    assert [len(some) for some, _ in found] == [3, 3, 2]
    numbers = [number for some, _ in found for number in some]
    assert numbers == [1, 2, 3, 5, 6, 7, 9, 10]
    wanted = model.embed_images([pictures[number] for number in numbers])
    assert np.allclose(np.concatenate([vectors for _, vectors in found]), wanted, atol=1e-5)
    assert threading.current_thread().name not in threads


def test_an_error_of_reading_comes_out_and_stopping_early_is_no_error(model):
    def read(number: int) -> np.ndarray:
        if number == 5:
            raise InvalidInputError("picture 5 is damaged")
        return texture(number, 40, 40)

    with pytest.raises(InvalidInputError, match="picture 5"):
        list(embed_pictures(model, range(9), read, batch=2))
    some, _ = next(embed_pictures(model, range(4), read, batch=2))
    assert some == [0, 1]


def test_tiles_are_embedded_as_they_are_shown(model, tmp_path):
    reader = open_image(grid_tiff(tmp_path / "image.tif"))
    tiles = list(tiles_covering(reader.footprint_lonlat, 20))
    found = list(embed_tiles(model, reader, tiles))
    assert [tile for some, _ in found for tile in some] == tiles
    size = model.config.image_px
    wanted = model.embed_images([reader.read_tile(tile, size).rgb for tile in tiles])
    assert np.allclose(np.concatenate([vectors for _, vectors in found]), wanted, atol=1e-5)
    assert list(embed_tiles(model, reader, [tiles[0].parent(3)])) == []  # hardly any of it has data


def test_what_has_no_data_is_of_the_mean_colour_of_the_rest():
    rgb, valid = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), bool)
    rgb[:3], valid[:3] = (10, 20, 30), True
    assert (shown(ImageTile(rgb, valid)) == (10, 20, 30)).all()
    assert shown(ImageTile(rgb, np.zeros((4, 4), bool))) is None


@pytest.mark.parametrize(
    ("modality", "items"), [("aerial", [texture(1, 30, 30)]), ("text", ["a road"]), ("gps", [(13.4, 52.5)])]
)
def test_items_of_any_modality_are_what_the_model_makes_of_them(model, modality, items):
    found = embed_items(model, modality, 1, items.__getitem__)
    assert np.allclose(found, model.embed(modality, items), atol=1e-5)
    assert embed_items(model, modality, 0, items.__getitem__).shape == (0, model.dimension)
