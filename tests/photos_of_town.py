"""Drone frames of the synthetic town: cut out of its imagery at an angle, with EXIF and XMP as drones write them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from PIL import ExifTags

from mlcore.geometry.webmercator import mercator_to_lonlat
from tests.mlcore.imagery.photos import dji_xmp, gps, write_photo

WIDTH, HEIGHT = 960, 640
LENS = {int(ExifTags.Base.FocalLength): 8.8, int(ExifTags.Base.FocalLengthIn35mmFilm): 24}
DIAGONAL_MM = 43.2666


@dataclass(frozen=True)
class Frame:
    """A picture of the ground and where it truly lies.

    Attributes:
        rgb: (HEIGHT, WIDTH, 3); corners: (4, 2) longitude and latitude from its upper left clockwise.
        height_m: at which a drone with LENS takes it; heading_deg: of its upper side.
    """

    rgb: np.ndarray
    corners: np.ndarray
    height_m: float
    heading_deg: float

    @property
    def middle(self) -> tuple[float, float]:
        lon, lat = self.corners.mean(axis=0).tolist()
        return lon, lat


def frame(
    imagery: Path, *, at: tuple[float, float] = (0.5, 0.5), heading_deg: float = 30.0, ground_m: float = 0.25
) -> Frame:
    """A frame of an image in EPSG:3857, in other light.

    Args:
        at: its middle, in shares of the image's width and height.
        ground_m: metres on the ground per pixel.
    """
    with rasterio.open(imagery) as data:
        picture = np.ascontiguousarray(data.read((1, 2, 3)).transpose(1, 2, 0))
        to_ground = np.array(data.transform).reshape(3, 3)
    x, y = at[0] * picture.shape[1], at[1] * picture.shape[0]
    lat = float(mercator_to_lonlat((to_ground @ [x, y, 1.0])[:2])[1])
    grow = ground_m / math.cos(math.radians(lat)) / to_ground[0, 0]
    cos, sin = grow * math.cos(math.radians(heading_deg)), grow * math.sin(math.radians(heading_deg))
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
    matrix[:2, 2] = np.array([x, y]) - matrix[:2, :2] @ [WIDTH / 2, HEIGHT / 2]
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    inside = np.linalg.inv(half) @ matrix @ half
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shown = cv2.warpPerspective(picture, inside, (WIDTH, HEIGHT), flags=how).astype(np.float32)
    noise = np.random.default_rng(5).normal(0, 3, shown.shape)
    rgb = np.uint8(np.clip(shown * [0.95, 0.9, 0.8] + 14 + noise, 0, 255))
    corners = np.array([[0, 0, 1], [WIDTH, 0, 1], [WIDTH, HEIGHT, 1], [0, HEIGHT, 1.0]]) @ (to_ground @ matrix).T
    diagonal = math.hypot(WIDTH, HEIGHT)
    height_m = ground_m * diagonal * LENS[int(ExifTags.Base.FocalLengthIn35mmFilm)] / DIAGONAL_MM
    return Frame(rgb, mercator_to_lonlat(corners[:, :2]), height_m, heading_deg % 360)


def write_frame(
    path: Path, shot: Frame, *, lonlat: tuple[float, float] | None = None, heading_deg: float | None = None,
    seconds: int = 0, tags: dict[int, Any] | None = None, told: bool = True,
) -> Path:  # fmt: skip
    """The frame as a drone's file; `lonlat` and `heading_deg` are what it claims where that is not the truth."""
    if not told:
        return write_photo(path, shot.rgb)
    position = gps(
        *(lonlat or shot.middle),
        GPSAltitude=1500.0,
        GPSDateStamp="2025:06:07",
        GPSTimeStamp=(10.0, 0.0, float(seconds)),
    )
    xmp = dji_xmp(
        RelativeAltitude=f"{shot.height_m:+.2f}", GimbalPitchDegree="-90.00", GimbalRollDegree="+0.00",
        GimbalYawDegree=f"{shot.heading_deg if heading_deg is None else heading_deg:+.2f}",
        DroneSerialNumber="SECRET-SERIAL",
    )  # fmt: skip
    named = {int(ExifTags.Base.Make): "DJI", int(ExifTags.Base.Model): "FC6310", **(tags or {})}
    return write_photo(path, shot.rgb, position=position, camera=LENS, xmp=xmp, tags=named)
