#!/usr/bin/env bash
# rasterio 1.4.4 (GDAL 3.10) and Pillow 11.3.0: a scanned sheet or a film negative, TIFF with PhotometricInterpretation = 0.
#
# Expected: a reader gives what the picture looks like, so that both readers agree: white as 255.
# Seen: GDAL gives the stored numbers, in which white is 0; that they are the other way round is
# told only by the metadata item MINISWHITE of the domain IMAGE_STRUCTURE. The colour interpretation becomes "undefined", and a
# copy that is written without that item is a negative. Pillow turns the numbers round: the two differ at every pixel, by 255 - value.
# So: whoever shows or matches such images through rasterio looks at `tags(ns="IMAGE_STRUCTURE")` first.
#
# Exits 0 while that is so, 1 once the two agree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rasterio==1.4.4 numpy==2.2.6 pillow==11.3.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
import PIL
import rasterio
from PIL import Image

print("rasterio", rasterio.__version__, "GDAL", rasterio.__gdal_version__, "Pillow", PIL.__version__)
stored = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
shape = {"driver": "GTiff", "width": 16, "height": 16, "count": 1, "dtype": "uint8"}
with rasterio.open("sheet.tif", "w", photometric="MINISWHITE", **shape) as data:
    data.write(stored)
with rasterio.open("sheet.tif") as data:
    by_gdal, says, colour = data.read(1), data.tags(ns="IMAGE_STRUCTURE"), data.colorinterp[0].name
    profile = data.profile
with rasterio.open("copy.tif", "w", **profile) as copy:
    copy.write(by_gdal, 1)
by_pillow, of_copy = np.asarray(Image.open("sheet.tif")), np.asarray(Image.open("copy.tif"))
print(f"stored 0, which is white: GDAL {by_gdal[0, 0]} ({colour}, MINISWHITE={says.get('MINISWHITE')}), Pillow {by_pillow[0, 0]}")
print(f"copied through read, profile and write: Pillow {of_copy[0, 0]}")
if (by_gdal == stored[0]).all() and (by_pillow == 255 - by_gdal).all() and says.get("MINISWHITE") == "YES":
    print("the two differ at every pixel; the copy is a negative:", bool((of_copy == by_gdal).all()))
    sys.exit(0 if (of_copy == by_gdal).all() else 1)
print("the two agree, or differ otherwise than told above")
sys.exit(1)
PY
