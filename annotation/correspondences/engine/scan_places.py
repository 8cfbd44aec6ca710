"""Where a map scan lies: its pairs as proposals on the tiles of a region, its outline, its picture of a tile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from django.conf import settings

from annotation.common.errors import NotFoundError
from annotation.correspondences.engine.matchers import Proposal, passes_gate
from annotation.correspondences.engine.transforms import stored
from annotation.correspondences.models import (
    FARTHEST_PX,
    NEAREST_PX,
    ControlPoint,
    Correspondences,
    CorrespondencesState,
    MapScan,
)
from annotation.tiles.engine import image_reader
from mlcore.correspondences.hybrid.pictures import RasterPicture, seen_through
from mlcore.correspondences.scanned import ScannedSource, mercator_to_tile
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TILE_PX, TileAddress, mercator_to_lonlat, tile_at

PROPOSALS = "proposals.jsonl"
UNIT = np.array([[0, 0], [1, 0], [0, 1.0]])


@dataclass(frozen=True)
class ScanPair:
    """A pair of a set, as a proposal on the tile that holds the middle of its window; the row's tile is not set yet."""

    tile: TileAddress
    proposal: Proposal


def scan_pairs(scan: MapScan, folder: Path, image: Path, zoom: int) -> list[ScanPair]:
    """The pairs of a finished set, of several on one tile the one that chance explains least.

    Args:
        scan: stored, with its job.
        folder: of the set.
        image: the imagery that it was built on, in EPSG:3857.
        zoom: of the region's tiles.
    """
    to_mercator = _image_to_mercator(image)
    found: dict[TileAddress, ScanPair] = {}
    for line in _lines(folder / PROPOSALS):
        pair = _pair(scan, line, to_mercator, zoom)
        best = found.get(pair.tile)
        if best is None or pair.proposal.row.log10_nfa < best.proposal.row.log10_nfa:  # type: ignore[operator]
            found[pair.tile] = pair
    return [found[tile] for tile in sorted(found)]


def scan_place(folder: Path, made: dict[str, Any], image: Path) -> dict[str, Any]:
    """Where the whole picture lies and how well that is known, as JSON.

    Returns:
        `outline`: a GeoJSON polygon in longitude and latitude, None where the picture reaches beyond the horizon.
        `coarse_rmse_m`: of the windows by which the picture as a whole was placed. `pair_rmse_m`: the median over the
        pairs of the error of each one's points. Metres on the ground.
    """
    to_mercator = _image_to_mercator(image)
    coarse = _coarse(made)
    width, height = made["map"]["width"], made["map"]["height"]
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1], [0, 0, 1.0]]) @ coarse.T
    outline = None
    middle = np.array([made["image"]["width"] / 2, made["image"]["height"] / 2])
    if (corners[:, 2] * corners[0, 2] > 0).all():
        ring = mercator_to_lonlat(_through(to_mercator, corners[:, :2] / corners[:, 2:]))
        outline = {"type": "Polygon", "coordinates": [ring.round(7).tolist()]}
    metres = _metres_per_px(to_mercator, middle)
    lines = list(_lines(folder / PROPOSALS))
    errors = [line["transform"]["rmse_px"] * line["window"]["side"] / line["size_px"] for line in lines]
    rmse_px = made["coarse"]["rmse_px"]
    return {
        "outline": outline,
        "coarse_rmse_m": None if rmse_px is None else rmse_px * metres,
        "pair_rmse_m": float(np.median(errors)) * metres if errors else None,
        "pairs": len(lines),
    }


def scan_picture(scan: MapScan) -> Path:
    """The clean copy of a scan, which its tiles are cut from."""
    return (Path(settings.MEDIA_ROOT) / scan.upload_path).parent / "picture.tif"


def scan_source(scan: MapScan) -> ScannedSource:
    """The imagery of a placed scan, and the scan as its coarse homography lays it, tile by tile.

    Raises:
        InvalidError: the file of the image is gone.
        NotFoundError: nobody knows where the scan lies, or its picture is gone.
    """
    if scan.made is None or not scan_picture(scan).is_file():
        raise NotFoundError(f"the picture of the scan {scan.original_name} is gone: add it again")
    image = Path(settings.MEDIA_ROOT) / scan.imagery.cog_path
    to_mercator = _image_to_mercator(image) @ _coarse(scan.made)
    return ScannedSource(image_reader(scan.imagery), RasterPicture(scan_picture(scan)), to_mercator)


