"""Data sets on disk: WHU-CD and Inria as they are shared, every raster taken for hostile."""

import numpy as np
import pytest

from mlcore.errors import InvalidInputError
from mlcore.evaluation.readers.crops import read_mask, read_rgb
from mlcore.evaluation.readers.layouts import inria_split, read_layout
from mlcore.evaluation.readers.mosaic import APART, buildings_of, lay_out
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from tests.mlcore.evaluation.readers.made_sets import boxes, drawing_of, image_of, inria, mask_of, save, whu

TILE = TileAddress(19, 218_000, 196_000)


def test_whu_is_read_with_its_splits_masks_and_real_changes(tmp_path):
    splits = whu(tmp_path)
    data = read_layout(tmp_path)
    assert (data.layout, data.has_changes) == ("WHU-CD", True)
    for split, names in splits.items():
        crops = list(data.crops(split))
        assert [crop.name for crop in crops] == names
        assert all((crop.changed_share > 0) == (split == "test" and int(crop.name[-3:]) % 3 == 0) for crop in crops)
        assert all((crop.image == image_of(mask_of(boxes(int(crop.name[-3:]))))).all() for crop in crops)


def test_whu_in_folders_by_split_is_read_too(tmp_path):
    for number, split in enumerate(("train", "val", "test")):
        mask = mask_of(boxes(number))
        save(tmp_path / split / "B" / f"{number}.png", image_of(mask))
        save(tmp_path / split / "A_label" / f"{number}.png", mask)
    data = read_layout(tmp_path)
    assert [[crop.name for crop in data.crops(split)] for split in ("train", "val", "test")] == [["0"], ["1"], ["2"]]
    assert not data.has_changes


def test_buildings_of_an_osm_drawing_are_those_of_the_mask(tmp_path):
    mask = mask_of(boxes(4))
    save(tmp_path / "drawn.png", drawing_of(mask))
    save(tmp_path / "mask.png", mask)
    save(tmp_path / "ones.png", mask // 255)
    for name in ("drawn", "mask", "ones"):
        assert (read_mask(tmp_path / f"{name}.png") == (mask > 0)).all()


def test_inria_is_cut_into_crops_and_split_by_the_images_numbers(tmp_path):
    inria(tmp_path)
    data = read_layout(tmp_path)
    found = {split: [crop.name for crop in data.crops(split)] for split in ("train", "val", "test")}
    assert found["train"] == ["austin17_0_0", "austin17_256_0", "austin17_0_256", "austin17_256_256"]
    assert {name.split("_")[0] for name in found["val"]} == {"austin1"}
    assert {name.split("_")[0] for name in found["test"]} == {"austin6"}
    crop = list(data.crops("train"))[1]
    assert (crop.buildings == (mask_of(boxes(171)) > 0)).all()


def test_lists_beside_inria_decide_over_numbers(tmp_path):
    inria(tmp_path)
    folder = tmp_path / "AerialImageDataset" / "list"
    folder.mkdir()
    for split, names in {"train": "austin1.tif", "val": "austin6", "test": "austin17_256_0"}.items():
        (folder / f"{split}.txt").write_text(names + "\n")
    data = read_layout(tmp_path)
    assert [crop.name for crop in data.crops("test")] == ["austin17_256_0"]
    assert len(list(data.crops("train"))) == 4


@pytest.mark.parametrize(("name", "split"), [("vienna5", "val"), ("tyrol-w16", "test"), ("chicago36", "train")])
def test_the_number_of_an_image_tells_its_split(name, split):
    assert inria_split(name) == split


def test_a_raster_in_disguise_is_refused_unread(tmp_path):
    whu(tmp_path)
    canary = tmp_path / "canary.png"
    save(canary, mask_of(boxes(1)))
    vrt = f"<VRTDataset rasterXSize='256' rasterYSize='256'><VRTRasterBand dataType='Byte' band='1'><SimpleSource>" \
          f"<SourceFilename>{canary}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"  # fmt: skip
    (tmp_path / "B" / "whu_000.png").write_text(vrt)
    with pytest.raises(InvalidInputError, match="neither a GeoTIFF"):
        next(read_layout(tmp_path).crops("train"))


def test_a_list_that_names_files_elsewhere_is_refused(tmp_path):
    whu(tmp_path)
    (tmp_path / "list" / "train.txt").write_text("../../etc/passwd\n")
    with pytest.raises(InvalidInputError, match="outside"):
        next(read_layout(tmp_path).crops("train"))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    whu(tmp_path / "set")
    outside = tmp_path / "outside.png"
    save(outside, image_of(mask_of(boxes(0))))
    (tmp_path / "set" / "B" / "whu_000.png").unlink()
    (tmp_path / "set" / "B" / "whu_000.png").symlink_to(outside)
    with pytest.raises(InvalidInputError, match="whu_000"):
        next(read_layout(tmp_path / "set").crops("train"))


def test_small_and_cut_rasters_are_refused_with_the_reason(tmp_path):
    save(tmp_path / "small.png", np.zeros((100, 256, 3), np.uint8))
    with pytest.raises(InvalidInputError, match="no whole 256 px crop"):
        read_rgb(tmp_path / "small.png")
    save(tmp_path / "deep.png", np.zeros((256, 256), np.uint16))
    with pytest.raises(InvalidInputError, match="8 bits"):
        read_rgb(tmp_path / "deep.png")


def test_an_unknown_layout_and_a_set_without_map_say_what_is_missing(tmp_path):
    with pytest.raises(InvalidInputError, match="WHU-CD"):
        read_layout(tmp_path)
    save(tmp_path / "B" / "a.png", image_of(mask_of(boxes(0))))
    with pytest.raises(InvalidInputError, match="no map"):
        read_layout(tmp_path)


def test_polygons_of_a_mask_draw_the_mask_again_with_its_courtyard():
    mask = mask_of(boxes(2)) > 0
    mask[100:110, 100:110] = False
    court = np.zeros((256, 256), bool)
    court[20:120, 130:230] = True
    court[50:90, 160:200] = False
    for one in (mask, court):
        again = MapRenderer().building_mask(TILE, MapIndex(buildings_of(one, TILE, 1))) > 127
        assert (again & one).sum() / (again | one).sum() > 0.93


def test_crops_become_tiles_of_a_place_that_are_no_neighbours(tmp_path):
    whu(tmp_path / "set")
    crops = list(read_layout(tmp_path / "set").crops("train"))
    mosaic = lay_out(iter(crops), len(crops), tmp_path / "out")
    assert len(set(mosaic.tiles)) == len(crops)
    for crop, tile in zip(crops, mosaic.tiles, strict=True):
        pair = mosaic.source.pair(tile)
        assert (pair.image == crop.image).all()
        assert ((pair.mask > 127) & crop.buildings).sum() / ((pair.mask > 127) | crop.buildings).sum() > 0.93
    steps = {(a.x - b.x, a.y - b.y) for a in mosaic.tiles for b in mosaic.tiles if a != b}
    assert min(max(abs(dx), abs(dy)) for dx, dy in steps) == APART
