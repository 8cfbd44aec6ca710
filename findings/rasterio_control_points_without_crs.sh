#!/usr/bin/env bash
# rasterio 1.4.4: ground control points of an image whose reference system is not known.
#
# Expected: `gcps=points, crs=None` writes them, since `crs=None` is how a transform without a reference system is written,
# and since `DatasetReader.gcps` itself gives (points, None) for such a file: what was read can be written.
# Seen: AttributeError, 'NoneType' object has no attribute 'to_wkt'. An empty `CRS()` is taken, and read back as None.
# So: whoever copies control points from file to file writes `crs or CRS()`.
#
# Exits 0 while that is so, 1 once None is taken.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rasterio==1.4.4 numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.transform import from_origin

print("rasterio", rasterio.__version__, "GDAL", rasterio.__gdal_version__)
shape = {"driver": "GTiff", "width": 10, "height": 10, "count": 1, "dtype": "uint8"}
points = [GroundControlPoint(row, column, column / 10, -row / 10) for row in (0, 9) for column in (0, 9)]
with rasterio.open("transform.tif", "w", transform=from_origin(0, 0, 1, 1), crs=None, **shape) as data:
    data.write(np.zeros((1, 10, 10), np.uint8))
with rasterio.open("empty.tif", "w", gcps=points, crs=CRS(), **shape) as data:
    data.write(np.zeros((1, 10, 10), np.uint8))
with rasterio.open("empty.tif") as data:
    read, crs = data.gcps
print(f"a transform with crs=None: written; control points with CRS(): written, read back with {crs!r}")
assert len(read) == 4 and crs is None
try:
    with rasterio.open("none.tif", "w", gcps=read, crs=crs, **shape) as data:
        data.write(np.zeros((1, 10, 10), np.uint8))
except AttributeError as error:
    print(f"the same pair written again: AttributeError: {error}")
    sys.exit(0)
print("the same pair written again: taken")
sys.exit(1)
PY
