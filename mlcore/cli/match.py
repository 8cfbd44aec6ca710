"""`match`: where the points of a map picture lie in an image, of two files or of every row of a list."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore.correspondences.classical import ClassicalMatcher, classical_names
from mlcore.correspondences.exchange import points_of_registration, write_geojson, write_qgis_points
from mlcore.correspondences.exchange.fitting import PICTURE_GRID
from mlcore.correspondences.installed import PREFIX, InstalledMatcher
from mlcore.correspondences.matches import MOST_PIXELS, Matcher
from mlcore.correspondences.robust import KINDS, Registration, register
from mlcore.errors import InvalidInputError, MlcoreError
from mlcore.imagery.picture import Picture, read_picture
from mlcore.weights import MATCHER_FILE

STRUCTURE = "structure"
MOST_LIST_BYTES, MOST_PAIRS = 4 * 1024**2, 20_000
NOT_PLACED = "the map says nowhere that it lies, so its points have no longitude: georeference it, or write --points"
HAS_GEOREFERENCE = "the image has a georeference: in QGIS, load the points on a copy of it without one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, nargs="?", help="a GeoTIFF, PNG or JPEG")
    parser.add_argument("map", type=Path, nargs="?", help="the same of a map, georeferenced or not")
    parser.add_argument(
        "--pairs", type=Path, metavar="CSV", help="a list with the columns image and map in their place"
    )
    parser.add_argument("--weights", type=Path, help="of a structure matcher (default: those that ship)")
    parser.add_argument(
        "--matcher",
        help=f"structure (default), one of OpenCV's ({', '.join(classical_names())}), or {PREFIX}NAME of the package "
        "vismatch, where it is installed",
    )
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...; OpenCV's run on the processor")
    parser.add_argument(
        "--kind", nargs="+", choices=KINDS, default=list(KINDS), help="of the transform (the likeliest)"
    )
    parser.add_argument("--points", type=Path, help="QGIS .points to write; with --pairs a folder for them")
    parser.add_argument("--geojson", type=Path, help="GeoJSON to write; with --pairs a folder for them")
    parser.add_argument("--json", action="store_true", help="print JSON; with --pairs one object per line")


def run(args: argparse.Namespace) -> int:
    """Match and tell; 0 where there is a transform, or every pair of a list could be tried, else 1."""
    if (args.pairs is None) == (args.image is None) or (args.image is None) != (args.map is None):
        raise InvalidInputError("give an image and a map, or a list of them with --pairs")
    matcher = _matcher(args)
    if args.pairs is None:
        out = _Out(args.points, args.geojson)
        told = _matched(matcher, args.image, args.map, args.kind, out)
        print(json.dumps(told, indent=1) if args.json else _words(told))
        if told["refused"]:
            print(f"no_match: {told['refused']}", file=sys.stderr)
        return int(told["transform"] is None)
    failed = 0
    for number, image, drawn in _listed(args.pairs):
        name = f"{number:04d}_{image.stem}"
        out = _Out(_below(args.points, f"{name}.points"), _below(args.geojson, f"{name}.geojson"))
        try:
            told = _matched(matcher, image, drawn, args.kind, out)
        except MlcoreError as error:
            failed += 1
            told = {"image": str(image), "map": str(drawn), "error": {"code": error.code, "detail": str(error)}}
        print(json.dumps(told) if args.json else _words(told), flush=True)
    return int(failed > 0)


@dataclass(frozen=True)
class _Out:
    """Files to write, each where it is wanted."""

    points: Path | None
    geojson: Path | None


def _matcher(args: argparse.Namespace) -> Matcher:
    name = args.matcher or STRUCTURE
    if name != STRUCTURE:
        if args.weights is not None:
            raise InvalidInputError(f"{name} takes no weights: leave out --weights or --matcher")
        if name.startswith(PREFIX):
            return InstalledMatcher(name, args.device)
        return ClassicalMatcher(name)
    from mlcore.correspondences.matcher import StructureMatcher

    return StructureMatcher.load(args.weights or MATCHER_FILE, device=args.device)


def _matched(matcher: Matcher, image: Path, drawn: Path, kinds: list[Any], out: _Out) -> dict[str, Any]:
    """Match two files, write what is wanted, and say what came of it."""
    seen, maps = read_picture(image, MOST_PIXELS), read_picture(drawn, MOST_PIXELS)
    if out.geojson is not None and maps.crs is None:
        raise InvalidInputError(NOT_PLACED)
    height, width = maps.rgb.shape[:2]
    found = register(matcher.match(maps.rgb, seen.rgb), (width, height), kinds=tuple(kinds))
    written = _write(found, maps, out) if found.transform is not None else []
    notes = [HAS_GEOREFERENCE] if written and out.points is not None and seen.crs is not None else []
    return {
        "image": str(image),
        "map": str(drawn),
        "matcher": matcher.name,
        "matches": len(found.matches),
        "inliers": int(found.inliers.sum()),
        "needed_inliers": found.needed_inliers,
        "log10_nfa": _or_null(found.log10_nfa),
        "rmse_px": _or_null(found.rmse_px),
        "transform": _told(found),
        "refused": found.refused,
        "written": [str(path) for path in written],
        "notes": notes,
    }


def _write(found: Registration, maps: Picture, out: _Out) -> list[Path]:
    points = points_of_registration(found, PICTURE_GRID if maps.grid is None else maps.grid, maps.crs)
    for path, write in ((out.points, write_qgis_points), (out.geojson, write_geojson)):
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write(points, path)
            except OSError as error:
                raise InvalidInputError(f"{path} can't be written ({error.strerror}): choose another place") from error
    return [path for path in (out.points, out.geojson) if path is not None]


def _told(found: Registration) -> dict[str, Any] | None:
    """Kind, and the matrix that brings pixels of the map to pixels of the image, from the outer corner of the first."""
    if found.transform is None:
        return None
    return {"kind": found.transform.kind, "map_to_image": found.transform.matrix.tolist()}


def _words(told: dict[str, Any]) -> str:
    pair = f"{told['image']} on {told['map']}"
    if "error" in told:
        return f"{pair}: {told['error']['code']}: {told['error']['detail']}"
    agree = f"{told['inliers']} of {told['matches']} points agree, {told['needed_inliers']} needed"
    if told["transform"] is None:
        return f"{pair}: no match ({told['matches']} points, {told['needed_inliers']} needed): {told['refused']}"
    lines = [f"{pair}: {told['transform']['kind']}, {agree}, {told['rmse_px']:.2f} px off"]
    lines += ["  " + " ".join(f"{number:14.8g}" for number in row) for row in told["transform"]["map_to_image"]]
    lines += [f"  {path}" for path in told["written"]] + [f"  {note}" for note in told["notes"]]
    return "\n".join(lines)


def _listed(path: Path) -> Iterator[tuple[int, Path, Path]]:
    """Number, image and map of every row; relative paths are taken from the list's folder."""
    if not path.is_file() or path.stat().st_size > MOST_LIST_BYTES:
        raise InvalidInputError(
            f"there is no list of {MOST_LIST_BYTES // 1024**2} MB or less in {path}: check the path"
        )
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(f"{path.name} is no CSV in UTF-8 ({error}): export it again") from error
    if not rows or not all(row.get("image") and row.get("map") for row in rows):
        raise InvalidInputError(f"{path.name} needs the columns image and map, and both in every row")
    if len(rows) > MOST_PAIRS:
        raise InvalidInputError(f"{path.name} lists {len(rows):,} pairs: cut it into lists of {MOST_PAIRS:,}")
    for number, row in enumerate(rows, 1):
        yield number, path.parent / row["image"].strip(), path.parent / row["map"].strip()


def _below(folder: Path | None, name: str) -> Path | None:
    return None if folder is None else folder / name


def _or_null(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
