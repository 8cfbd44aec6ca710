"""Brings OSM XML as JOSM and Overpass write it to the form that osmium reads, without losing what it says.

JOSM marks what a mapper deleted or changed with `action`. Overpass tells the course of a relation's members (`out
geom`) inside the members, the middle of an object (`out center`) inside the object, and in elements of its own what it
derived, what was cut short (`remark`) and what differs (`adiff`); osmium knows none of them.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from mlcore.errors import InvalidInputError
from mlcore.maps.cleaning import MAX_ID, RepairLog

PIECE = 1 << 20
OVERLAP = 256
MAX_REMARK = 200
KNOWN = ("osm", "node", "way", "relation", "tag", "nd", "member", "bounds", "bound", "note", "meta")
FOREIGN = re.compile(
    rb"""<(?!(?:"""
    + "|".join(KNOWN).encode()
    + rb""")[\s>/])[A-Za-z][\w:.-]*[\s>/]|<bounds\s[^>]*/>\s*<(?:nd|member)|"""
    rb"""\saction\s*=\s*["'](?:delete|modify)|<member\s[^>]*[^/]>\s*<nd"""
)
"""What osmium stops at or overlooks."""
REMEDY = "ask Overpass for `out meta; >; out meta;`, which sends nodes with their versions"
UNSAVED = "objects were changed in JOSM and not uploaded: edits of them would upload that as well, so upload it first"


@dataclass
class Flavoured:
    """A file that osmium reads, and what had no place in it.

    Attributes:
        outlines: way id -> (lon, lat) places of members whose course a relation tells.
    """

    path: Path
    fmt: str
    outlines: dict[int, tuple[tuple[float, float], ...]] = field(default_factory=dict)


@contextmanager
def plain_osm(path: Path, fmt: str, log: RepairLog) -> Iterator[Flavoured]:
    """The file itself, or for as long as it is needed a copy in osmium's form.

    Raises:
        InvalidInputError: the XML is damaged.
    """
    if fmt not in {"osm", "osm.gz"} or not _is_foreign(path, fmt):
        yield Flavoured(path, fmt)
        return
    with TemporaryDirectory(prefix="mapwright-osm-") as folder:
        copy = Path(folder) / path.name
        with _opened(path, fmt) as source, copy.open("wb") as target:
            outlines = _Rewriter(target, path.name, log).run(source)
        yield Flavoured(copy, "osm", outlines)


def _opened(path: Path, fmt: str) -> IO[bytes]:
    return gzip.open(path) if fmt == "osm.gz" else path.open("rb")  # type: ignore[return-value]


def _is_foreign(path: Path, fmt: str) -> bool:
    with _opened(path, fmt) as file:
        tail = b""
        while piece := file.read(PIECE):
            if FOREIGN.search(tail + piece):
                return True
            tail = piece[-OVERLAP:]
    return False


class _Rewriter:
    """Copies elements through, the foreign ones translated or passed over."""

    def __init__(self, target: IO[bytes], name: str, log: RepairLog) -> None:
        self.target, self.name, self.log = target, name, log
        self.outlines: dict[int, tuple[tuple[float, float], ...]] = {}
        self.path: list[str] = []
        self.passed_over = 0
        self.remark = ""
        self.member: tuple[str, list[tuple[float, float]]] | None = None
        self.cut = False
        self.notes: Counter[str] = Counter()

    def run(self, source: IO[bytes]) -> dict[int, tuple[tuple[float, float], ...]]:
        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            while piece := source.read(PIECE):
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except (expat.ExpatError, ValueError) as error:
            raise InvalidInputError(
                f"{self.name} is not a sound OSM file ({str(error)[:200]}): download or export it again"
            ) from error
        if self.outlines:
            self.log.add(f"{len(self.outlines)} outlines come without node ids and versions: to edit them, {REMEDY}")
        for note, count in self.notes.items():
            self.log.add(f"{count} {note}")
        return self.outlines

    def _doctype(self, *_: object) -> None:
        raise InvalidInputError(f"{self.name} declares XML entities, which no OSM file needs: export it again")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.path.append(tag)
        if tag == "action":
            raise InvalidInputError(f"{self.name} says what differs between two dates, it is no map: {REMEDY}")
        if self.passed_over or tag not in KNOWN or (tag == "bounds" and len(self.path) > 2):
            self.passed_over += 1
            if tag == "center":
                self.notes[f"objects have a centre instead of a shape: {REMEDY}"] += 1
            return
        if self.member is not None and tag == "nd":
            if "lat" in attributes and "lon" in attributes:
                self.member[1].append((float(attributes["lon"]), float(attributes["lat"])))
            else:
                self.cut = True
            return
        action = attributes.get("action")
        if action == "delete":
            attributes["visible"] = "false"
        elif action == "modify" and not attributes.get("id", "-").startswith("-"):
            self.notes[UNSAVED] += 1
        text = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
        if tag == "member":
            self.member = (attributes.get("ref", "") if attributes.get("type") == "way" else "", [])
            self.cut = False
            text += "/"
        self.target.write(f"<{tag}{text}>\n".encode())

    def _text(self, text: str) -> None:
        if self.path and self.path[-1] == "remark":
            self.remark = (self.remark + text)[:MAX_REMARK]

    def _end(self, tag: str) -> None:
        inside = self.path.pop()
        if self.passed_over:
            self.passed_over -= 1
            if inside == "remark":
                self._remarked(self.remark.strip())
        elif inside == "member" and self.member is not None:
            ref, places = self.member
            self.member = None
            if self.cut and places:
                self.notes[f"members of relations are cut at the edge of what was asked for: {REMEDY}"] += 1
            elif ref and places and -MAX_ID < int(ref) < MAX_ID:
                self.outlines[int(ref)] = tuple(places)
        elif self.member is None:
            self.target.write(f"</{tag}>\n".encode())

    def _remarked(self, remark: str) -> None:
        self.remark = ""
        if "error" in remark.lower():
            raise InvalidInputError(
                f"{self.name} ends before the map does, Overpass says {remark!r}: ask for a smaller area, or give it "
                "more time with [timeout:...]"
            )
        if remark:
            self.log.add(f"Overpass remarks {remark!r}")
