"""Of a base only the part that a query may show is read, and it is what the whole would be there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from affine import Affine

from mlcore.geolocation.bases import Base, BaseGrid, PictureBases, RasterBases
from mlcore.geolocation.parts import box_of, read_part
from tests.mlcore.geolocation.grounds import texture, write_raster

CORNERS = np.array([[210.0, 230], [300, 230], [300, 330], [210, 330]])


def test_a_part_is_as_in_the_whole_and_the_rest_is_not_valid(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "land.tif", texture(3, 600, 600), Affine(0.5, 0, 4_000_000, 0, -0.5, 200))
    source = RasterBases(path, BaseGrid(side_px=500, resolution_m=0.5))
    base = next(iter(source))
    rgb, valid = source.read(base)
    part, seen = read_part(source, base, CORNERS)
    assert part.shape == rgb.shape and seen.shape == valid.shape
    inside = np.s_[200:360, 180:330]
    assert seen[inside].all() and np.abs(part[inside].astype(int) - rgb[inside]).max() <= 1
    assert not seen[:100].any() and not part[:100].any()


def test_what_lies_beside_a_base_or_covers_most_of_it_is_read_without_error(tmp_path: Path) -> None:
    base = Base("b", Affine(1, 0, 0, 0, -1, 0), 500, 500)
    assert box_of(base, CORNERS * 10) is not None and box_of(base, CORNERS - 5000) is not None
    assert box_of(base, np.array([[0.0, 0], [500, 0], [500, 500], [0, 500]])) is None
    assert box_of(base, CORNERS * np.nan) is None
    path = write_raster(tmp_path / "a.tif", texture(3, 500, 500), Affine(1, 0, 0, 0, -1, 0))
    pictures = PictureBases([path])
    assert read_part(pictures, next(iter(pictures)), CORNERS)[1].all()
