"""Control points as GeoJSON (RFC 7946): points in WGS 84, the image's pixels and what is known in their properties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.correspondences.exchange.control_points import ControlPoints
from mlcore.files import whole_file


def geojson_of(points: ControlPoints) -> dict[str, Any]:
    """All points, used or not, as a FeatureCollection.

    Properties: image_x and image_y (pixels of the image), enabled, role, and residual_x_px and residual_y_px, null
    where nobody measured them.

    Raises:
        InvalidInputError: the points have no reference system.
    """
    rows = zip(points.lonlat(), points.image_xy, points.enabled, points.roles, points.residuals_px, strict=True)
    features = [
        {
            "type": "Feature",
            "id": number,
            "geometry": {"type": "Point", "coordinates": [float(lonlat[0]), float(lonlat[1])]},
            "properties": {
                "image_x": float(xy[0]),
                "image_y": float(xy[1]),
                "enabled": bool(enabled),
                "role": role,
                "residual_x_px": _or_null(off[0]),
                "residual_y_px": _or_null(off[1]),
            },
        }
        for number, (lonlat, xy, enabled, role, off) in enumerate(rows, 1)
    ]
    return {"type": "FeatureCollection", "features": features}


def write_geojson(points: ControlPoints, path: Path) -> None:
    """`geojson_of` as a file."""
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(geojson_of(points), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _or_null(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
