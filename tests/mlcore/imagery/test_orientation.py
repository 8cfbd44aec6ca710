"""An orientation tag turns nothing: the georeference is that of the pixels as stored, and the result has no tag."""

import cv2
import numpy as np
import pytest
import rasterio
from PIL import Image

from mlcore.ingestion.ingest import ingest_raster
from tests.mlcore.imagery.quarters import CELL_M, NORTH, UTM, WEST, assert_quarters_in_place, ingest, quarters

ORIENTATION = 274
GEOTIFF = {
    33550: (CELL_M, CELL_M, 0.0),
    33922: (0.0, 0.0, 0.0, WEST, NORTH, 0.0),
    34735: (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32635),
}


def turned(folder, suffix: str, orientation: int):
    """The four quarters as a file that asks to be turned when it is looked at."""
    picture = Image.fromarray(quarters().transpose(1, 2, 0))
    path = folder / f"a{suffix}"
    if suffix == ".tif":
        picture.save(path, tiffinfo=GEOTIFF | {ORIENTATION: orientation})
        return path
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    picture.save(path, exif=exif)
    (folder / "a.wld").write_text(f"{CELL_M} 0 0 {-CELL_M} {WEST + CELL_M / 2} {NORTH - CELL_M / 2}")
    (folder / "a.prj").write_text(UTM.to_wkt(version="WKT1_ESRI"))
    return path


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".png"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_image_lies_as_it_is_stored(tmp_path, suffix, orientation):
    _, reader = ingest(tmp_path, turned(tmp_path, suffix, orientation))
    assert_quarters_in_place(reader)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".png"])
def test_every_reader_sees_the_same_pixels_in_the_result(tmp_path, suffix):
    ingest_raster(turned(tmp_path, suffix, 6), tmp_path / "out.tif")
    with Image.open(tmp_path / "out.tif") as picture, rasterio.open(tmp_path / "out.tif") as data:
        assert picture.getexif().get(ORIENTATION, 1) == 1
        gdal = data.read((1, 2, 3)).transpose(1, 2, 0).astype(int)
        assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - gdal).mean() <= 1
    opencv = cv2.imread(str(tmp_path / "out.tif"), cv2.IMREAD_COLOR)
    assert np.abs(opencv[..., ::-1].astype(int) - gdal).mean() <= 1
