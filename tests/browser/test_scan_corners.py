"""Points on a map scan snap to strong corners of its picture, since a scan has no footprints."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from django.conf import settings

from annotation.correspondences.engine import scan_picture
from annotation.correspondences.models import Correspondences
from annotation.tiles.engine import tile_address
from mlcore.correspondences.hybrid.pictures import prepared
from mlcore.correspondences.scanned import mercator_to_tile
from tests.browser.matched import pairs_of
from tests.browser.stock import Stock
from tests.browser.test_correspondences import draft_of, drag, mark, open_editor, snap
from tests.factories_correspondences import PLACES, MapScanFactory, ScanProposalFactory, make_batch

CORNER = (22.0, 31.5)
"""Of a dark block on the sheet, in pixels of the tile; point 1 of the proposal lies two pixels off it."""


@pytest.fixture
def row(stock: Stock) -> Correspondences:
    """A proposal on a sheet as large as the image, which lies on it as it is: white paper with one dark block."""
    tile = pairs_of(stock)[0].tile
    with rasterio.open(Path(settings.MEDIA_ROOT) / stock.imagery.cog_path) as image:
        to_tile = mercator_to_tile(tile_address(tile), 256) @ np.array(image.transform).reshape(3, 3)
        paper = np.full((image.height, image.width, 3), 235, np.uint8)
    block = np.array([CORNER, (110, CORNER[1]), (110, 100), (CORNER[0], 100)])
    places = np.column_stack([block, np.ones(4)]) @ np.linalg.inv(to_tile).T
    cv2.fillPoly(paper, [np.round((places[:, :2] - 0.5) * 16).astype(np.int32)], (60, 50, 40), cv2.LINE_AA, shift=4)
    scan = MapScanFactory(
        region=stock.region, imagery=stock.imagery, upload_path=f"regions/{stock.region.pk}/scans/1/upload.png",
        made={"coarse": {"parameters": [1.0, 0, 0, 0, 1.0, 0, 0, 0]}},
    )  # fmt: skip
    scan_picture(scan).parent.mkdir(parents=True, exist_ok=True)
    sheet = scan_picture(scan).with_name("upload.png")
    cv2.imwrite(str(sheet), paper)
    prepared(sheet, scan_picture(scan))
    return ScanProposalFactory(scan=scan, scan_tile=tile)


def test_a_place_on_a_scan_snaps_to_a_corner_of_its_picture_unless_switched_off(new_page, stock, row):
    assert np.linalg.norm(np.subtract(PLACES[0], CORNER)) < 3
    page = new_page(stock.admin)
    open_editor(page, make_batch(stock.region, user=stock.admin))
    snap(page, corners=True, edges=False)
    drag(page, mark(page, 1, "map"), 5, 3)
    assert draft_of(page, 1)["map_xy"] == pytest.approx(CORNER, abs=0.6)
    page.keyboard.press("Control+z")
    snap(page, corners=False, edges=False)
    drag(page, mark(page, 1, "map"), -5, -3)
    free = draft_of(page, 1)["map_xy"]
    assert np.linalg.norm(np.subtract(free, CORNER)) > 2
    page.keyboard.press("Control+z")
    snap(page, corners=True, edges=False)
    drag(page, mark(page, 5, "map"), 5, 3)  # far from any corner
    assert np.linalg.norm(np.subtract(draft_of(page, 5)["map_xy"], PLACES[4])) > 0.5
