"""The outlines of the map on a tile, in the tile's pixels: what a page moves by a transform and snaps points to."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.geos import Polygon

from annotation.correspondences import engine
from annotation.correspondences.models import Correspondences
from annotation.sources.models import Footprint
from annotation.tiles.engine import tile_address

MARGIN = 0.25
"""Share of the tile's side by which outlines around it are shown as well: moved ones may lie on it."""
MOST = 1000
MOST_CORNERS = 40_000


def outlines_of(row: Correspondences) -> dict[str, Any]:
    """Rings of the pair's buildings on and around the tile, pixels at 256 px, and whether some are left out.

    A scan draws none.
    """
    if row.pair is None:
        return {"rings": [], "cut_short": False}
    west, south, east, north = row.tile.geometry.extent
    pad_x, pad_y = (east - west) * MARGIN, (north - south) * MARGIN
    box = Polygon.from_bbox((west - pad_x, south - pad_y, east + pad_x, north + pad_y))
    box.srid = 4326
    around = Footprint.objects.filter(snapshot=row.pair.snapshot_id, geometry__bboverlaps=box)
    shapes = list(around.order_by("pk").values_list("geometry", flat=True)[: MOST + 1])
    rings = engine.rings_px(shapes[:MOST], tile_address(row.tile))
    kept, corners = [], 0
    for ring in rings:
        corners += len(ring)
        if corners > MOST_CORNERS:
            break
        kept.append(ring)
    return {"rings": kept, "cut_short": len(shapes) > MOST or len(kept) < len(rings)}
