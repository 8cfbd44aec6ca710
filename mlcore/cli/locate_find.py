"""`locate find`: where pictures lie, alone or as frames of one flight, and the files that say so."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from mlcore.cli.located_files import write_points, write_warped, write_world
from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import FeatureDatabaseError, InvalidInputError, MlcoreError
from mlcore.geolocation.catalogue import CatalogueBases
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.flight import Frame
from mlcore.geolocation.index import DescriptorIndex
from mlcore.geolocation.local.level import open_where_there
from mlcore.geolocation.locator import Locator, LocatorSettings
from mlcore.geolocation.placement import Placement, Prior
from mlcore.imagery.picture import read_picture

if TYPE_CHECKING:
    from mlcore.geolocation.model import LocatorModel

MOST_PIXELS = 200_000_000


def add_find_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("database", type=Path, help="the folder of the database")
    parser.add_argument(
        "pictures", type=Path, nargs="+", help="GeoTIFF, PNG or JPEG; what georeference it has is left aside"
    )
    parser.add_argument("--weights", type=Path, help="of the locator (default: those that ship)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    parser.add_argument("--count", type=int, default=5, help="placements to tell (%(default)s)")
    parser.add_argument("--flight", action="store_true", help="the pictures are frames of one flight, in their order")
    parser.add_argument(
        "--near", nargs=3, type=float, metavar=("LON", "LAT", "RADIUS_M"), help="where it may lie; not trusted blindly"
    )
    parser.add_argument("--heading", type=float, help="where its top points, degrees clockwise from north; with --near")
    parser.add_argument("--ground-resolution", type=float, help="metres on the ground per pixel; with --near")
    parser.add_argument("--exhaustive", action="store_true", help="compare all bases even where there is an index")
    parser.add_argument(
        "--local-features", action=argparse.BooleanOptionalAction, default=True, help="ask points, where there are some"
    )
    parser.add_argument("--refine", action="store_true", help="place finely what points have placed already")
    parser.add_argument("--gcps", type=Path, help="control points to write: .points, .geojson, .vrt, .tif or .txt")
    parser.add_argument("--world", type=Path, help="world file to write, with a .prj beside it")
    parser.add_argument("--tiff", type=Path, help="GeoTIFF to write: the picture brought to the ground")


def find(args: argparse.Namespace) -> int:
    """Tell where each picture lies; 1 where one of them can't be used."""
    if (args.heading is not None or args.ground_resolution is not None) and args.near is None:
        raise InvalidInputError("--heading and --ground-resolution belong to --near LON LAT RADIUS_M")
    if len(args.pictures) > 1 and (args.gcps or args.world or args.tiff):
        raise InvalidInputError("files are written of one picture at a time: leave out the others")
    prior = _prior(args)
    locator = _locator(args)
    if args.flight:
        return _find_flight(args, locator, prior)
    failed = 0
    for path in args.pictures:
        try:
            start = time.perf_counter()
            rgb = read_picture(path, MOST_PIXELS).rgb
            found = locator.locate(rgb, prior=prior, count=args.count)
            told = _told(path, locator, found, time.perf_counter() - start)
            if locator.is_here(found):
                _write(args, path, rgb, found[0], told)
        except MlcoreError as error:
            failed += 1
            told = {"picture": str(path), "error": {"code": error.code, "detail": str(error)}}
        print(json.dumps(told) if args.json else _words(told), flush=True)
    return int(failed > 0)


def _prior(args: argparse.Namespace) -> Prior | None:
    if args.near is None:
        return None
    lon, lat, radius_m = args.near
    return Prior(lon, lat, radius_m, args.heading, args.ground_resolution)


def load_model(weights: Path | None, device: str) -> LocatorModel:
    """The locator of a file, or the one that ships.

    Raises:
        InvalidInputError: none ships and no file is named.
        CheckpointError: the file is no locator's.
    """
    from mlcore.geolocation.model import LocatorModel
    from mlcore.weights import LOCATOR_FILE

    path = weights or LOCATOR_FILE
    if not path.is_file():
        raise InvalidInputError(
            f"there are no weights in {path}: name a locator's with --weights, or train one with train locator"
        )
    return LocatorModel.load(path).to(device)


