"""The single values of a photograph's metadata, each checked before it is believed; what is odd is told."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags

EARTH_M = 111_195.0
"""Metres of a degree of latitude."""
GPS_ERROR_M = 15.0
"""Of a position whose own error nobody told."""
HIGHEST_M, DEEPEST_M, HIGHEST_FLIGHT_M = 20_000.0, -500.0, 10_000.0
FIRST_YEAR = 1990
NEAR_NADIR_DEG, OBLIQUE_DEG = 15.0, 50.0
"""So far from straight down a plane still explains the picture; so far, it shows more sky or walls than ground."""
TURNED_DEG = {1: 0.0, 3: 180.0, 6: 90.0, 8: 270.0}
"""By how much, clockwise, a picture of this orientation tag is turned before it is looked at."""
WORDS = 60


def text_of(value: Any) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return "".join(c for c in text if c.isprintable()).strip()[:WORDS]


def number_of(value: Any) -> float | None:
    """A finite number, whatever form it was written in; None otherwise."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def within(value: Any, low: float, high: float) -> float | None:
    number = number_of(value)
    return number if number is not None and low <= number <= high else None


def captured_at(exif: Mapping[int, Any], gps: Mapping[int, Any], now: dt.datetime, said: list[str]) -> str | None:
    camera = _moment(text_of(exif.get(ExifTags.Base.DateTimeOriginal)))
    day, clock = text_of(gps.get(ExifTags.GPS.GPSDateStamp)), gps.get(ExifTags.GPS.GPSTimeStamp)
    parts = [number_of(one) for one in clock] if isinstance(clock, tuple) and len(clock) == 3 else []
    told = " ".join([day, ":".join(f"{int(part or 0):02d}" for part in parts) or "00:00:00"]) if day else ""
    satellites = _moment(told)
    known = [_believed(one, name, now, said) for name, one in (("camera's", camera), ("GPS", satellites))]
    if known[0] and known[1] and abs(known[0] - known[1]) > dt.timedelta(hours=26):
        said.append("the camera's date and that of the GPS differ by more than a day: the camera's clock is wrong")
    if known[1] and parts:
        return known[1].replace(tzinfo=dt.UTC).isoformat()
    return known[0].isoformat() if known[0] else None


def _believed(moment: dt.datetime | None, name: str, now: dt.datetime, said: list[str]) -> dt.datetime | None:
    if moment is None or (moment.year >= FIRST_YEAR and moment.replace(tzinfo=dt.UTC) <= now + dt.timedelta(days=1)):
        return moment
    said.append(f"the {name} date {moment:%Y-%m-%d} can't be right and is not used")
    return None


def _moment(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text[:19].replace("-", ":"), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def position(gps: Mapping[int, Any], xmp: Mapping[str, str], said: list[str]) -> dict[str, Any]:
    lat, lat_signed = _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "NS", said)
    lon, lon_signed = _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "EW", said)
    # DJI once misspelt the longitude.
    other_lat = number_of(xmp.get("GpsLatitude"))
    other_lon = number_of(xmp.get("GpsLongitude", xmp.get("GpsLongtitude")))
    other = _on_earth(other_lon, other_lat, "XMP", said)
    own = _on_earth(lon, lat, "EXIF", said)
    none: dict[str, Any] = {"lon": None, "lat": None, "position_error_m": None}
    place = own or other
    if place is None:
        return none
    if own and other and distance_m(own, other) > 1000:
        mirrored = math.isclose(abs(own[0]), abs(other[0]), abs_tol=1e-3) and math.isclose(
            abs(own[1]), abs(other[1]), abs_tol=1e-3
        )
        if mirrored:
            said.append("EXIF and XMP give the position with opposite signs: that of the XMP is taken")
            place = other
        else:
            said.append("EXIF and XMP give positions that lie more than 1 km apart: that of EXIF is taken")
    elif own and not other and not (lat_signed and lon_signed):
        said.append("its position does not say north or south, east or west: it is read as north and east")
    error = within(gps.get(ExifTags.GPS.GPSHPositioningError), 0.01, 100_000) or GPS_ERROR_M
    return {"lon": place[0], "lat": place[1], "position_error_m": error}


