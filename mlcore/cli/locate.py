"""`locate`: a database of bases, and where pictures without georeference lie among them."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlcore.cli.locate_find import add_find_arguments, find
from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import FeatureDatabaseError, InvalidInputError
from mlcore.geolocation.bases import MOST_PIXELS, PICTURES, BaseGrid, bases_of, files_of
from mlcore.geolocation.catalogue import CatalogueBases, remember
from mlcore.geolocation.database import DatabaseSettings, FeatureDatabase
from mlcore.geolocation.database_files import MANIFEST
from mlcore.geolocation.index import DescriptorIndex
from mlcore.geolocation.local.level import damage_of, repair_points, update_where_possible
from mlcore.geolocation.upkeep import build, compact, remove, repair
from mlcore.imagery.picture import read_picture
from mlcore.progress import SpanProgress

GRID, DATABASE = BaseGrid(), DatabaseSettings()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    for name, summary in (("build", "make a database of bases, or go on with one"), ("add", "add bases to a database")):
        action = actions.add_parser(name, help=summary)
        action.add_argument("database", type=Path, help="the folder of the database")
        action.add_argument(
            "rasters", type=Path, nargs="*", help="GeoTIFFs of any reference system, or folders of them"
        )
        action.add_argument(
            "--pictures", type=Path, nargs="+", default=[], help="pictures of no known place, or folders of them"
        )
        action.add_argument("--weights", type=Path, help="of the locator (default: those that ship)")
        action.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
        action.add_argument("--side", type=int, default=GRID.side_px, help="of a base, in pixels (%(default)s)")
        action.add_argument("--overlap", type=float, default=GRID.overlap, help="share of a side (%(default)s)")
        action.add_argument(
            "--resolution", type=float, default=GRID.resolution_m, help="metres per pixel (%(default)s)"
        )
        action.add_argument("--index", action="store_true", help="make or renew the index of descriptors as well")
        action.add_argument(
            "--local-features", action=argparse.BooleanOptionalAction, default=True,
            help="keep points of bases as well, which find most pictures and fastest (needs FAISS; on)",
        )  # fmt: skip
        if name == "build":
            action.add_argument(
                "--cells", type=int, default=DATABASE.cells, help="descriptors along a side (%(default)s)"
            )
            action.add_argument("--prune", action="store_true", help="remove bases that these files don't have")
            action.add_argument("--check", action="store_true", help="read all that is there, and mend what is damaged")
        _common(action)
    action = actions.add_parser("remove", help="remove bases from a database")
    action.add_argument("database", type=Path)
    action.add_argument("names", nargs="+", help="of bases, or what their names begin with, up to a slash")
    action.add_argument("--compact", action="store_true", help="give back the space of all that was removed")
    _common(action)
    action = actions.add_parser("list", help="what a database holds")
    action.add_argument("database", type=Path)
    action.add_argument("--check", action="store_true", help="read every byte and name what is damaged")
    _common(action)
    action = actions.add_parser("calibrate", help="fit how probable a model's placements are")
    action.add_argument("pictures", type=Path, nargs="+", help="that the model never learnt, or folders of them")
    action.add_argument("--skip", type=int, default=0, help="of each folder, leave the first out, which training drew")
    action.add_argument("--weights", type=Path, required=True, help="of the locator")
    action.add_argument("--out", type=Path, required=True, help="the same locator with its calibration")
    action.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    action.add_argument("--queries", type=int, default=90, help="(%(default)s)")
    action.add_argument("--seed", type=int, default=0)
    _common(action)
    action = actions.add_parser("find", help="where pictures lie")
    add_find_arguments(action)
    _common(action)


def run(args: argparse.Namespace) -> int:
    """Do what is asked; `find` gives 0 for an answer, "not here" among them."""
    does = {"build": _build, "add": _build, "remove": _remove, "list": _list, "calibrate": _calibrate, "find": find}
    return does[args.action](args)


def _common(action: argparse.ArgumentParser) -> None:
    action.add_argument("--json", action="store_true", help="print JSON")
    action.add_argument("--quiet", action="store_true", help="no progress")


def _build(args: argparse.Namespace) -> int:
    from mlcore.cli.locate_find import load_model

    folder: Path = args.database
    if args.action == "add" and not (folder / MANIFEST).is_file():
        raise FeatureDatabaseError(f"there is no feature database in {folder}: build one with locate build")
    if not args.rasters and not args.pictures:
        raise InvalidInputError("name the rasters or the pictures to take bases from")
    check = getattr(args, "check", False) and (folder / MANIFEST).is_file()
    damaged = [*repair(folder), *repair_points(folder)] if check else []
    bases = bases_of(args.rasters, BaseGrid(args.side, args.overlap, args.resolution), args.pictures)
    settings = DatabaseSettings(cells=getattr(args, "cells", DATABASE.cells))
    model = load_model(args.weights, args.device)
    with BarProgress(args.action, quiet=args.quiet) as progress:
        database = build(
            bases, model, folder, SpanProgress(progress, 0, 0.6), settings=settings,
            prune=getattr(args, "prune", False),
        )  # fmt: skip
        remember(folder, bases)
        local = None
        if args.local_features:
            local = update_where_possible(database, CatalogueBases(database), SpanProgress(progress, 0.6, 0.9))
        if args.index:
            progress.report(0.9, "making the index")
            DescriptorIndex.update(database)
        progress.report(1.0, "")
    changes = database.changes
    told = {
        "database": str(folder), "model": database.model, "bases": len(database), "added": changes.added,
        "replaced": changes.replaced, "removed": changes.removed, "kept": changes.kept, "empty": changes.empty,
        "repaired": damaged + changes.repaired, "local_features": len(local.index) if local else 0,
    }  # fmt: skip
    _tell(args, told, f"{folder}: {len(database)} bases, {_counts(told)}")
    return 0


def _remove(args: argparse.Namespace) -> int:
    database = FeatureDatabase.open(args.database)
    names = [name for name in database.names if any(name == one or name.startswith(f"{one}/") for one in args.names)]
    if not names:
        raise InvalidInputError(f"the database has no base {args.names[0]!r}: see locate list")
    database = remove(args.database, names)
    if args.compact:
        with BarProgress("compact", quiet=args.quiet) as progress:
            database = compact(args.database, progress)
    told = {"database": str(args.database), "removed": names, "bases": len(database)}
    _tell(args, told, f"{args.database}: {len(names)} removed, {len(database)} bases left")
    return 0


def _list(args: argparse.Namespace) -> int:
    database = FeatureDatabase.open(args.database)
    damaged = [*database.damaged(), *damage_of(database)] if args.check else []
    rows = []
    for base in database.bases:
        bounds = list(base.outline_lonlat.bounds) if base.transform is not None else None
        rows.append({
            "name": base.name, "height": base.height, "width": base.width, "digest": base.digest,
            "resolution_m": base.resolution_m if base.transform is not None else None, "bounds_lonlat": bounds,
        })  # fmt: skip
    size = sum(file.stat().st_size for file in args.database.rglob("*") if file.is_file())
    told = {
        "database": str(args.database), "model": database.model, "bytes": size, "shards": len(database.shards),
        "bases": rows, "damaged": damaged,
    }  # fmt: skip
    lines = [f"{args.database}: {len(rows)} bases in {len(database.shards)} shards, {size / 1e6:.1f} MB"]
    lines += [f"  {row['name']}  {row['width']} x {row['height']} px  {_place(row)}" for row in rows]
    _tell(args, told, "\n".join([*lines, *damaged]))
    return int(bool(damaged))


def _calibrate(args: argparse.Namespace) -> int:
    from mlcore.cli.locate_find import load_model
    from mlcore.geolocation.calibrating import calibrate

    model = load_model(args.weights, args.device)
    files = [file for path in args.pictures for file in files_of(path, PICTURES)]
    folders = groupby(files, key=lambda file: file.parent)
    unseen = [file for _, inside in folders for file in list(inside)[args.skip :]]
    pictures = [read_picture(file, MOST_PIXELS).rgb for file in unseen]
    with TemporaryDirectory() as folder, BarProgress("calibrate", quiet=args.quiet) as progress:
        found = calibrate(
            model, pictures, Path(folder) / "db", queries=args.queries, seed=args.seed, progress=progress
        )  # fmt: skip
    model.about["calibration"] = found.calibration.to_dict()
    digest = model.save(args.out)
    told = {**asdict(found), "sha256": digest, "out": str(args.out)}
    words = (
        f"{args.out}: {found.placements} placements of {found.queries} queries, {found.right} right; "
        f"{found.found:.0%} of those of a base found, {found.accepted} of {found.foreign} of none believed"
    )
    _tell(args, told, words)
    return 0


def _place(row: dict[str, Any]) -> str:
    if row["bounds_lonlat"] is None:
        return "of no known place"
    west, south, east, north = row["bounds_lonlat"]
    return f"{row['resolution_m']:.2f} m, {west:.5f} {south:.5f} {east:.5f} {north:.5f}"


def _counts(told: dict[str, Any]) -> str:
    counts = [
        f"{len(told[name])} {name}" for name in ("added", "replaced", "removed", "empty", "repaired") if told[name]
    ]
    return ", ".join([*counts, f"{told['kept']} kept"])


def _tell(args: argparse.Namespace, told: dict[str, Any], words: str) -> None:
    print(json.dumps(told) if args.json else words)
