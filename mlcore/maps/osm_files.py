"""Reads a map from .osm, .osm.gz, .osm.pbf or GeoJSON, whatever its name says."""

from __future__ import annotations

import gc
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import osmium

from mlcore.errors import InvalidInputError
from mlcore.limits import MapLimits
from mlcore.maps.cleaning import RepairLog
from mlcore.maps.features import MapFeature
from mlcore.maps.geojson_files import read_geojson_map
from mlcore.maps.osm_build import FeatureBuilder
from mlcore.maps.osm_found import OsmScan
from mlcore.maps.osm_scan import OsmScanner
from mlcore.maps.pbf_blobs import measure_pbf
from mlcore.maps.pbf_scan import UnusualPbfError, scan_pbf
from mlcore.maps.xml_flavours import Flavoured, plain_osm
from mlcore.progress import Progress, SilentProgress

HEAD_BYTES = 4096
GZIP = b"\x1f\x8b"
RATIO_FROM_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Replication:
    """Where a file stands in OSM's stream of changes; None where it doesn't say."""

    sequence: int | None
    timestamp: str | None
    url: str | None


@dataclass(frozen=True)
class MapReading:
    """A map as read.

    Attributes:
        features: everything the map draws, in file order.
        repairs: what was repaired or left out, one sentence each.
        replication: the file's place in OSM's stream of changes, None for files without one.
        newest: the latest time stamp of an element, None where there is none.
    """

    features: list[MapFeature]
    repairs: list[str]
    replication: Replication | None
    newest: datetime | None


def read_map(path: str | Path, *, limits: MapLimits | None = None, progress: Progress | None = None) -> MapReading:
    """Read a map of any of the four formats; the content decides, not the name.

    Raises:
        InvalidInputError: the file is missing, damaged, hostile, too large or holds nothing to draw.
        StoppedError: `progress` asked to stop.
    """
    path, limits, progress = Path(path), limits or MapLimits(), progress or SilentProgress()
    if "\0" in str(path) or not path.is_file():
        raise InvalidInputError(f"there is no map file {path.name!r}: check the path")
    if path.stat().st_size > limits.max_file_bytes:
        raise InvalidInputError(f"{path.name} is larger than {limits.max_file_bytes >> 20} MB: cut it to the region")
    fmt, log = sniff_format(path, limits), RepairLog()
    if fmt == "geojson":
        features = read_geojson_map(path, limits, progress, log)
        newest = max((f.timestamp for f in features if f.timestamp), default=None)
        replication = None
    else:
        with plain_osm(path, fmt, log) as plain, _without_collecting():
            replication = _replication(plain.path, plain.fmt)
            scan = _scan(plain, limits, progress, log)
            features, newest = FeatureBuilder(scan, limits.max_vertices, log).build(progress), scan.newest
    if not features:
        reasons = f" ({log.notes()[0]})" if log.notes() else ""
        raise InvalidInputError(
            f"{path.name} holds no building, road, rail, water or green{reasons}: check its tags, such as building=yes"
        )
    progress.report(1.0, f"{len(features)} features")
    return MapReading(features, log.notes(), replication, newest)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """No looking for cycles: among the objects of a map there are none, and looking takes as long as reading."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def _scan(plain: Flavoured, limits: MapLimits, progress: Progress, log: RepairLog) -> OsmScan:
    """What the file holds: an ordinary .osm.pbf in columns, everything else by osmium."""
    try:
        if plain.fmt != "pbf":
            raise UnusualPbfError
        scanned = scan_pbf(plain.path, limits, progress)
        for repair in scanned.repairs:
            log.add(repair)
        scan, left_out = scanned.scan, scanned.left_out
    except UnusualPbfError:
        scanner = OsmScanner(plain.path, plain.fmt, limits, progress, log, plain.outlines)
        scan, left_out = scanner.scan(), scanner.left_out
    for reason, count in (+left_out).items():
        log.add(f"{count} buildings were left out: {reason}")
    return scan


def sniff_format(path: Path, limits: MapLimits) -> str:
    """`osm`, `osm.gz`, `pbf` or `geojson`, from the first bytes; gzip files are measured whole.

    Raises:
        InvalidInputError: it is none of them, or a gzip file that swells beyond the limits.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(GZIP):
        inner = _measure_gzip(path, limits)
        if not inner.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise InvalidInputError(f"{path.name} is a gzip file without OSM XML in it: unpack GeoJSON and .pbf first")
        _check_xml(inner, path.name)
        return "osm.gz"
    if head[4:].lstrip(b"\x0a").startswith(b"\x09OSMHeader"):
        measure_pbf(path, limits, RATIO_FROM_BYTES)
        return "pbf"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<"):
        _check_xml(text, path.name)
        return "osm"
    if text.startswith((b"{", b"[", b"\x1e")):
        return "geojson"
    raise InvalidInputError(
        f"{path.name} is not .osm, .osm.gz, .osm.pbf or GeoJSON: convert it with osmium cat or ogr2ogr"
    )


def _check_xml(head: bytes, name: str) -> None:
    if re.search(rb"<!(DOCTYPE|ENTITY)", head, re.IGNORECASE):
        raise InvalidInputError(f"{name} declares XML entities, which no OSM file needs: export it again")
    if re.search(rb"<osmChange[\s>]", head):
        raise InvalidInputError(f"{name} is a change file: apply it to an extract with osmium apply-changes first")
    if not re.search(rb"<osm[\s>/]", head):
        raise InvalidInputError(f"{name} is XML but not OSM XML: export it as .osm")


def _measure_gzip(path: Path, limits: MapLimits) -> bytes:
    """Inflate a gzip file piece by piece without keeping it; returns the first bytes of its content."""
    size, total, head = path.stat().st_size, 0, b""
    inflater = zlib.decompressobj(wbits=31)
    try:
        with path.open("rb") as file:
            while data := inflater.unconsumed_tail or inflater.unused_data or file.read(1 << 20):
                if inflater.eof:
                    inflater = zlib.decompressobj(wbits=31)
                piece = inflater.decompress(data, 1 << 22)
                total += len(piece)
                head = head or piece[:HEAD_BYTES]
                swollen = total > RATIO_FROM_BYTES and total > limits.max_ratio * size
                if swollen or total > limits.max_expanded_bytes:
                    raise InvalidInputError(
                        f"{path.name} swells from {size} to more than {total} bytes: unpack it and check what it holds"
                    )
    except zlib.error as error:
        raise InvalidInputError(f"{path.name} is a damaged gzip file ({error}): download it again") from error
    if not inflater.eof:
        raise InvalidInputError(f"{path.name} is a gzip file cut short: download it again")
    return head


def _replication(path: Path, fmt: str) -> Replication | None:
    """The file's header.

    Raises:
        InvalidInputError: the header is damaged, or the file holds several versions of its objects.
    """
    try:
        with osmium.io.Reader(osmium.io.File(str(path.resolve()), fmt), osmium.osm.NOTHING) as reader:
            header = reader.header()
    except (RuntimeError, ValueError) as error:
        raise InvalidInputError(
            f"{path.name} is not a sound OSM file ({str(error)[:200]}): download it again"
        ) from error
    if header.has_multiple_object_versions:
        raise InvalidInputError(f"{path.name} is a history file: cut one date out of it with osmium time-filter first")
    sequence = header.get("osmosis_replication_sequence_number")
    stamp, url = header.get("osmosis_replication_timestamp"), header.get("osmosis_replication_base_url")
    if not (sequence or stamp or url):
        return None
    return Replication(int(sequence) if sequence.isdigit() else None, stamp or None, url or None)
