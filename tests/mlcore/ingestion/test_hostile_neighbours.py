"""Files beside a raster, and files that it names, stay unread (quality I2, I6)."""

import os

import pytest
import rasterio

from mlcore.errors import InvalidInputError
from mlcore.ingestion.sandbox import run_ingest
from tests.mlcore.source_makers import photo, write_tiff

CANARY = b"canary-7f3a"
GRID_DATUM = (
    'PROJCS["x",GEOGCS["g",DATUM["d",SPHEROID["Clarke 1866",6378206.4,294.978698213898],'
    'EXTENSION["PROJ4_GRIDS","{file}"]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
    'PROJECTION["Transverse_Mercator"],PARAMETER["central_meridian",87],UNIT["metre",1]]'
)
GRID_EXTENSION = (
    'PROJCS["x",GEOGCS["g",DATUM["d",SPHEROID["Clarke 1866",6378206.4,294.978698213898]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["central_meridian",87],'
    'UNIT["metre",1],EXTENSION["PROJ4","+proj=utm +zone=45 +ellps=clrk66 +nadgrids=@null,{file} +wktext"]]'
)


@pytest.mark.parametrize("system", [GRID_DATUM, GRID_EXTENSION])
@pytest.mark.parametrize("address", [False, True])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_i2_a_projection_file_that_names_a_grid_is_refused_with_the_grid_unread(tmp_path, listener, system, address):
    canary = tmp_path / "canary.gsb"
    canary.write_bytes(CANARY * 50)
    os.utime(canary, (1, 1))
    with rasterio.open(tmp_path / "image.png", "w", driver="PNG", width=64, height=64, count=3, dtype="uint8") as data:
        data.write(photo(64, 64))
    (tmp_path / "image.pgw").write_text("0.15\n0\n0\n-0.15\n500000\n3000000\n")
    (tmp_path / "image.prj").write_text(system.format(file=f"{listener[0]}/x.gsb" if address else canary))
    with pytest.raises(InvalidInputError, match="needs another file"):
        run_ingest("raster", tmp_path / "image.png", tmp_path / "out.tif")
    assert canary.stat().st_atime == 1
    assert listener[1] == []


def test_i2_side_files_and_links_beside_an_image_stay_unread(tmp_path):
    image = write_tiff(tmp_path / "image.tif", photo(64, 64), "EPSG:32645", 355_000, 3_057_000, 0.3)
    canary = tmp_path / "canary"
    canary.write_bytes(CANARY * 50)
    os.utime(canary, (1, 1))
    for name in ("image.tif.aux.xml", "image.tif.ovr", "image.tif.msk", "image.tfw", "image.prj", "image.IMD"):
        (tmp_path / name).symlink_to(canary)
    run_ingest("raster", image, tmp_path / "out.tif")
    assert canary.stat().st_atime == 1


def test_i6_modules_in_the_folder_of_the_target_are_not_run(tmp_path):
    image = write_tiff(tmp_path / "image.tif", photo(64, 64), "EPSG:32645", 355_000, 3_057_000, 0.3)
    for name in ("numpy", "json", "mlcore", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    run_ingest("raster", image, tmp_path / "out.tif")
    assert not (tmp_path / "ran").exists()
