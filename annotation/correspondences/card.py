"""Reads for the review page: what it shows of one proposal, and of two answers that differ."""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations
from typing import Any

import numpy as np
from django.db.models import F
from django.db.models.functions import Coalesce
from django.urls import reverse

from annotation.correspondences import engine, selectors
from annotation.correspondences.answers import REVIEW, Answer, answers_of, distance_m, standing_verdicts
from annotation.correspondences.engine import Correction, Transform
from annotation.correspondences.models import ControlPoint, Correspondences, CorrespondencesReview, MapScan
from annotation.correspondences.selectors import scan_version
from annotation.review.models import QueueItem
from annotation.sources.engine import shown_imagery, shown_snapshot
from annotation.tiles.engine import tile_address
from annotation.tiles.nearby import streets_on

PIXELS = 256


def subject_of_item(item: QueueItem) -> dict[str, Any]:
    """The page's view of an item. It does not say which matcher proposed it: that would sway the reviewer."""
    below = "pair__tile", "pair__imagery", "pair__snapshot", "scan_tile", "scan__imagery"
    tables = [f"correspondences__{name}" for name in below]
    return _subject(CorrespondencesReview.objects.select_related(*tables).get(item=item).correspondences)


def pages_of_items(items: Collection[int]) -> dict[int, str]:
    """The page of the tile that each item's proposal is about."""
    parts = [
        Coalesce(F(f"correspondences__pair__tile__{name}"), F(f"correspondences__scan_tile__{name}"))
        for name in ("region", "z", "x", "y")
    ]
    rows = CorrespondencesReview.objects.filter(item__in=items).values_list("item", *parts)
    return {item: reverse("tile", args=place) for item, *place in rows}


def adjudication_of_item(item: QueueItem) -> dict[str, Any]:
    """The same, with the answers that differ and how far; who gave them stays hidden until it is settled."""
    twins = standing_verdicts().filter(item__batch=item.batch_id, item__subject_id=item.subject_id, item__stage=REVIEW)
    answers = list(answers_of(twins))
    apart = [distance for pair in combinations(answers, 2) if (distance := distance_m(*pair)) is not None]
    return {
        **subject_of_item(item),
        "answers": [_shown_answer(answer) for answer in answers],
        "distance_m": max(apart, default=None),
    }


def shown_correction(correction: Correction) -> dict[str, Any]:
    """What a person's points come to: the transform, the points with their residuals, both errors."""
    return {
        "transform": engine.shown_transform(correction.transform),
        "points": [
            {
                "number": point.number,
                "map_xy": list(point.map_xy),
                "image_xy": list(point.image_xy),
                "role": point.role,
                "enabled": point.enabled,
                "residual_xy": residual_xy.tolist(),
                "residual_m": float(residual_m),
            }
            for point, residual_xy, residual_m in zip(
                correction.points, correction.residual_xy, correction.residual_m, strict=True
            )
        ],
        "fit_rmse_m": correction.fit_rmse_m,
        "check_rmse_m": correction.check_rmse_m,
    }


def shown_points(row: Correspondences, points: list[ControlPoint], transform: Transform | None) -> list[dict[str, Any]]:
    """Stored points, each with what is left between it and where the transform brings it."""
    residuals = None
    if transform is not None and points:
        residuals = engine.residuals_of(
            transform, [point.map_xy for point in points], [point.image_xy for point in points]
        )
    metres = tile_address(row.tile).resolution_m()
    return [
        {
            "number": point.number,
            "map_xy": list(point.map_xy),
            "image_xy": list(point.image_xy),
            "confidence": point.confidence,
            "origin": point.origin,
            "role": point.role,
            "enabled": point.enabled,
            "residual_xy": None if residuals is None else residuals[place].tolist(),
            "residual_m": None if residuals is None else float(np.linalg.norm(residuals[place])) * metres,
        }
        for place, point in enumerate(points)
    ]


def _subject(row: Correspondences) -> dict[str, Any]:
    tile = row.tile
    transform = engine.proposed_transform(row)
    return {
        "id": row.pk,
        "tile": {"z": tile.z, "x": tile.x, "y": tile.y},
        "streets": streets_on(row.map_pair.snapshot, tile_address(tile)) if row.scan is None else [],
        "bbox": list(tile.geometry.extent),
        "size_px": PIXELS,
        "resolution_m": tile_address(tile).resolution_m(),
        "imagery": shown_imagery(row.imagery),
        "snapshot": shown_snapshot(row.map_pair.snapshot) if row.scan is None else shown_scan(row.scan),
        "of_scan": row.pair is None,
        "transform": engine.shown_transform(transform),
        "points": shown_points(row, selectors.points_of(row.pk, corrected=False), transform),
        "inliers": row.inliers,
        "needed_inliers": row.needed_inliers,
        "rmse_m": row.rmse_m,
        "refused": row.refused,
    }


def shown_scan(scan: MapScan) -> dict[str, Any]:
    """A scan where a page shows a map: with the address of its own tiles, and no date that anybody knows."""
    version = scan_version(scan)
    return {
        "id": f"scan-{scan.pk}",
        "name": scan.original_name,
        "taken_at": None,
        "attribution": scan.attribution,
        "tile_version": version,
        "tiles": f"/api/map-scans/{scan.pk}/tiles/{{z}}/{{x}}/{{y}}.png",
    }


def _shown_answer(answer: Answer) -> dict[str, Any]:
    said = {"decision": answer.decision, "reason": answer.reason, "comment": answer.comment}
    if answer.correction is not None:
        return {**said, **shown_correction(answer.correction)}
    return {**said, "transform": engine.shown_transform(answer.transform), "points": None}
