"""Which edits would change nothing that anyone could see or would draw anew."""

from __future__ import annotations

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.polygons import LocalFrame

LEAST_MOVE_M, LEAST_MOVE_PX = 1.0, 2.0
"""Walls that move by less are left alone: drawing from another image of the same accuracy moves them as far, and what
is below two pixels the image does not resolve."""
LEAST_CHANGED_M2, LEAST_CHANGED_PX = 4.0, 9.0
"""Ground that must change where walls move so far: 2 m by 2 m, a porch."""


def changes_enough(current: BaseGeometry, proposal: BaseGeometry, resolution_m: float) -> bool:
    """Whether a proposed shape differs from the map's by more than drawing it again would.

    What differs is opened with a disc as wide as the least move of a wall, so that a thin strip along however long a
    wall counts for nothing; what is left must cover some ground.

    Args:
        current, proposal: in degrees.
        resolution_m: metres per pixel of the image.
    """
    frame = LocalFrame.around(current)
    drawn, wanted = (shapely.make_valid(frame.to_m(shape)) for shape in (current, proposal))
    radius = max(LEAST_MOVE_M, LEAST_MOVE_PX * resolution_m) / 2
    differing = shapely.symmetric_difference(drawn, wanted, grid_size=1e-3)
    moved = differing.buffer(-radius).buffer(radius)
    return bool(moved.area >= max(LEAST_CHANGED_M2, LEAST_CHANGED_PX * resolution_m**2))
