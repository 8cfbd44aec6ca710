"""Pairs of a real image and a map that is only a picture: how many windows come out, and how exact they are.

    python benchmarks/hybrid_pairs.py --out WORK [--side 640] [--stride 0.75]

The image is Banepa's, 11,264 x 8,704 px. The map is its mapped part drawn as one sheet in a style that training never
used (relief: other colours, contours, labels, the look of a scan), turned by 17 degrees, drawn at 0.8 of the size, with
perspective, a PNG without a georeference. Only the ratio of the pixels is told to the builder. The truth is where
the map has its buildings, so that what the map itself is off the image counts as an error here.

- pairs, sampling_points, left_out/RULE: what became of the windows; on_map: those that the sheet covers.
- coarse_px: mean distance of the sheet's corners from the truth under the coarse homography, pixels of the image.
- error_m, error_m_p90, error_m_worst: mean distance of a window's corners from the truth, median and so on over pairs.
- coarse_error_m: the same before the windows were refined, median.
- seconds: of the run that made the set from nothing, on a machine that may be busy; absent where that was stopped and
  gone on with, or isn't known. A set that is there already is not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import data_folder, write_result
from mlcore.cli.build import matchers_of
from mlcore.correspondences.hybrid.builder import build_pairs
from mlcore.correspondences.hybrid.config import HybridConfig
from mlcore.correspondences.hybrid.pictures import HALF
from mlcore.correspondences.hybrid.sources import Sources
from mlcore.correspondences.styles import DrawnStyle, Dress, dressed, unseen_styles
from mlcore.geometry.webmercator import TileAddress, tile_at
from mlcore.imagery.raster import open_image
from mlcore.maps.coverage import read_area
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.weights import MATCHER_FILE

ZOOM, TILE_PX = 19, 512
TURN_DEG, SCALE, TILT = 17.0, 0.8, (2e-6, -1e-6)
SECONDS = "seconds.json"
PAPER = (250, 250, 245)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="work folder")
    parser.add_argument("--side", type=int, default=640)
    parser.add_argument("--stride", type=float, default=0.75)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    banepa = data_folder() / "banepa"
    truth = write_sheet(banepa, args.out / "sheet.png")
    config = HybridConfig(side=args.side, stride=args.stride, ratio=1 / SCALE)
    sources = Sources(banepa / "banepa.tif", args.out / "sheet.png", image_licence="CC-BY-4.0", map_licence="ODbL-1.0")
    made, seconds = timed(sources, args.out, config)
    resolution_m = open_image(banepa / "banepa.tif").resolution_m
    write_result(
        "hybrid_pairs",
        figures(made, args.out / "set", truth, resolution_m) | seconds,
        seeds=[0],
        command=f"python benchmarks/hybrid_pairs.py --out WORK --side {args.side} --stride {args.stride:g}",
    )


def timed(sources: Sources, out: Path, config: HybridConfig) -> tuple[dict[str, Any], dict[str, float]]:
    """The set's manifest, and the seconds that its making took where one run made all of it."""
    told, fresh = out / SECONDS, not (out / "set").exists()
    if fresh:
        told.unlink(missing_ok=True)
    start = time.monotonic()
    made = build_pairs(sources, out / "set", matchers_of(MATCHER_FILE), config, Told())
    if fresh:
        told.write_text(json.dumps({"seconds": time.monotonic() - start}), encoding="utf-8")
    return made, json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}


class Told:
    """Progress in the log."""

    def report(self, fraction: float, message: str = "", figures: Any = None) -> None:
        print(f"{fraction:4.0%} {message}", flush=True)

    def should_stop(self) -> bool:
        return False