def scan_tile_png(picture: Path, image: Path, made: dict[str, Any], tile: TileAddress, size_px: int) -> bytes:
    """The scan as its coarse homography brings it onto a tile: an RGBA PNG, transparent where it shows nothing."""
    to_tile = mercator_to_tile(tile, size_px) @ _image_to_mercator(image)
    rgb, valid = seen_through(RasterPicture(picture), to_tile @ _coarse(made), size_px)
    rgba = np.dstack([rgb[..., ::-1], np.uint8(255) * valid])
    _, content = cv2.imencode(".png", rgba)
    return bytes(content)


def _pair(scan: MapScan, line: dict[str, Any], to_mercator: np.ndarray, zoom: int) -> ScanPair:
    window, told, size = line["window"], line["transform"], line["size_px"]
    side = window["side"]
    in_image = np.array([[side / size, 0, window["left"]], [0, side / size, window["top"]], [0, 0, 1.0]])
    middle = _through(to_mercator @ in_image, np.full((1, 2), size / 2))[0]
    lon, lat = mercator_to_lonlat(middle).tolist()
    tile = tile_at(lon, lat, zoom)
    frame = mercator_to_tile(tile, TILE_PX) @ to_mercator @ in_image
    transform = Transform(told["kind"], np.array(told["parameters"]), np.array(told["covariance"])).reframed(frame)
    row = Correspondences(
        region_id=scan.region_id,
        scan=scan,
        matcher=line["matcher"],
        matcher_digest=line["matcher_digest"],
        job=scan.job,
        inliers=told["inliers"],
        needed_inliers=told["needed_inliers"],
        log10_nfa=told["log10_nfa"],
        rmse_m=told["rmse_px"] * float(frame[0, 0]) * tile.resolution_m(),
        **stored("transform_", transform),
    )
    row.passed_gate = passes_gate(row)
    row.state = CorrespondencesState.VERIFIED if row.passed_gate else CorrespondencesState.PROPOSED
    return ScanPair(tile, Proposal(row, _points(row, np.array(line.get("points", [])).reshape(-1, 5), frame)))


def _points(row: Correspondences, points: np.ndarray, frame: np.ndarray) -> list[ControlPoint]:
    places = np.column_stack([_through(frame, points[:, :2]), _through(frame, points[:, 2:4])])
    near = ((places >= NEAREST_PX) & (places <= FARTHEST_PX)).all(axis=1)
    return [
        ControlPoint(
            correspondences=row, number=number, map_x=float(map_x), map_y=float(map_y), image_x=float(image_x),
            image_y=float(image_y), confidence=float(confidence),
        )
        for number, ((map_x, map_y, image_x, image_y), confidence) in enumerate(
            zip(places[near], points[near, 4], strict=True), start=1
        )
    ]  # fmt: skip


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _coarse(made: dict[str, Any]) -> np.ndarray:
    """(3, 3) from the scan's pixels to the image's."""
    return Transform("homography", np.array(made["coarse"]["parameters"]), np.zeros((8, 8))).matrix


def _image_to_mercator(image: Path) -> np.ndarray:
    """(3, 3) from the pixels of an imagery, which lies in EPSG:3857, to its metres."""
    placing = RasterPicture(image).to_mercator
    if placing is None:
        raise ValueError(f"{image.name} has no georeference, so it is no imagery")
    corner, east, south = placing(UNIT)
    return np.array([[*(east - corner), 0], [*(south - corner), 0], [*corner, 1.0]]).T


def _metres_per_px(to_mercator: np.ndarray, xy: np.ndarray) -> float:
    """Ground that a pixel of the image covers there."""
    place = _through(to_mercator, xy[None])
    lat = np.radians(mercator_to_lonlat(place)[0, 1])
    return float(abs(to_mercator[0, 0]) * np.cos(lat))


def _through(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    places = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    return np.asarray(places[:, :2] / places[:, 2:])
