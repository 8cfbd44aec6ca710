"""Reads an XMP packet from outside as plain names and values: no entities or document types, nothing endless."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from mlcore.errors import InvalidInputError

XMP_BYTES = 1 << 20
DEEPEST, MOST_NAMES, VALUE_CHARS = 24, 2000, 200


def read_xmp(packet: bytes) -> dict[str, str]:
    """Attributes and texts by their local names (`GimbalYawDegree`), the first of each.

    Args:
        packet: the bytes between, and with, its processing instructions.

    Raises:
        InvalidInputError: it is too long, is no XML, or holds what only an attack does.
    """
    if len(packet) > XMP_BYTES:
        raise InvalidInputError(f"it is over {XMP_BYTES >> 10} kB long")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(packet.rstrip(b"\0 \r\n"), True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InvalidInputError("it is damaged") from error
    return reader.found


def _refuse(*_: Any) -> int:
    raise InvalidInputError("it declares entities or a document type, which no camera writes")


class _Reader:
    """Collects names and values while the packet is read."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._open: list[tuple[str, list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise InvalidInputError(f"it is nested more than {DEEPEST} deep")
        self._open.append((name, []))
        for key, value in attributes.items():
            self._keep(key, value)

    def text(self, piece: str) -> None:
        if self._open and len(self._open[-1][1]) < VALUE_CHARS:
            self._open[-1][1].append(piece[:VALUE_CHARS])

    def end(self, name: str) -> None:
        _, pieces = self._open.pop()
        if value := "".join(pieces).strip():
            self._keep(name, value)

    def _keep(self, name: str, value: str) -> None:
        if len(self.found) >= MOST_NAMES:
            raise InvalidInputError(f"it holds more than {MOST_NAMES} names")
        self.found.setdefault(name.rpartition(" ")[2], value[:VALUE_CHARS])
