"""What a photograph says of itself is read and doubted; whatever its bytes are, nothing crashes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags
from PIL.TiffImagePlugin import IFDRational

from mlcore.errors import InvalidInputError
from mlcore.imagery.photo_metadata import PhotoMetadata, read_photo_metadata
from mlcore.imagery.xmp import XMP_BYTES, read_xmp
from tests.mlcore.imagery.photos import dji_xmp, gps, texture, write_photo
from tests.mlcore.source_makers import real_data

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BANEPA = (85.52, 27.63)
FLIGHT = {
    "RelativeAltitude": "+60.00", "GimbalPitchDegree": "-90.00", "GimbalRollDegree": "+0.00",
    "GimbalYawDegree": "-140.00", "FlightYawDegree": "-138.70",
}  # fmt: skip
LENS = {int(ExifTags.Base.FocalLength): 3.61, int(ExifTags.Base.FocalLengthIn35mmFilm): 20}


def read(path: Path) -> PhotoMetadata:
    return read_photo_metadata(path, NOW)


def said(found: PhotoMetadata) -> str:
    return " | ".join(found.warnings)


def test_a_real_drone_tells_place_height_heading_and_scale():
    found = read(real_data("photos/dji_duluth_DJI_0024.JPG"))
    assert (found.lon, found.lat) == pytest.approx((-91.993697, 46.842865), abs=1e-6)
    assert (found.height_m, found.heading_deg, found.camera) == (39.9, 220.0, "DJI FC300S")
    assert found.tilt_deg == pytest.approx(0.1)
    # The sensor is 6.17 mm wide: 39.9 m / 3.61 mm * 6.17 mm / 4000 px is 17 mm.
    assert found.ground_resolution_m == pytest.approx(0.0171, rel=0.12)
    assert found.warnings == ()


def test_a_real_street_photo_has_a_place_and_no_scale():
    found = read(real_data("photos/berlin_01.jpg"))
    assert (found.lon, found.lat) == pytest.approx((13.4003, 52.5189), abs=1e-4)
    assert found.ground_resolution_m is None and "above the sea" in said(found)
    assert "mapillary" not in str(found.to_json()).lower() and "yubin" not in str(found.to_json()).lower()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_every_format_tells_the_same(tmp_path, suffix):
    path = write_photo(
        tmp_path / f"a{suffix}", texture(), position=gps(*BANEPA, GPSAltitude=1500.0), camera=LENS,
        xmp=dji_xmp(**FLIGHT),
    )  # fmt: skip
    found = read(path)
    assert (found.lon, found.lat) == pytest.approx(BANEPA, abs=1e-7)
    assert found.altitude_m == 1500.0 and found.focal_35mm == 20
    assert (found.height_m, found.heading_deg, found.tilt_deg) == (60.0, 220.0, 0.0)
    diagonal = (90**2 + 140**2) ** 0.5
    assert found.ground_resolution_m == pytest.approx(60 * 43.2666 / 20 / diagonal)
    assert found.radius_m == pytest.approx(60 * 43.2666 / 40)


@pytest.mark.parametrize(("orientation", "size", "heading"), [(1, (140, 90), 30), (3, (140, 90), 210),
                                                              (6, (90, 140), 300), (8, (90, 140), 120)])  # fmt: skip
def test_the_orientation_turns_size_and_heading(tmp_path, orientation, size, heading):
    path = write_photo(
        tmp_path / "a.jpg", texture(), tags={274: orientation}, xmp=dji_xmp(**{**FLIGHT, "GimbalYawDegree": "+30"})
    )
    found = read(path)
    assert ((found.width, found.height), found.heading_deg) == (size, heading)


@pytest.mark.parametrize(("position", "words"), [
    (gps(0, 0), "0, 0"),
    (gps(85.52, 27.63, GPSLatitude=(127.0, 0.0, 0.0)), "not on Earth"),
    (gps(27.63, 85.52, GPSLatitude=(185.5, 0.0, 0.0)), "not on Earth"),
    (gps(*BANEPA, GPSLatitude=(IFDRational(27, 0), IFDRational(1), IFDRational(0, 0))), "numbers that are none"),
])  # fmt: skip
def test_an_impossible_position_is_not_used(tmp_path, position, words):
    found = read(write_photo(tmp_path / "a.jpg", texture(), position=position))
    assert found.lon is None and found.lat is None and words in said(found)


def test_a_position_without_its_letters_is_read_as_north_and_east_and_says_so(tmp_path):
    bare = gps(*BANEPA, GPSLatitudeRef=None, GPSLongitudeRef=None)
    found = read(write_photo(tmp_path / "a.jpg", texture(), position=bare))
    assert found.lat == pytest.approx(27.63, abs=1e-6) and "north and east" in said(found)


def test_opposite_signs_are_told_and_the_signed_numbers_taken(tmp_path):
    xmp = dji_xmp(GpsLatitude="-27.63", GpsLongtitude="85.52")
    found = read(write_photo(tmp_path / "a.jpg", texture(), position=gps(*BANEPA), xmp=xmp))
    assert found.lat == -27.63 and "opposite signs" in said(found)


def test_two_positions_far_apart_are_told(tmp_path):
    xmp = dji_xmp(GpsLatitude="27.83", GpsLongitude="85.52")
    found = read(write_photo(tmp_path / "a.jpg", texture(), position=gps(*BANEPA), xmp=xmp))
    assert found.lat == pytest.approx(27.63, abs=1e-6) and "1 km apart" in said(found)


@pytest.mark.parametrize(("xmp", "position", "words"), [
    ({"RelativeAltitude": "-12"}, {}, "above the start"),
    ({"RelativeAltitude": "90000"}, {}, "above the start"),
    ({"RelativeAltitude": "nan"}, {}, ""),
    ({}, {"GPSAltitude": 99_999.0}, "impossible"),
    ({"GimbalPitchDegree": "-60"}, {}, "30 degrees away"),
    ({"GimbalPitchDegree": "-10"}, {}, "little ground"),
])  # fmt: skip
def test_odd_heights_and_tilts_are_told(tmp_path, xmp, position, words):
    path = write_photo(
        tmp_path / "a.jpg", texture(), position=gps(*BANEPA, **position), xmp=dji_xmp(**xmp), camera=LENS
    )
    found = read(path)
    assert words in said(found) and found.height_m is None and found.ground_resolution_m is None


@pytest.mark.parametrize(("stamp", "words"), [("2044:05:06", "can't be right"), ("1899:12:31", "can't be right"),
                                              ("2020:02:31", "")])  # fmt: skip
def test_a_date_that_can_not_be_is_not_used(tmp_path, stamp, words):
    position = gps(*BANEPA, GPSDateStamp=stamp, GPSTimeStamp=(10.0, 20.0, 30.0))
    found = read(write_photo(tmp_path / "a.jpg", texture(), position=position))
    assert found.captured_at is None and words in said(found)


def test_a_wrong_clock_is_told_and_the_satellites_believed(tmp_path):
    position = gps(*BANEPA, GPSDateStamp="2025:06:07", GPSTimeStamp=(10.0, 20.0, 30.0))
    camera = {int(ExifTags.Base.DateTimeOriginal): "2015:01:01 00:00:00"}
    found = read(write_photo(tmp_path / "a.jpg", texture(), position=position, camera=camera))
    assert found.captured_at == "2025-06-07T10:20:30+00:00" and "clock is wrong" in said(found)


def test_serial_numbers_and_owners_are_never_kept(tmp_path):
    camera = {int(ExifTags.Base.BodySerialNumber): "SECRET-1", int(ExifTags.Base.CameraOwnerName): "SECRET-2"}
    tags = {int(ExifTags.Base.Artist): "SECRET-3", int(ExifTags.Base.Make): "DJI\0\0", 272: "FC300S\0"}
    xmp = dji_xmp(**FLIGHT, DroneSerialNumber="SECRET-4", CameraSerialNumber="SECRET-5")
    found = read(write_photo(tmp_path / "a.jpg", texture(), tags=tags, camera=camera, xmp=xmp))
    assert "SECRET" not in str(found.to_json()) and found.camera == "DJI FC300S"
    assert PhotoMetadata.from_json(found.to_json()) == found


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<x:xmpmeta xmlns:x="adobe:ns:meta/" a="&b;">&b;</x:xmpmeta>"""
OUTSIDE = b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x RelativeAltitude="60">&a;</x>"""


@pytest.mark.parametrize(("packet", "words"), [
    (BOMB, "entities"), (OUTSIDE, "entities"), (b"<x>" * 400, "nested"), (b"<x a='1'", "damaged"),
    (b"\xff\xfe\x00", "damaged"), (b"<x>" + b"".join(b"<a%d b='1'/>" % n for n in range(3000)) + b"</x>", ""),
    (b"<x>" + b"".join(b"<e b%d='1'/>" % n for n in range(3000)) + b"</x>", "names"),
])  # fmt: skip
def test_hostile_xmp_is_a_warning(tmp_path, packet, words):
    """I5: an entity bomb, an outside entity, deep and endless XMP."""
    path = write_photo(tmp_path / "a.jpg", texture(), position=gps(*BANEPA), xmp=packet)
    found = read(path)
    assert found.lat == pytest.approx(27.63, abs=1e-6) and words in said(found) and "root:" not in str(found)


def test_xmp_that_is_too_long_is_not_read(tmp_path):
    with pytest.raises(InvalidInputError, match="kB"):
        read_xmp(b" " * (XMP_BYTES + 1))
    path = write_photo(tmp_path / "a.png", texture(), xmp=b"<x a='" + b"1" * (XMP_BYTES + 1) + b"'/>")
    assert "more than a camera writes" in said(read(path))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_crash(tmp_path, data):
    path = tmp_path / "whole.jpg"
    if not path.exists():
        write_photo(path, texture(), position=gps(*BANEPA), camera=LENS, xmp=dji_xmp(**FLIGHT))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(2, 900))] = data.draw(st.integers(0, 255))
    hurt = tmp_path / "hurt.jpg"
    hurt.write_bytes(bytes(content[: data.draw(st.integers(20, len(content)))]))
    try:
        found = read(hurt)
    except InvalidInputError:
        return
    assert found.width > 0 and (found.lat is None or -90 <= found.lat <= 90)
