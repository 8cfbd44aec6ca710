"""Positions as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.geometry.coordinates import lonlat_of

BANEPA = (85.52, 27.63)


@pytest.mark.parametrize(
    "text",
    [
        "27.63, 85.52", "27.63,85.52", " 27.63 85.52 ", "27.63; 85.52", "N 27.63 E 85.52", "27.63N 85.52E",
        "27.63° N, 85.52° E", "E 85.52 N 27.63", "27,63 85,52", "27,63; 85,52", "27,63, 85,52", "n27.63e85.52",
        "27°37'48\"N 85°31'12\"E", "27° 37′ 48″ N, 85° 31′ 12″ E", "27°37.8'N 85°31.2'E",
    ],
)  # fmt: skip
def test_a_position_is_read_however_it_is_written(text):
    assert lonlat_of(text) == pytest.approx(BANEPA)


def test_south_and_west_are_negative():
    assert lonlat_of("-1.28, -36.82") == pytest.approx((-36.82, -1.28))
    assert lonlat_of("1.28 S 36.82 W") == pytest.approx((-36.82, -1.28))
    assert lonlat_of("−1.28, 36.82") == pytest.approx((36.82, -1.28))


def test_of_two_orders_the_one_that_lies_on_earth_is_taken():
    assert lonlat_of("121.05, 14.6") == pytest.approx((121.05, 14.6))
    assert lonlat_of("27, 85") == (85.0, 27.0)


@pytest.mark.parametrize(
    "text",
    [
        "", "temple", "27,63", "27 85", "12 Main Street", "27.63", "1.2, 3.4, 5.6", "27.63 N, 85.52 S",
        "N 27.63 N, 8 E", "-27.63 N, 85.52 E", "27°61'N 85°E", "27.63, 85.52 temple", "27.63 N, 85.52", "1e5, 2",
        "٢٧, ٨٥", "27, 85 " * 30, "9" * 4000,
    ],
)  # fmt: skip
def test_any_other_text_is_no_position(text):
    assert lonlat_of(text) is None


@pytest.mark.parametrize("text", ["95, 200", "-91.5; 91", "N 95 E 12", "12.5, 181.5"])
def test_what_lies_nowhere_on_earth_is_told(text):
    with pytest.raises(InvalidInputError, match="latitude"):
        lonlat_of(text)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_numbers_come_back_as_they_were_written(lat, lon):
    assert lonlat_of(f"{lat:.7f}, {lon:.7f}") == pytest.approx((round(lon, 7), round(lat, 7)), abs=1e-9)


@given(st.text(max_size=100))
def test_no_text_breaks_it(text):
    try:
        found = lonlat_of(text)
    except InvalidInputError:
        return
    assert found is None or (abs(found[0]) <= 180 and abs(found[1]) <= 90)
