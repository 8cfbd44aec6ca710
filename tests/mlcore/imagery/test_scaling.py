"""Palettes of any size, values of nodata that the type can't hold, masks beside compressed colours."""

import numpy as np
import pytest
from PIL import Image

from mlcore.imagery.scaling import BandPlan
from tests.mlcore.imagery.quarters import (
    COLOURS,
    PLACE,
    UTM,
    assert_quarters_in_place,
    ingest,
    quarters,
    seen_at,
    write,
)


def indexed(indices, dtype) -> np.ndarray:
    half = np.arange(120) * 2 // 120
    return np.array(indices, dtype).reshape(2, 2)[np.ix_(half, half)][None]


@pytest.mark.parametrize(
    ("dtype", "indices", "profile"),
    [
        ("uint8", (0, 1, 2, 3), {}),
        ("uint8", (3, 7, 9, 15), {"nbits": 4}),
        ("uint8", (252, 253, 254, 255), {}),
        ("uint16", (300, 310, 320, 330), {"nbits": 9}),
        ("uint16", (0, 255, 256, 65_535), {}),
    ],
)
def test_palettes_of_any_size_give_their_colours(tmp_path, dtype, indices, profile):
    palette = dict(zip(indices, map(tuple, COLOURS.reshape(4, 3)), strict=True))
    source = write(tmp_path / "a.tif", indexed(indices, dtype), palette=palette, photometric="palette", **profile)
    _, reader = ingest(tmp_path, source)
    assert_quarters_in_place(reader)


def test_an_index_beyond_the_palette_is_black_and_no_other_colour():
    palette = np.array([(10, 20, 30, 255), (40, 50, 60, 255), (0, 0, 0, 255)], np.uint8)
    plan = BandPlan((1, 1, 1), palette)
    assert plan.to_rgb(np.array([[[0, 1, 2, 700, -3]]], np.int16))[0].tolist() == [[10, 40, 0, 0, 0]]


def test_transparent_entries_of_a_palette_hold_no_data(tmp_path):
    picture = Image.fromarray(indexed((0, 1, 2, 3), "uint8")[0], mode="P")
    picture.putpalette(COLOURS.ravel().tolist())
    picture.save(tmp_path / "a.png", transparency=bytes([0, 255, 0, 255]))
    (tmp_path / "a.pgw").write_text("0.5\n0\n0\n-0.5\n385000.25\n6672999.75\n")
    (tmp_path / "a.prj").write_text(UTM.to_wkt(version="WKT1_ESRI"))
    _, reader = ingest(tmp_path, tmp_path / "a.png")
    held = [seen_at(reader, UTM, PLACE, column, row)[1] for row in (30, 90) for column in (30, 90)]
    assert held == [False, True, False, True]


@pytest.mark.parametrize("nodata", ["-99", "256", "nan", "9e9", "0.5"])
def test_a_nodata_value_that_the_type_cannot_hold_hides_no_pixel(tmp_path, nodata):
    values = quarters()
    values[:, 50:60, 50:60] = 0
    source = write(tmp_path / "a.tif", values, nodata=123)
    raw = source.read_bytes()
    # rasterio refuses to write such a value, other tools do not: it is put into the file's own bytes.
    assert b"123\x00" in raw
    source.write_bytes(raw.replace(b"123\x00", nodata.encode() + b"\x00"))
    info, reader = ingest(tmp_path, source)
    assert seen_at(reader, UTM, PLACE, 55, 55)[1]
    assert not any("holds data" in note for note in info.notes)
    assert_quarters_in_place(reader)


def test_compressed_colours_keep_their_mask(tmp_path):
    mask = np.full((120, 120), 255, np.uint8)
    mask[:20] = 0
    source = write(
        tmp_path / "a.tif", quarters(), mask=mask, compress="jpeg", photometric="ycbcr", tiled=True, blockxsize=64,
        blockysize=64, jpeg_quality=90,
    )  # fmt: skip
    info, reader = ingest(tmp_path, source)
    assert not seen_at(reader, UTM, PLACE, 60, 10)[1]
    assert seen_at(reader, UTM, PLACE, 60, 25)[1]
    assert any(note.startswith("83.3 % of the image's area holds data") for note in info.notes)
    assert_quarters_in_place(reader)


def test_a_negative_is_shown_as_what_was_photographed(tmp_path):
    shown = quarters()[:1]
    info, reader = ingest(tmp_path, write(tmp_path / "a.tif", 255 - shown, photometric="MINISWHITE"))
    assert any("light and dark were exchanged" in note for note in info.notes)
    for row, column in ((30, 30), (30, 90), (90, 90)):
        assert seen_at(reader, UTM, PLACE, column, row)[0] == pytest.approx([shown[0, row, column]] * 3, abs=8)


def test_values_of_fewer_than_eight_bits_are_stretched_over_eight(tmp_path):
    info, reader = ingest(tmp_path, write(tmp_path / "a.tif", (quarters() // 16).astype(np.uint8), nbits=4))
    assert any("scaled to 8 bits" in note for note in info.notes)
    assert_quarters_in_place(reader, within=45)