def write_sheet(banepa: Path, path: Path) -> np.ndarray:
    """The mapped part as a scanned sheet; gives (3, 3) from its pixels to those of the image."""
    west, south, east, north = read_area(banepa / "mapped_area.geojson").bounds
    index, inner = MapIndex(read_map(banepa / "buildings.geojson").features), 1e-7
    first, last = tile_at(west + inner, north - inner, ZOOM), tile_at(east - inner, south + inner, ZOOM)
    style, rng = unseen_styles()["relief"].style, np.random.default_rng(5)
    plain = DrawnStyle("plain", style, Dress())
    rows = [
        np.hstack([plain.draw(TileAddress(ZOOM, x, y), index, TILE_PX, rng) for x in range(first.x, last.x + 1)])
        for y in range(first.y, last.y + 1)
    ]
    drawn = dressed(np.vstack(rows), Dress(contours=True, labels=40, scan=0.5), rng, style.building_outline)
    turned = _turned(drawn.shape[1], drawn.shape[0])
    size = np.ceil(_corners(drawn, turned).max(axis=0)).astype(int).tolist()
    inside = np.linalg.inv(HALF) @ turned @ HALF
    sheet = cv2.warpPerspective(drawn, inside, size, flags=cv2.INTER_AREA, borderValue=PAPER)
    cv2.imwrite(str(path), sheet[..., ::-1])
    reader = open_image(banepa / "banepa.tif")
    left, _, right, top = reader.bounds_mercator
    grow = (first.bounds_mercator[2] - first.bounds_mercator[0]) / TILE_PX / ((right - left) / reader.width)
    step = (right - left) / reader.width
    place = [(first.bounds_mercator[0] - left) / step, (top - first.bounds_mercator[3]) / step]
    on_image = np.array([[grow, 0, place[0]], [0, grow, place[1]], [0, 0, 1.0]])
    return np.asarray(on_image @ np.linalg.inv(turned))


def figures(made: dict[str, Any], folder: Path, truth: np.ndarray, resolution_m: float) -> dict[str, float]:
    """What a set is worth, held against where its map is known to lie."""
    coarse = np.array([*made["coarse"]["parameters"], 1.0]).reshape(3, 3)
    width, height = made["map"]["width"], made["map"]["height"]
    sheet = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    errors, before = [], []
    for line in (folder / "proposals.jsonl").read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        window = told["window"]
        corners = np.array([window["left"], window["top"]]) + window["side"] * np.array(
            [[0, 0], [1, 0], [1, 1], [0, 1.0]]
        )
        there = _moved(np.linalg.inv(truth), corners)
        for found, kept in ((np.array(told["map_to_image"]), errors), (coarse, before)):
            kept.append(float(np.linalg.norm(_moved(found, there) - corners, axis=1).mean()) * resolution_m)
    left_out = made["left_out"]
    return {
        "pairs": made["pairs"],
        "sampling_points": made["sampling_points"],
        "on_map": made["pairs"] + sum(left_out[rule] for rule in ("empty_map", "no_match", "implausible")),
        **{f"left_out/{rule}": count for rule, count in left_out.items()},
        "coarse_px": float(np.linalg.norm(_moved(coarse, sheet) - _moved(truth, sheet), axis=1).mean()),
        "error_m": float(np.median(errors)),
        "error_m_p90": float(np.quantile(errors, 0.9)),
        "error_m_worst": float(np.max(errors)),
        "coarse_error_m": float(np.median(before)),
    }


def _turned(width: int, height: int) -> np.ndarray:
    """(3, 3) from the drawn sheet to its scan, which holds all of it."""
    cos, sin = SCALE * np.cos(np.radians(TURN_DEG)), SCALE * np.sin(np.radians(TURN_DEG))
    about = np.array([[cos, -sin, 0], [sin, cos, 0], [*TILT, 1]])
    about = about @ np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    low = _moved(about, corners).min(axis=0)
    return np.asarray(np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]]) @ about)


def _corners(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return _moved(matrix, np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64))


def _moved(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    to = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    return np.asarray(to[:, :2] / to[:, 2:])


if __name__ == "__main__":
    main()
