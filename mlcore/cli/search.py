"""`search`: places by words, by "latitude, longitude", by a photo, or by an item that is there."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcore.cli.landmark_model import load_landmarks
from mlcore.errors import InvalidInputError
from mlcore.geometry.coordinates import lonlat_of

if TYPE_CHECKING:
    from mlcore.landmarks.catalogue import Catalogue
    from mlcore.landmarks.model import LandmarkModel

ROLES = ("ground", "aerial")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", type=Path, help="folder that embed filled")
    parser.add_argument("query", help='words, "latitude, longitude", or a photo\'s file')
    parser.add_argument("--count", type=int, default=10, help="finds to tell (%(default)s)")
    parser.add_argument("--role", choices=ROLES, default="ground", help="of a photo: ground (default) or aerial")
    parser.add_argument("--among", nargs="+", choices=("aerial", "ground", "text"), help="only finds of these kinds")
    parser.add_argument("--anything", action="store_true", help="tell the likest even where the query means nothing")
    parser.add_argument("--weights", type=Path, help="of the model (default: those that ship)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Tell the likest items; 1 where the query means nothing here."""
    from mlcore.landmarks.catalogue import Catalogue

    if args.count < 1:
        raise InvalidInputError("--count must be 1 or more")
    model = load_landmarks(args.weights, args.device)
    catalogue = Catalogue(args.store, model.digest)
    kind, vector = embedded(model, args.query, args.role)
    allowed = catalogue.ids_of(args.among) if args.among else None
    found = catalogue.store.search(vector, args.count, allowed=allowed)
    kept = found.ids[0] >= 0
    likeness = dict(zip(found.ids[0][kept].tolist(), found.likeness[0][kept].tolist(), strict=True))
    items = catalogue.items(list(likeness))
    floors = floors_of(model, catalogue, kind, vector[0], {one.modality for one in items})
    sure = [one for one in items if likeness[one.id] >= floors[one.modality]]
    best, meant = max(likeness.values(), default=-1.0), bool(sure)
    results = [
        {
            "name": one.name, "modality": one.modality, "likeness": round(likeness[one.id], 4), "source": one.source,
            "lon": one.lonlat[0] if one.lonlat else None, "lat": one.lonlat[1] if one.lonlat else None,
        }
        for one in (items if args.anything else sure)
    ]  # fmt: skip
    told: dict[str, Any] = {"query": args.query, "kind": kind, "meant": meant, "best": round(best, 4)}
    told["results"] = results
    print(json.dumps(told) if args.json else _words(told))
    return int(not meant)


def floors_of(
    model: LandmarkModel, catalogue: Catalogue, kind: str, vector: np.ndarray, found: Collection[str]
) -> dict[str, float]:
    """By what was found, the least likeness at which a query means something.

    Of a text, (D,), among tiles it is measured on the tiles that are there, as the application does; of everything else
    it is the one that the model brings.
    """
    from mlcore.landmarks.yardstick import in_store, measured_in_store

    floors = {modality: model.floors.of(kind) for modality in found}
    if kind == "text" and "aerial" in found and "text" in model.floors.least:
        seen, tiles = catalogue.store.view(), catalogue.ids_of(["aerial"])
        tiles = np.sort(tiles[np.isin(tiles, seen.ids)])
        measured = measured_in_store(model, seen, tiles)
        floors["aerial"] = measured.least_of(vector, in_store(seen, tiles))
    return floors


def embedded(model: LandmarkModel, query: str, role: str) -> tuple[str, np.ndarray]:
    """What kind of a query it is, and its vector (1, D).

    Raises:
        InvalidInputError: a photo that can't be read, or a position that lies nowhere on Earth.
    """
    from mlcore.landmarks.readers.items import PICTURES
    from mlcore.landmarks.readers.photos import upright_picture

    path = Path(query) if len(query) < 1024 and "\0" not in query else None
    if path is not None and path.suffix.lower() in PICTURES:
        return role, model.embed_images([upright_picture(path, dt.datetime.now(dt.UTC))], role=role)  # type: ignore[arg-type]
    lonlat = lonlat_of(query)
    if lonlat is not None:
        return "gps", model.embed_gps(np.array([lonlat]))
    return "text", model.embed_texts([query])


def _words(told: dict[str, Any]) -> str:
    if not told["results"]:
        return f"nothing found: {told['query']!r} fits nothing here (best likeness {told['best']:.2f})"
    lines = [] if told["meant"] else [f"{told['query']!r} means nothing here; the likest all the same:"]
    for one in told["results"]:
        where = f"{one['lat']:.6f}, {one['lon']:.6f}" if one["lon"] is not None else "of no known place"
        lines.append(f"{one['likeness']:6.3f}  {one['modality']:6}  {one['name']}  {where}")
    return "\n".join(lines)
