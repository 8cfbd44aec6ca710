"""The cases of images: placed, coloured and masked right, or refused with the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from mlcore.imagery.raster import ImageReader
from tests.mlcore.imagery.quarters import COLOURS, PLACE, UTM, ingest, seen_at

AS_STORED = {"turned.tif"}
"""Files whose own transform says where their quarters lie; the others lie where `PLACE` says."""


def quarter_colours(reader: ImageReader, place: Affine, side: int = 120) -> np.ndarray:
    """The colours in the middles of the quarters, (2, 2, 3)."""
    middles = [[((0.25 + column / 2) * side, (0.25 + row / 2) * side) for column in (0, 1)] for row in (0, 1)]
    return np.array([[seen_at(reader, UTM, place, *middle)[0] for middle in row] for row in middles])


def every_image_in_place(folder: Path, tmp_path: Path) -> None:
    """Each image of the folder shows its quarters in their places."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".tif")
    assert paths
    for path in paths:
        with rasterio.open(path) as data:
            place = data.transform if path.name in AS_STORED else PLACE
        info, reader = ingest(tmp_path, path)
        seen = quarter_colours(reader, place)
        assert np.abs(seen - COLOURS).max() <= 40, (path.name, seen)
        west, south, east, north = info.footprint_lonlat.bounds
        if path.name not in AS_STORED:
            assert (west, east) == pytest.approx((24.9269, 24.9280), abs=2e-4), path.name
            assert (south, north) == pytest.approx((60.1771, 60.1777), abs=2e-4), path.name


def thin_mosaic(folder: Path, tmp_path: Path) -> None:
    """22: stretched by the values of 14,400 pixels that no sample meets."""
    info, reader = ingest(tmp_path, folder / "strip.tif")
    with rasterio.open(folder / "strip.tif") as data:
        rows, columns = np.nonzero(data.read(1))
        place = data.transform @ Affine.translation(columns.min(), rows.min())
    assert "4000..23000" in info.notes[0]
    seen = quarter_colours(reader, place)
    assert np.abs(seen - np.where(COLOURS > 100, 255, 0)).max() <= 60, seen
    assert any(note.startswith("0.2 % of the image's area") for note in info.notes)


def masked_rows(folder: Path, tmp_path: Path) -> None:
    """41: the first ten rows hold no data, and colours lie in their places."""
    every_image_in_place(folder, tmp_path)
    info, reader = ingest(tmp_path, folder / "ycbcr.tif")
    assert not seen_at(reader, UTM, PLACE, 60, 4)[1]
    assert seen_at(reader, UTM, PLACE, 60, 16)[1]
    assert any(note.startswith("91.7 % of") for note in info.notes)


CASES: dict[str, Callable[[Path, Path], None]] = {
    "22_thin_16bit_mosaic": thin_mosaic,
    "23_palette_16bit": every_image_in_place,
    "24_gcp_only": every_image_in_place,
    "26_capital_sidecars": every_image_in_place,
    "37_south_up_and_turned": every_image_in_place,
    "38_nodata_not_representable": every_image_in_place,
    "40_compound_crs": every_image_in_place,
    "41_ycbcr_internal_mask": masked_rows,
}
