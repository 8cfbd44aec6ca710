"""Ground control points of GDAL: in a GeoTIFF, in a VRT over the image as it is, or as arguments of its tools.

Source of the format: GDAL's raster data model ("GCPs") and VRT driver (`GCPList`, `GCP`). `Pixel` and `Line` count from
the outer corner of the first pixel, x is easting or longitude and y northing or latitude, as here. GDAL fits every
point, so only points that are fitted are written.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from mlcore.correspondences.exchange.control_points import MOST_POINTS, ControlPoints
from mlcore.correspondences.matches import checked_picture
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file
from mlcore.imagery.gdal import GDAL_ERRORS, hardened_raster
from mlcore.imagery.georeference import horizontal_part

VRT_TYPES = {"uint8": "Byte", "uint16": "UInt16", "int16": "Int16", "float32": "Float32"}


def gcp_arguments(points: ControlPoints) -> list[str]:
    """Arguments of gdal_translate: `-a_srs`, where it is known, then `-gcp pixel line easting northing`."""
    words = [] if points.crs is None else ["-a_srs", _name(points)]
    for numbers in _numbers(points):
        words += ["-gcp", *(repr(one) for one in numbers)]
    return words


def gcp_text(points: ControlPoints, image: str, out: str) -> str:
    """A line for the shell that gives an image its control points without touching a pixel."""
    return shlex.join(["gdal_translate", *gcp_arguments(points), image, out]) + "\n"


def write_gcp_tiff(points: ControlPoints, image_rgb: np.ndarray, path: Path) -> None:
    """A GeoTIFF of the image that carries the points.

    Args:
        image_rgb: (H, W, 3) uint8, in whose pixels the points are.

    Raises:
        InvalidInputError: no picture, or no point to write.
    """
    rgb = checked_picture(image_rgb, "image")
    points_gdal = [
        GroundControlPoint(row=line, col=pixel, x=x, y=y, id=str(number))
        for number, (pixel, line, x, y) in enumerate(_some_numbers(points), 1)
    ]
    height, width = rgb.shape[:2]
    crs = points.crs or CRS()  # rasterio 1.4 takes no points with None
    how = {"driver": "GTiff", "photometric": "RGB", "compress": "deflate", "gcps": points_gdal, "crs": crs}
    size = {"width": width, "height": height, "count": 3, "dtype": "uint8"}
    with (
        whole_file(path) as scratch,
        rasterio.Env(GDAL_PAM_ENABLED="NO"),
        rasterio.open(scratch, "w", **how, **size) as data,
    ):
        data.write(rgb.transpose(2, 0, 1))


def write_gcp_vrt(points: ControlPoints, image: Path, path: Path) -> None:
    """A VRT that shows the image file and carries the points; the image stays as it is.

    Raises:
        InvalidInputError: no raster of a common type, or no point to write.
    """
    with hardened_raster(image) as data:
        width, height, kinds, masked = data.width, data.height, data.dtypes, data.nodatavals
        meanings = [meaning.name.capitalize() for meaning in data.colorinterp]
        palette = "Palette" in meanings
    if set(kinds) - set(VRT_TYPES) or palette:
        raise InvalidInputError(
            f"{image.name} holds {kinds[0]} or a palette: convert it with gdal_translate -expand rgb"
        )
    root = ElementTree.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    projection = "" if points.crs is None else points.crs.to_wkt()
    listed = ElementTree.SubElement(root, "GCPList", Projection=projection)
    for number, (pixel, line, x, y) in enumerate(_some_numbers(points), 1):
        ElementTree.SubElement(
            listed, "GCP", Id=str(number), Pixel=repr(pixel), Line=repr(line), X=repr(x), Y=repr(y), Z="0"
        )
    beside = image.resolve().parent == path.resolve().parent
    for number, (kind, meaning, nodata) in enumerate(zip(kinds, meanings, masked, strict=True), 1):
        band = ElementTree.SubElement(root, "VRTRasterBand", dataType=VRT_TYPES[kind], band=str(number))
        ElementTree.SubElement(band, "ColorInterp").text = meaning
        if nodata is not None:
            ElementTree.SubElement(band, "NoDataValue").text = repr(nodata)
        source = ElementTree.SubElement(band, "SimpleSource")
        named = ElementTree.SubElement(source, "SourceFilename", relativeToVRT=str(int(beside)))
        named.text = image.name if beside else str(image.resolve())
        ElementTree.SubElement(source, "SourceBand").text = str(number)
    ElementTree.indent(root)
    with whole_file(path) as scratch:
        scratch.write_bytes(ElementTree.tostring(root, encoding="utf-8") + b"\n")


def read_gcps(path: Path) -> ControlPoints:
    """The control points that a GeoTIFF carries, all of them to be fitted; files beside it are not read.

    Raises:
        InvalidInputError: it is no GeoTIFF, PNG or JPEG that can be read, or has no control points, or too many.
    """
    with hardened_raster(path) as data:
        try:
            found, crs = data.gcps
            crs = horizontal_part(crs) if crs else None
        except (*GDAL_ERRORS, ValueError) as error:
            raise InvalidInputError(f"{path.name} has damaged control points ({error}): write them again") from error
    if not found or len(found) > MOST_POINTS:
        count = "no" if not found else f"over {MOST_POINTS:,}"
        raise InvalidInputError(f"{path.name} carries {count} control points: give it some with gdal_translate -gcp")
    return ControlPoints.of(
        np.array([(point.col, point.row) for point in found], np.float64),
        np.array([(point.x, point.y) for point in found], np.float64),
        crs,
    )


def _numbers(points: ControlPoints) -> list[tuple[float, float, float, float]]:
    """Pixel, line, x, y of the points that are fitted."""
    used = points.only(points.fitted_mask)
    return [(float(c), float(r), float(x), float(y)) for (c, r), (x, y) in zip(used.image_xy, used.map_xy, strict=True)]


def _some_numbers(points: ControlPoints) -> list[tuple[float, float, float, float]]:
    numbers = _numbers(points)
    if not numbers:
        raise InvalidInputError("there is no enabled point to fit: enable some before they are written for GDAL")
    return numbers


def _name(points: ControlPoints) -> str:
    """The reference system by its number where it has one, which is shorter to read than WKT."""
    number = points.crs.to_epsg() if points.crs is not None else None
    return f"EPSG:{number}" if number else points.crs.to_wkt() if points.crs is not None else ""