def _locator(args: argparse.Namespace) -> Locator:
    model = load_model(args.weights, args.device)
    database = FeatureDatabase.open(args.database, model.digest)
    index = None
    if not args.exhaustive and len(database) > LocatorSettings().exhaustive:
        try:
            index = DescriptorIndex.open(database)
        except FeatureDatabaseError:
            index = None  # without one all bases are compared
    local = open_where_there(database) if args.local_features else None
    return Locator(model, database, CatalogueBases(database), index, LocatorSettings(refine=args.refine), local=local)


def _find_flight(args: argparse.Namespace, locator: Locator, prior: Prior | None) -> int:
    frames = [Frame(read_picture(path, MOST_PIXELS).rgb, None, prior) for path in args.pictures]
    start = time.perf_counter()
    with BarProgress("find", quiet=args.quiet) as progress:
        placed = locator.locate_flight(frames, count=args.count, progress=progress)
    seconds = (time.perf_counter() - start) / len(frames)
    for path, found in zip(args.pictures, placed, strict=True):
        told = _told(path, locator, found, seconds)
        print(json.dumps(told) if args.json else _words(told), flush=True)
    return 0


def _told(path: Path, locator: Locator, found: list[Placement], seconds: float) -> dict[str, Any]:
    return {
        "picture": str(path),
        "here": locator.is_here(found),
        "threshold": locator.threshold,
        "bases": len(locator.database),
        "seconds": round(seconds, 3),
        "placements": [_placement(one) for one in found],
        "written": [],
        "notes": [],
    }


def _placement(one: Placement) -> dict[str, Any]:
    placed = one.base.transform is not None
    return {
        "base": one.base.name,
        "probability": one.probability,
        "score": one.score,
        "log10_nfa": one.log10_nfa,
        "points": len(one.fit.points_query),
        "homography": np.asarray(one.fit.homography).tolist(),
        "centre_lonlat": list(one.centre_lonlat) if placed else None,
        "ground_resolution_m": one.resolution_m if placed else None,
        "heading_deg": one.heading_deg if placed else None,
        "footprint": shapely.geometry.mapping(one.footprint) if placed else None,
    }


def _write(args: argparse.Namespace, path: Path, rgb: np.ndarray, found: Placement, told: dict[str, Any]) -> None:
    written: list[Path] = []
    try:
        for wanted in (args.gcps, args.world, args.tiff):
            if wanted is not None:
                wanted.parent.mkdir(parents=True, exist_ok=True)
        if args.gcps is not None:
            written.append(write_points(found, path, rgb, args.gcps))
        if args.world is not None:
            files, off = write_world(found, args.world)
            written += files
            told["notes"].append(f"the world file's affine misses the points by {off:.2f} px; the homography is exact")
        if args.tiff is not None:
            written.append(write_warped(found, rgb, np.ones(rgb.shape[:2], bool), args.tiff))
    except OSError as error:
        raise InvalidInputError(f"a file can't be written ({error}): choose another place") from error
    told["written"] = [str(one) for one in written]


def _words(told: dict[str, Any]) -> str:
    if "error" in told:
        return f"{told['picture']}: {told['error']['code']}: {told['error']['detail']}"
    best = told["placements"][0]["probability"] if told["placements"] else 0.0
    head = "here" if told["here"] else f"not here (the best of {told['bases']} bases has {best:.0%})"
    lines = [f"{told['picture']}: {head}, {told['seconds']:.2f} s"]
    for one in told["placements"]:
        where = "of no known place"
        if one["centre_lonlat"] is not None:
            lon, lat = one["centre_lonlat"]
            where = f"{lon:.6f} {lat:.6f}, {one['ground_resolution_m']:.2f} m/px, top to {one['heading_deg']:.0f} deg"
        lines.append(f"  {one['probability']:6.1%}  {one['base']}  {where}, {one['points']} points")
    return "\n".join(lines + [f"  {name}" for name in told["written"]] + [f"  {note}" for note in told["notes"]])
