"""Control points of a raster from outside, read in a child process with limits of its own.

A text is read by this library's own few lines; a raster's header goes through GDAL, which a hostile file may break or
keep busy. The child prints the points as JSON, and its last word is either these or what is wrong with the file.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS

from mlcore.correspondences.exchange.control_points import ControlPoints
from mlcore.correspondences.exchange.gdal_points import read_gcps
from mlcore.errors import InvalidInputError
from mlcore.imagery.gdal import hardened_raster
from mlcore.ingestion.sandbox import child_environment

MEMORY_BYTES, CPU_S, WALL_S = 4 * 1024**3, 10, 30


def read_gcps_apart(path: Path, name: str = "") -> tuple[ControlPoints, tuple[int, int]]:
    """The control points that a GeoTIFF carries, and its width and height.

    Args:
        name: what to call the file in messages; its own name where none is given.

    Raises:
        InvalidInputError: as of `read_gcps`, or it cost more time or memory than a header may.
    """
    name = name or path.name
    words = [sys.executable, "-P", "-m", "mlcore.correspondences.exchange.apart", str(path.resolve())]
    try:
        # -P and a bare environment, as for every file from outside: nothing is looked for beside it.
        child = subprocess.run(
            words, capture_output=True, env=child_environment(), timeout=WALL_S, check=False, stdin=subprocess.DEVNULL
        )
        told = json.loads(child.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise InvalidInputError(f"{name} broke the reader of control points: write it again") from error
    if "error" in told:
        raise InvalidInputError(str(told["error"]).replace(path.name, name))
    crs = CRS.from_wkt(told["crs"]) if told["crs"] else None
    points = ControlPoints.of(np.array(told["image_xy"]), np.array(told["map_xy"]), crs)
    return points, (int(told["size"][0]), int(told["size"][1]))


def _told(path: Path) -> dict[str, Any]:
    try:
        points = read_gcps(path)
        with hardened_raster(path) as data:
            size = [data.width, data.height]
    except InvalidInputError as error:
        return {"error": str(error)}
    crs = "" if points.crs is None else points.crs.to_wkt(version="WKT2_2019")
    return {"image_xy": points.image_xy.tolist(), "map_xy": points.map_xy.tolist(), "crs": crs, "size": size}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    print(json.dumps(_told(Path(sys.argv[1]))))
