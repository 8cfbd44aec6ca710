"""A position as people write it, latitude first, in degrees with or without minutes, seconds and letters."""

from __future__ import annotations

import re

from mlcore.errors import InvalidInputError

LONGEST = 80
"""Characters; what is longer is no position."""
_SIGNS = str.maketrans({"−": "-", "–": "-", "º": "°", "′": "'", "’": "'", "″": '"', "”": '"', "\u00a0": " "})
_LETTER = "(?P<{letter}>[NSEW])"
_ANGLE = (
    r"(?P<{sign}>[+-]?)(?P<{deg}>[0-9]{{1,3}}(?:MARK[0-9]{{1,15}})?)\s*°?"
    r"(?:\s*(?P<{min}>[0-9]{{1,2}}(?:MARK[0-9]{{1,12}})?)\s*'"
    r"(?:\s*(?P<{sec}>[0-9]{{1,2}}(?:MARK[0-9]{{1,12}})?)\s*(?:\"|''))?)?"
)
_FORMS = {"": _ANGLE, "before": rf"{_LETTER}\s*{_ANGLE}", "after": rf"{_ANGLE}\s*{_LETTER}"}
_BETWEEN = {".": r"(?P<between>\s*[,;/]\s*|\s*)", ",": r"(?P<between>\s*[;/]\s*|,?\s+)"}
_ONE_OR_TWO = re.compile(r"[+-]?[0-9]+,[0-9]+")


def _pattern(form: str, mark: str) -> re.Pattern[str]:
    names = ("letter", "sign", "deg", "min", "sec")
    one, two = (_FORMS[form].format(**{name: f"{name}{number}" for name in names}) for number in (1, 2))
    return re.compile((one + _BETWEEN[mark] + two).replace("MARK", re.escape(mark)), re.IGNORECASE)


_PATTERNS = [(_pattern(form, mark), mark) for mark in (".", ",") for form in _FORMS]


def lonlat_of(text: str) -> tuple[float, float] | None:
    """(longitude, latitude) in degrees of a text that is a position and nothing else; None of any other text.

    `27.63, 85.52`, `N 27.63 E 85.52`, `27°37'48"N 85°31'12"E`, `27,63; 85,52`. Without letters the latitude comes
    first, unless only the other order lies on Earth. `27,63` may be one number or two, so it is no position.

    Raises:
        InvalidInputError: two numbers that are a position in form, and lie nowhere on Earth.
    """
    text = text.translate(_SIGNS).strip()
    if len(text) > LONGEST or _ONE_OR_TWO.fullmatch(text):
        return None
    for pattern, mark in _PATTERNS:
        if (match := pattern.fullmatch(text)) is not None and (mark == "." or _with_commas(match)):
            return _position(match, text)
    return None


def _with_commas(match: re.Match[str]) -> bool:
    return "," in match["deg1"] and "," in match["deg2"]


def _position(match: re.Match[str], text: str) -> tuple[float, float] | None:
    """None where two whole numbers side by side may be anything, or letters, signs and minutes contradict."""
    said = match.groupdict()
    letters = [(said.get(f"letter{number}") or "").upper() for number in (1, 2)]
    whole = not letters[0] and not all(re.search("[.,]", said[f"deg{n}"]) or said[f"min{n}"] for n in (1, 2))
    if whole and not re.search("[,;/]", match["between"]):
        return None
    one, two = (_degrees(said, number, letters[number - 1]) for number in (1, 2))
    if one is None or two is None or (letters[0] and (letters[0] in "NS") == (letters[1] in "NS")):
        return None
    if letters[0]:
        lat, lon = (one, two) if letters[0] in "NS" else (two, one)
    else:
        lat, lon = (one, two) if abs(one) <= 90 or abs(two) > 90 else (two, one)
    if abs(lat) > 90 or abs(lon) > 180:
        raise InvalidInputError(
            f"{text} lies nowhere on Earth: give the latitude (-90 to 90) first, then the longitude (-180 to 180)"
        )
    return lon, lat


def _degrees(said: dict[str, str], number: int, letter: str) -> float | None:
    """Negative to the south and west; None where there are 60 minutes or more, or both a sign and a letter."""
    degrees, minutes, seconds = (
        float((said[f"{name}{number}"] or "0").replace(",", ".")) for name in ("deg", "min", "sec")
    )
    sign = said[f"sign{number}"]
    if max(minutes, seconds) >= 60 or (sign and letter):
        return None
    degrees += minutes / 60 + seconds / 3600
    return -degrees if sign == "-" or letter in ("S", "W") else degrees
