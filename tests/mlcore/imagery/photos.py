"""Photographs that tests make: EXIF and XMP as cameras write them, right or wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

XMP_TAG = 700
DJI = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" {}/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def dji_xmp(**values: Any) -> bytes:
    """A packet as DJI writes it: `RelativeAltitude="+39.90"` and so on."""
    return DJI.format(" ".join(f'drone-dji:{name}="{value}"' for name, value in values.items())).encode()


def degrees(value: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds of a position's size."""
    size = abs(value)
    whole, minutes = int(size), int(size * 60) % 60
    seconds = (size * 60 - int(size * 60)) * 60
    return IFDRational(whole), IFDRational(minutes), IFDRational(round(seconds * 100_000), 100_000)


def gps(lon: float, lat: float, **tags: Any) -> dict[int, Any]:
    """A GPS directory; `tags` by EXIF's names replace its own, None takes one away."""
    found: dict[str, Any] = {
        "GPSLatitudeRef": "N" if lat >= 0 else "S", "GPSLatitude": degrees(lat),
        "GPSLongitudeRef": "E" if lon >= 0 else "W", "GPSLongitude": degrees(lon), **tags,
    }  # fmt: skip
    return {int(ExifTags.GPS[name]): value for name, value in found.items() if value is not None}


def write_photo(
    path: Path,
    rgb: np.ndarray,
    *,
    position: dict[int, Any] | None = None,
    tags: dict[int, Any] | None = None,
    camera: dict[int, Any] | None = None,
    xmp: bytes = b"",
) -> Path:
    """A picture with what a camera says of it; the format is that of the name.

    Args:
        tags: of the picture; camera: of the EXIF directory.
    """
    exif = Image.Exif()
    exif.update({int(ExifTags.Base.Software): "a camera", **(tags or {})})  # Pillow writes none without a tag
    if camera:
        exif.get_ifd(ExifTags.IFD.Exif).update(camera)
    if position:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(position)
    how: dict[str, Any] = {"exif": exif}
    if path.suffix == ".png":
        how["pnginfo"] = PngInfo()
        if xmp:
            how["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    elif path.suffix == ".jpg":
        how |= {"quality": 92, **({"xmp": xmp} if xmp else {})}
    else:
        directories = {XMP_TAG: xmp, int(ExifTags.IFD.Exif): camera, int(ExifTags.IFD.GPSInfo): position}
        exif.update({tag: value for tag, value in directories.items() if value})
    Image.fromarray(rgb).save(path, **how)
    return path


def texture(height: int = 90, width: int = 140) -> np.ndarray:
    """(H, W, 3) uint8 with something to see in every part."""
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=np.uint8)
