"""What a photograph says of where and how it was taken: EXIF and DJI's XMP, each value checked before it is believed.

Only what helps to place the picture is read. Serial numbers, owners and comments are never looked at.
"""

from __future__ import annotations

import datetime as dt
import math
import warnings as python_warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from mlcore.errors import InvalidInputError
from mlcore.imagery.photo_values import WORDS, captured_at, direction, heights, position, text_of, within
from mlcore.imagery.xmp import XMP_BYTES, read_xmp

FORMATS = ("JPEG", "PNG", "TIFF")
DIAGONAL_35MM_MM = 43.2666
"""Of the picture that "focal length in 35 mm film" speaks of: 36 x 24 mm."""


@dataclass(frozen=True)
class PhotoMetadata:
    """What a photograph says; None where it says nothing that can be believed.

    Attributes:
        width, height: pixels as it is looked at, with the orientation applied.
        orientation: EXIF's, 1 to 8.
        lon, lat: degrees; position_error_m: how far off these may be.
        altitude_m: above the sea; height_m: above where the flight began.
        heading_deg: of the picture's upper side, clockwise from north.
        tilt_deg: of the camera from straight down.
        captured_at: ISO 8601, with an offset where one is told.
        camera: maker and model; focal_mm; focal_35mm: the same on 35 mm film.
        ground_resolution_m: metres on the ground per pixel; radius_m: from the position to the farthest corner shown.
        warnings: what is odd or was not believed, one sentence each.
    """

    width: int
    height: int
    orientation: int = 1
    lon: float | None = None
    lat: float | None = None
    position_error_m: float | None = None
    altitude_m: float | None = None
    height_m: float | None = None
    heading_deg: float | None = None
    tilt_deg: float | None = None
    captured_at: str | None = None
    camera: str = ""
    focal_mm: float | None = None
    focal_35mm: float | None = None
    ground_resolution_m: float | None = None
    radius_m: float | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON types."""
        return asdict(self) | {"warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> PhotoMetadata:
        """What `to_json` gave."""
        return cls(**{**record, "warnings": tuple(record["warnings"])})


def read_photo_metadata(path: Path, now: dt.datetime) -> PhotoMetadata:
    """The metadata of a JPEG, PNG or TIFF; whatever is damaged in it becomes a warning.

    Args:
        now: with a time zone; what claims to be later is not believed.

    Raises:
        InvalidInputError: it is no such picture.
    """
    said: list[str] = []
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")  # of damaged tags, and of sizes that are checked elsewhere
        try:
            with Image.open(path, formats=FORMATS) as image:
                exif, gps, xmp = _blocks(image, said)
                size = _stored_size(image)
        except Exception as error:  # damaged bytes lead its parsers to any of them
            raise InvalidInputError(
                f"{path.name} is no JPEG, PNG or TIFF that can be read: export it again ({str(error)[:WORDS]})"
            ) from error
    orientation = _orientation(exif.get(ExifTags.Base.Orientation), said)
    size = size[::-1] if orientation >= 5 else size
    found = PhotoMetadata(*size, orientation=orientation, camera=_camera(exif))
    found = replace(
        found,
        focal_mm=within(exif.get(ExifTags.Base.FocalLength), 0.5, 2000),
        focal_35mm=within(exif.get(ExifTags.Base.FocalLengthIn35mmFilm), 5, 2000),
        captured_at=captured_at(exif, gps, now, said),
        **position(gps, xmp, said),
        **heights(gps, xmp, said),
        **direction(gps, xmp, orientation, said),
    )
    return replace(_with_footprint(found, said), warnings=tuple(said))


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height in the file: Pillow turns those of a TIFF by its orientation, and of no other format."""
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        return int(tags[256]), int(tags[257])
    return image.size


def _blocks(image: Image.Image, said: list[str]) -> tuple[dict[int, Any], dict[int, Any], dict[str, str]]:
    """EXIF (both directories in one), its GPS directory, and XMP by local names; empty where damaged."""
    exif: dict[int, Any] = {}
    gps: dict[int, Any] = {}
    try:
        read = image.getexif()
        exif = {**read, **read.get_ifd(ExifTags.IFD.Exif)}
        gps = dict(read.get_ifd(ExifTags.IFD.GPSInfo))
    except Exception as error:  # Pillow's readers of tags raise whatever the bytes lead them to
        said.append(f"its EXIF is damaged and was not read ({type(error).__name__})")
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if image.format == "TIFF":
        packet = packet or getattr(image, "tag_v2", {}).get(700, b"")
    packet = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    if not isinstance(packet, bytes) or not packet:
        return exif, gps, {}
    if len(packet) > XMP_BYTES:
        said.append(f"its XMP is {len(packet) >> 10} kB long, more than a camera writes: it was not read")
        return exif, gps, {}
    try:
        return exif, gps, read_xmp(packet)
    except InvalidInputError as error:
        said.append(f"its XMP was not read: {error}")
        return exif, gps, {}


def _orientation(value: Any, said: list[str]) -> int:
    if value is None or value in range(1, 9):
        return int(value or 1)
    said.append("its orientation tag means nothing: it is shown as it is stored")
    return 1


def _camera(exif: Mapping[int, Any]) -> str:
    maker, model = (text_of(exif.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    return (model if model.lower().startswith(maker.lower()) else f"{maker} {model}").strip()[:WORDS]


def _with_footprint(found: PhotoMetadata, said: list[str]) -> PhotoMetadata:
    """Ground per pixel and how far the picture reaches, where height and lens are told."""
    if found.height_m is None or found.focal_35mm is None:
        if found.lon is not None and found.altitude_m is not None and found.height_m is None:
            said.append("it tells its height above the sea, not above the ground: its scale is not known")
        return found
    diagonal = math.hypot(found.width, found.height)
    resolution = found.height_m * DIAGONAL_35MM_MM / found.focal_35mm / diagonal
    aside = found.height_m * math.tan(math.radians(min(found.tilt_deg or 0.0, 60.0)))
    return replace(found, ground_resolution_m=resolution, radius_m=resolution * diagonal / 2 + aside)
