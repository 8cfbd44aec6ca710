#!/usr/bin/env bash
# rasterio 1.4.4 (GDAL 3.10.3 in its wheel): the transform of an image without georeference, opened with OVERVIEW_LEVEL=NONE.
#
# Expected, from rasterio's documentation and from its own warning ("The identity matrix will be returned"): the identity.
# Seen: whatever lay in memory: six numbers that differ from call to call and from process to process, most of them
# around 1e-310, some of them large. The same files opened without the option give the identity.
# So: whoever opens files from outside with OVERVIEW_LEVEL=NONE must take the NotGeoreferencedWarning for the answer, and
# never compare the transform with the identity.
#
# Exits 0 while that is so, 1 once the identity comes back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rasterio==1.4.4 numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import warnings

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

warnings.simplefilter("ignore", NotGeoreferencedWarning)
print("rasterio", rasterio.__version__, "GDAL", rasterio.__gdal_version__)
identity = rasterio.Affine.identity()
values = np.arange(3 * 64 * 64, dtype=np.uint8).reshape(3, 64, 64)
garbage = 0
for driver, name in (("GTiff", "a.tif"), ("PNG", "a.png"), ("JPEG", "a.jpg")):
    with rasterio.open(name, "w", driver=driver, width=64, height=64, count=3, dtype="uint8") as data:
        data.write(values)
    with rasterio.open(name) as data:
        assert data.transform == identity, (name, data.transform)
    with rasterio.open(name, OVERVIEW_LEVEL="NONE") as data:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            seen = data.read_transform()
    told = any(issubclass(one.category, NotGeoreferencedWarning) for one in said)
    print(f"{name}: plain: identity; OVERVIEW_LEVEL=NONE: {seen}; warning: {told}")
    assert told, "the warning is the one thing that can be relied on"
    garbage += seen != list(identity.to_gdal())
sys.exit(0 if garbage else 1)
PY
