"""World files and projections beside an image are found in any letters, and say where it lies."""

import subprocess

import pytest
from rasterio.crs import CRS

from mlcore.errors import InvalidInputError
from mlcore.ingestion.ingest import ingest_raster
from tests.mlcore.imagery.quarters import CELL_M, NORTH, UTM, WEST, assert_quarters_in_place, ingest, quarters, write

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
NUMBERS = f"{CELL_M}\n0\n0\n{-CELL_M}\n{WEST + CELL_M / 2}\n{NORTH - CELL_M / 2}\n"
ESRI = UTM.to_wkt(version="WKT1_ESRI")
HEIGHTS = 'VERTCS["EGM96_Geoid",VDATUM["EGM96_Geoid"],PARAMETER["Vertical_Shift",0.0],UNIT["Meter",1.0]]'
SYSTEMS = {
    "esri": ESRI,
    "compound": CRS.from_user_input("EPSG:32635+5773").to_wkt(version="WKT1_GDAL"),
    "compound WKT2": CRS.from_user_input("EPSG:32635+5773").to_wkt(version="WKT2_2019"),
    "esri with heights": f"{ESRI},{HEIGHTS}",
    "WKT2": UTM.to_wkt(version="WKT2_2019"),
    "with a byte order mark": "\ufeff" + ESRI,
}


@pytest.mark.parametrize(
    ("image", "world", "projection"),
    [
        ("a.tif", "a.tfw", "a.prj"),
        ("A.TIF", "A.TFW", "A.PRJ"),
        ("a.tif", "a.TFW", "a.Prj"),
        ("A.Tif", "a.tfw", "A.prj"),
        ("a.jpg", "a.JGW", "a.PRJ"),
        ("a.png", "a.PNGW", "A.PRJ"),
        ("a.jpeg", "a.Wld", "a.prj"),
    ],
)
def test_side_files_are_found_whatever_letters_they_have(tmp_path, image, world, projection):
    driver = {"t": "GTiff", "j": "JPEG", "p": "PNG"}[image.lower()[2]]
    write(tmp_path / image, quarters(), transform=None, driver=driver)
    (tmp_path / world).write_text(NUMBERS)
    (tmp_path / projection).write_text(ESRI)
    _, reader = ingest(tmp_path, tmp_path / image)
    assert_quarters_in_place(reader)


def test_the_side_file_in_the_very_letters_of_the_image_goes_first(tmp_path):
    write(tmp_path / "a.tif", quarters(), transform=None)
    for name in ("A.TFW", "a.TFW", "A.tfw"):
        (tmp_path / name).write_text(NUMBERS.replace(str(WEST + CELL_M / 2), "400000"))
    (tmp_path / "a.tfw").write_text(NUMBERS)
    (tmp_path / "a.PRJ").write_text(ESRI)
    _, reader = ingest(tmp_path, tmp_path / "a.tif")
    assert_quarters_in_place(reader)


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_projections_in_every_spelling_of_wkt_are_read(tmp_path, system):
    write(tmp_path / "a.tif", quarters(), transform=None)
    (tmp_path / "a.tfw").write_text(NUMBERS)
    (tmp_path / "a.prj").write_text(system, encoding="utf-8")
    _, reader = ingest(tmp_path, tmp_path / "a.tif")
    assert_quarters_in_place(reader)


@pytest.mark.parametrize(
    ("world", "system", "reason"),
    [
        ("1 2 3", ESRI, "six numbers"),
        ("0\n0\n0\n0\n1\n1\n", ESRI, "no extent"),
        (NUMBERS, "EPSG:32635", "no WKT"),
        (NUMBERS, ESRI[: len(ESRI) // 2], "damaged WKT"),
        (NUMBERS, None, "without a reference system"),
    ],
)
def test_side_files_that_say_nothing_are_refused_with_the_reason(tmp_path, world, system, reason):
    write(tmp_path / "a.tif", quarters(), transform=None)
    (tmp_path / "a.TFW").write_text(world)
    if system:
        (tmp_path / "a.PRJ").write_text(system)
    with pytest.raises(InvalidInputError, match=reason):
        ingest_raster(tmp_path / "a.tif", tmp_path / "out.tif")


@pytest.mark.parametrize(
    "numbers",
    [
        f"\ufeff{NUMBERS}",
        NUMBERS.replace("\n", "\r\n"),
        NUMBERS.replace(".", ","),
        NUMBERS.replace("\n", " "),
        f"{NUMBERS}written by a scanner\n",
    ],
)
def test_world_files_are_read_as_other_programs_write_them(tmp_path, numbers):
    write(tmp_path / "a.tif", quarters(), transform=None)
    (tmp_path / "a.tfw").write_text(numbers, encoding="utf-8")
    (tmp_path / "a.prj").write_text(ESRI)
    assert_quarters_in_place(ingest(tmp_path, tmp_path / "a.tif")[1])


def test_what_lies_beside_an_image_and_is_not_read_is_said(tmp_path):
    source = write(tmp_path / "a.tif", quarters())
    statistics = tmp_path / "a.tif.aux.xml"
    statistics.write_text('<PAMDataset><PAMRasterBand band="1"><Metadata/></PAMRasterBand></PAMDataset>')
    assert not any("is not read" in note for note in ingest(tmp_path, source)[0].notes)
    (tmp_path / "a.tif.msk").write_bytes(b"II*\0")
    assert ingest(tmp_path, source)[0].notes[0].startswith("a.tif.msk is not read: put what it says into the file")
    write(tmp_path / "b.png", quarters(), transform=None, driver="PNG")
    (tmp_path / "b.png.aux.xml").write_text("<PAMDataset><GeoTransform>1,1,0,1,0,-1</GeoTransform></PAMDataset>")
    with pytest.raises(InvalidInputError, match=r"no georeference.*b.png.aux.xml is not read"):
        ingest_raster(tmp_path / "b.png", tmp_path / "out.tif")


def test_of_several_images_in_a_file_the_first_is_taken_with_a_word(tmp_path):
    first, second = tmp_path / "a.tif", tmp_path / "second.tif"
    write(first, quarters())
    write(second, quarters() // 2)
    subprocess.run(["gdal_translate", "-q", "-co", "APPEND_SUBDATASET=YES", second, first], check=True)
    info, reader = ingest(tmp_path, first)
    assert info.notes[0] == "the file holds 2 images: the first was taken"
    assert_quarters_in_place(reader)
