"""Ingestion of an untrusted file, in a child process with limits of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal, overload

import shapely

from mlcore.errors import InvalidInputError
from mlcore.imagery.raster import RasterInfo
from mlcore.ingestion.apart import ApartLimits, Ended, run_apart
from mlcore.ingestion.ingest import MapInfo, ingest_map, ingest_raster
from mlcore.limits import MapLimits, RasterLimits
from mlcore.progress import Progress

STOPPED = "ingestion was stopped on request: start it again from its source file"


@overload
def run_ingest(
    what: Literal["raster"],
    source: str | Path,
    target: str | Path,
    *,
    limits: RasterLimits | None = None,
    progress: Progress | None = None,
) -> RasterInfo: ...


@overload
def run_ingest(
    what: Literal["map"],
    source: str | Path,
    target: str | Path,
    *,
    limits: MapLimits | None = None,
    progress: Progress | None = None,
) -> MapInfo: ...


def run_ingest(
    what: Literal["raster", "map"],
    source: str | Path,
    target: str | Path,
    *,
    limits: RasterLimits | MapLimits | None = None,
    progress: Progress | None = None,
) -> RasterInfo | MapInfo:
    """Ingest in a child process that is killed when it exceeds its limits or `progress` asks to stop.

    Raises:
        InvalidInputError: the source was refused, or cost more time or memory than the limits allow.
        NoSpaceError: the target's disk is full.
        StoppedError: `progress` asked to stop; nothing is left of the target.
    """
    limits = limits or (RasterLimits() if what == "raster" else MapLimits())
    if "\0" in f"{source}{target}":
        raise InvalidInputError("a file name holds a NUL character: rename the file")
    source, target = Path(source).resolve(), Path(target).resolve()
    record = run_apart(
        ingested,
        [what, str(source), str(target), dataclasses.asdict(limits)],
        ApartLimits(limits.memory_bytes, limits.cpu_s, limits.wall_s),
        lambda ended: _why(ended, source.name, limits),
        progress=progress,
        stopped=STOPPED,
        target=target,
    )
    return info_from_json(what, record)


def ingested(what: str, source: str, target: str, limits: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """The work of the child: ingest, and tell of the result in JSON types."""
    if what == "raster":
        return info_to_json(ingest_raster(source, target, limits=RasterLimits(**limits), progress=progress))
    return info_to_json(ingest_map(source, target, limits=MapLimits(**limits), progress=progress))


def info_to_json(info: RasterInfo | MapInfo) -> dict[str, Any]:
    """JSON types of an ingestion's result."""
    record = {entry.name: getattr(info, entry.name) for entry in dataclasses.fields(info)}
    if isinstance(info, RasterInfo):
        record["footprint_lonlat"] = info.footprint_lonlat.wkb_hex
    return record


def info_from_json(what: str, record: dict[str, Any]) -> RasterInfo | MapInfo:
    """The result that `info_to_json` wrote."""
    record = record | {"bounds_lonlat": tuple(record["bounds_lonlat"])}
    if what == "raster":
        footprint = shapely.from_wkb(record["footprint_lonlat"])
        return RasterInfo(**record | {"footprint_lonlat": footprint, "notes": tuple(record["notes"])})
    return MapInfo(**record | {"repairs": tuple(record["repairs"])})


def _why(ended: Ended, name: str, limits: RasterLimits | MapLimits) -> str:
    if ended.reason == "memory":
        return f"{name} needs more than {limits.memory_bytes >> 20} MB of memory: cut it to the region"
    if ended.reason == "wall_time":
        return f"{name} took longer than {limits.wall_s:g} s to read: cut it to the region"
    if ended.reason == "cpu_time":
        return f"{name} took more than {limits.cpu_s} s of computing: cut it to the region"
    if ended.reason == "killed":
        return f"{name} took more memory or time than allowed and was ended: cut it to the region"
    return f"{name} broke the reader (exit status {ended.status}): export it again with gdal_translate or osmium"
