"""`scan`: score every tile of a region and list its building changes."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shapely.geometry import mapping

from mlcore.cli.progress_bar import BarProgress
from mlcore.cli.region_inputs import add_input_arguments, read_source
from mlcore.correspondences.dense.region_offset import region_offset
from mlcore.errors import InvalidInputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input_arguments(parser)
    parser.add_argument("--model", type=Path, required=True, help="the model that `train region` wrote")
    parser.add_argument("--sha256", help="digest the model file must have")
    parser.add_argument("--evidence", type=Path, help="the evidence picture (default: beside the scores)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    parser.add_argument("--unmapped", action="store_true", help="also scan tiles outside the mapped area")
    parser.add_argument(
        "--out", type=Path, nargs=2, required=True, metavar=("SCORES", "CANDIDATES"), help="two GeoJSON files"
    )


def run(args: argparse.Namespace) -> int:
    """Scan and write both files."""
    from mlcore.region.training import RegionModel

    model = RegionModel.load(args.model, args.sha256, args.device)
    if args.zoom is not None and args.zoom != model.zoom:
        raise InvalidInputError(f"the model was trained at zoom {model.zoom}: leave out --zoom or train again")
    model.config = dataclasses.replace(model.config, include_unmapped=args.unmapped)
    source = read_source(args)
    scores_path, candidates_path = args.out
    evidence = args.evidence or scores_path.with_name("evidence.tif")
    with BarProgress("scan") as progress:
        found = model.scan(source, source.tiles(model.zoom), evidence_path=evidence, progress=progress)
    results, candidates = found.results, found.candidates
    write_features(scores_path, (
        {"type": "Feature", "geometry": mapping(tile.polygon_lonlat),
         "properties": {"z": tile.z, "x": tile.x, "y": tile.y, "fold": r.fold, "disc": r.disc, "proto": r.proto,
                        "final": r.final, "difference": r.difference, "probability": r.probability,
                        "shift_east_m": r.shift_east_m, "shift_north_m": r.shift_north_m,
                        "shift_confidence": r.shift_confidence, "shift_origin": r.shift_origin}}
        for tile, r in results.items()
    ))  # fmt: skip
    write_features(candidates_path, (
        {"type": "Feature", "geometry": mapping(c.geometry),
         "properties": {"kind": c.kind, "osm_type": c.osm_type, "osm_id": c.osm_id, "confidence": c.confidence,
                        "tile": f"{c.tile.z}/{c.tile.x}/{c.tile.y}", **c.evidence}}
        for c in candidates
    ))  # fmt: skip
    offset = region_offset([r.shift for r in results.values()], resolution_m=1.0)
    if offset.notable:
        print(
            f"image and map: {offset.metres:.1f} m apart, {offset.east_m:+.1f} m east, {offset.north_m:+.1f} m north, "
            f"on {offset.tiles} of {offset.of} tiles; candidates are corrected for it"
        )
    print(f"{len(results)} tiles in {scores_path}, {len(candidates)} candidates in {candidates_path}")
    return 0


def write_features(path: Path, features: Iterable[dict[str, Any]]) -> None:
    """Write GeoJSON, one feature per line."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [\n')
        for number, feature in enumerate(features):
            file.write(("" if number == 0 else ",\n") + json.dumps(feature, allow_nan=False))
        file.write("\n]}\n")