def _degrees(
    gps: Mapping[int, Any], tag: int, ref_tag: int, letters: str, said: list[str]
) -> tuple[float | None, bool]:
    """Signed degrees, and whether the sign is told."""
    value, ref = gps.get(tag), text_of(gps.get(ref_tag)).upper()[:1]
    if value is None:
        return None, True
    parts = [number_of(one) for one in (value if isinstance(value, tuple) else (value,))]
    if not 1 <= len(parts) <= 3 or None in parts:
        said.append("its position holds numbers that are none: it is not used")
        return None, True
    degrees = sum(float(part or 0) / 60**power for power, part in enumerate(parts))
    if degrees < 0 and ref in letters and ref:
        said.append("its position is negative and has a letter as well: the letter counts")
        degrees = abs(degrees)
    known = bool(ref) and ref in letters
    return (-degrees if known and ref == letters[1] else degrees), known or degrees < 0


def _on_earth(lon: float | None, lat: float | None, where: str, said: list[str]) -> tuple[float, float] | None:
    if lon is None or lat is None:
        return None
    if abs(lon) < 1e-6 and abs(lat) < 1e-6:
        said.append(f"its {where} gives the position 0, 0, which is what a camera writes that has none: it is not used")
        return None
    if abs(lat) > 90 or abs(lon) > 180:
        swapped = ", latitude and longitude look swapped" if abs(lon) <= 90 and abs(lat) <= 180 else ""
        said.append(
            f"its {where} gives a position that is not on Earth ({lat:.5g}, {lon:.5g}{swapped}): it is not used"
        )
        return None
    return lon, lat


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two places (longitude, latitude) that lie near each other."""
    east = (one[0] - other[0] + 180) % 360 - 180
    middle = math.radians((one[1] + other[1]) / 2)
    return math.hypot(east * math.cos(middle), one[1] - other[1]) * EARTH_M


def heights(gps: Mapping[int, Any], xmp: Mapping[str, str], said: list[str]) -> dict[str, Any]:
    altitude = number_of(gps.get(ExifTags.GPS.GPSAltitude))
    if altitude is not None and gps.get(ExifTags.GPS.GPSAltitudeRef) in (1, b"\x01"):
        altitude = -altitude
    if altitude is not None and not DEEPEST_M <= altitude <= HIGHEST_M:
        said.append(f"its altitude of {altitude:.0f} m is impossible and not used")
        altitude = None
    height = number_of(xmp.get("RelativeAltitude"))
    if height is not None and not 2.0 <= height <= HIGHEST_FLIGHT_M:
        said.append(
            f"its height of {height:.0f} m above the start is not that of a picture from the air: it is not used"
        )
        height = None
    return {"altitude_m": altitude, "height_m": height}


def direction(gps: Mapping[int, Any], xmp: Mapping[str, str], orientation: int, said: list[str]) -> dict[str, Any]:
    pitch, roll = (within(xmp.get(name), -360, 360) for name in ("GimbalPitchDegree", "GimbalRollDegree"))
    tilt = None
    if pitch is not None:
        down = -math.sin(math.radians(pitch)) * math.cos(math.radians(roll or 0.0)) if abs(pitch) < 89.99 else 1.0
        tilt = abs(90.0 + pitch) if abs(roll or 0.0) < 1 else math.degrees(math.acos(max(-1.0, min(1.0, down))))
    if tilt is not None and tilt > OBLIQUE_DEG:
        said.append(f"the camera looked {tilt:.0f} degrees away from straight down: the picture shows little ground")
    elif tilt is not None and tilt > NEAR_NADIR_DEG:
        said.append(f"the camera looked {tilt:.0f} degrees away from straight down: far parts will be placed less well")
    yaw = xmp.get("GimbalYawDegree", xmp.get("FlightYawDegree"))
    told, low = (yaw, -360.0) if yaw is not None else (gps.get(ExifTags.GPS.GPSImgDirection), 0.0)
    heading = within(told, low, 360)
    if told is not None and heading is None:
        said.append("its direction is none, from 0 to 360 degrees: it is not used")
    turned = TURNED_DEG.get(orientation)
    if heading is None or turned is None:  # mirrored pictures have no one heading
        return {"heading_deg": None, "tilt_deg": tilt}
    return {"heading_deg": (heading - turned) % 360, "tilt_deg": tilt}
