"""A base as a picture to look at, where no tiles of it are served."""

from __future__ import annotations

import cv2
import numpy as np

from annotation.geolocation.engine.bases import RowBases, base_of
from annotation.geolocation.models import ReferenceBase
from mlcore.geometry.webmercator import mercator_to_lonlat

MOST_PX = 2048


def base_webp(row: ReferenceBase) -> bytes:
    """The base as it is matched with, transparent where it has no data, no larger than MOST_PX."""
    rgb, valid = RowBases().read(base_of(row))
    rgba = np.dstack([rgb[..., ::-1], np.uint8(255) * valid])
    shrink = min(1.0, MOST_PX / max(rgba.shape[:2]))
    size = (max(1, round(rgba.shape[1] * shrink)), max(1, round(rgba.shape[0] * shrink)))
    _, content = cv2.imencode(".webp", cv2.resize(rgba, size, interpolation=cv2.INTER_AREA))
    return bytes(content)


def base_bounds(row: ReferenceBase) -> list[float]:
    """[west, south, east, north] in degrees."""
    a, _, c, _, e, f = row.transform
    (west, north), (east, south) = mercator_to_lonlat(np.array([[c, f], [c + a * row.width, f + e * row.height]]))
    return [float(west), float(south), float(east), float(north)]
