"""`embed`: tiles of imagery, photos and a map's landmarks in one space, to be searched or exported."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcore.cli.landmark_model import load_landmarks
from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import tiles_covering
from mlcore.imagery.raster import open_image
from mlcore.progress import Progress, stop_if_asked
from mlcore.vectors.exports import write_embeddings

if TYPE_CHECKING:
    from mlcore.landmarks.catalogue import Catalogue, Item
    from mlcore.landmarks.model import LandmarkModel

FORMS = {".parquet": "parquet", ".npz": "npz"}


@dataclass(frozen=True)
class Part:
    """Items of one modality and how each is read."""

    modality: str
    items: list[Item]
    read: Callable[[str], Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", type=Path, help="folder of the vectors; the same one goes on, and is added to")
    parser.add_argument("--imagery", type=Path, nargs="+", default=[], metavar="COG", help="ingested images")
    parser.add_argument("--zoom", type=int, default=18, help="of the tiles (%(default)s)")
    parser.add_argument("--photos", type=Path, nargs="+", default=[], metavar="FOLDER", help="ground photos")
    parser.add_argument("--aerial", type=Path, nargs="+", default=[], metavar="FOLDER", help="aerial pictures")
    parser.add_argument("--map", type=Path, nargs="+", default=[], metavar="FILE", help="maps: their landmarks' texts")
    parser.add_argument("--prune", action="store_true", help="drop what the named files don't have")
    parser.add_argument("--export", type=Path, help="file to write all vectors to: .parquet or .npz")
    parser.add_argument("--weights", type=Path, help="of the model (default: those that ship)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> int:
    """Embed what is new or changed, bring the index up to it, and write the file that was asked for."""
    from mlcore.landmarks.catalogue import Catalogue

    if args.export is not None and args.export.suffix.lower() not in FORMS:
        raise InvalidInputError(f"{args.export.name} has no known ending: use .parquet or .npz")
    model = load_landmarks(args.weights, args.device)
    parts = list(_parts(args))
    catalogue = Catalogue(args.store, model.digest, model.dimension)
    told: dict[str, Any] = {"store": str(args.store), "model": model.digest}
    with BarProgress("embed", quiet=args.quiet) as progress:
        told["embedded"] = sum(_embed(catalogue, model, part, progress) for part in parts)
        if args.prune:
            told["dropped"] = catalogue.forget_others(item.name for part in parts for item in part.items)
        told["index"] = catalogue.store.update_index()
    told["vectors"] = len(catalogue.store)
    if args.export is not None:
        export(catalogue, args.export)
        told["export"] = str(args.export)
    words = ", ".join(f"{name} {value}" for name, value in told.items() if name not in ("store", "model"))
    print(json.dumps(told) if args.json else f"{args.store}: {words}")
    return 0


def export(catalogue: Catalogue, path: Path) -> None:
    """Write every vector with its item."""
    ids = catalogue.store.ids
    items = {item.id: item for item in catalogue.items(ids)}
    known = np.array([one for one in ids.tolist() if one in items], np.int64)
    rows = [items[one] for one in known.tolist()]
    columns = {
        "name": [one.name for one in rows],
        "modality": [one.modality for one in rows],
        "lon": [one.lonlat[0] if one.lonlat else None for one in rows],
        "lat": [one.lonlat[1] if one.lonlat else None for one in rows],
    }
    form = FORMS[path.suffix.lower()]
    write_embeddings(path, form, known, catalogue.store.vectors_of, columns, {"model": catalogue.store.model})  # type: ignore[arg-type]


def _parts(args: argparse.Namespace) -> Iterator[Part]:
    for path in args.imagery:
        yield _tiles(path, args.zoom)
    for folders, role in ((args.photos, "ground"), (args.aerial, "aerial")):
        for folder in folders:
            yield _photos(folder, role)
    for path in args.map:
        yield _landmarks(path)


def _tiles(path: Path, zoom: int) -> Part:
    """Tiles of which at least half has data."""
    from mlcore.landmarks.catalogue import Item, stamp_of
    from mlcore.landmarks.readers.tiles import LEAST_VALID

    reader, stamp = open_image(path), stamp_of(path)
    tiles = {f"{path.stem}/{tile.z}/{tile.x}/{tile.y}": tile for tile in tiles_covering(reader.footprint_lonlat, zoom)}

    def read(name: str) -> np.ndarray | None:
        window = reader.read_tile(tiles[name])
        return window.rgb if window.valid.mean() >= LEAST_VALID else None

    items = [
        Item(name, "aerial", str(path), f"{stamp}-{zoom}", _middle(tile.bounds_lonlat)) for name, tile in tiles.items()
    ]
    return Part("aerial", items, read)


def _photos(folder: Path, role: str) -> Part:
    from mlcore.landmarks.catalogue import Item, stamp_of
    from mlcore.landmarks.readers.photos import PhotoFolder

    source = PhotoFolder(folder, now=dt.datetime.now(dt.UTC), role=role)  # type: ignore[arg-type]
    for line in source.left_out:
        print(f"left out: {line}")
    items, number_of = [], {}
    for number, (path, lonlat) in enumerate(source.files()):
        name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        items.append(Item(name, role, str(path), stamp_of(path), lonlat))
        number_of[name] = number
    return Part(role, items, lambda name: getattr(source.get(number_of[name]), role))


def _landmarks(path: Path) -> Part:
    from mlcore.landmarks.catalogue import Item, stamp_of
    from mlcore.landmarks.readers.osm import MapLandmarks

    source, stamp = MapLandmarks(path), stamp_of(path)
    texts: dict[str, str] = {}
    items = []
    for number in range(len(source)):
        sample = source.get(number)
        if sample.texts:
            name = f"{path.stem}/{sample.name}"
            texts[name] = sample.texts[0]
            items.append(Item(name, "text", str(path), stamp, sample.gps))
    return Part("text", items, texts.__getitem__)


def _embed(catalogue: Catalogue, model: LandmarkModel, part: Part, progress: Progress) -> int:
    from mlcore.landmarks.embedding import embed_pictures

    wanted, done = catalogue.wanted(part.items), 0
    if part.modality == "text":
        if wanted:
            catalogue.store.add([one.id for one in wanted], model.embed_texts([part.read(one.name) for one in wanted]))
        return len(wanted)
    for some, vectors in embed_pictures(model, wanted, lambda one: part.read(one.name), role=part.modality):  # type: ignore[arg-type]
        stop_if_asked(progress)
        catalogue.store.add([one.id for one in some], vectors)
        done += len(some)
        progress.report(done / len(wanted), f"{done} of {len(wanted)}")
    return done


def _middle(bounds: tuple[float, float, float, float]) -> tuple[float, float]:
    west, south, east, north = bounds
    return (west + east) / 2, (south + north) / 2
