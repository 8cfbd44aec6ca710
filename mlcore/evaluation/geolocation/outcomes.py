"""One query put to one placer: what came back, held against the truth; kept in a file, so that a run goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import shapely

from mlcore.evaluation.geolocation.placers import PairPlacer, Placer, Ranked, Waiting, iterated
from mlcore.evaluation.geolocation.planes import metre_at, quad
from mlcore.evaluation.geolocation.queries import Kind, Plan, Site, cut, digest, told_digest
from mlcore.evaluation.geolocation.reference import Reference
from mlcore.files import whole_file
from mlcore.progress import Progress, SilentProgress, stop_if_asked

RIGHT_IOU = 0.5
"""A placement is right where the base shows the query and the footprints agree as far as this."""
ITERATIONS = 4


@dataclass(frozen=True)
class Outcome:
    """What one placer said of one query.

    Attributes:
        relevant: whether a right answer exists: False of foreign queries.
        rank: place of the first right base among the answers, from 1; None where none is.
        score, probability: of the first answer; None where there is none, or it says no probability.
        iou: of the first answer's footprint with the true one, of one matching; iou4: of four, by EarthMatch's
            protocol; None where the method places no footprint.
        corner_m: mean distance of the corners on the ground; None where none is placed or one flees to infinity.
        seconds: that passed; cpu_seconds: that processors worked in this process, whatever else the machine does.
        right: the first answer is a right base and, where a footprint is placed, iou is at least RIGHT_IOU.
    """

    query: str
    place: str
    kind: Kind
    turned_deg: float
    scale: float
    overlap: float
    relevant: bool
    rank: int | None
    score: float | None
    probability: float | None
    iou: float | None
    iou4: float | None
    corner_m: float | None
    right: bool
    seconds: float
    cpu_seconds: float = 0.0


def run_placer(
    placer: Placer,
    plans: Sequence[Plan],
    sites: Sequence[Site],
    reference: Reference,
    *,
    kept: Path | None = None,
    iterations: int = ITERATIONS,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Put every query to a placer.

    Args:
        sites: that the queries were drawn on.
        reference: what the placer searches.
        kept: a file of outcomes that are not asked for again, where its queries are these.
        iterations: of the iterative protocol; 1 leaves it out.

    Raises:
        StoppedError: asked to stop; what is done is kept.
    """
    progress = progress or SilentProgress()
    grounds = {site.name: site.ground for site in sites}
    asked = digest(plans), told_digest(map(repr, reference)), str(iterations)
    stamp = ":".join([placer.name, getattr(placer, "digest", ""), *asked])
    done = read_outcomes(kept, stamp) if kept else {}
    for number, plan in enumerate(plans):
        stop_if_asked(progress)
        if plan.name not in done:
            rgb, valid = cut(plan, grounds[plan.site])
            whole = placer.made if isinstance(placer, Waiting) else placer
            start, worked = time.perf_counter(), time.process_time()
            answers = whole.place(rgb, valid)
            seconds, worked = time.perf_counter() - start, time.process_time() - worked
            again = whole if isinstance(whole, PairPlacer) and iterations > 1 else None
            found = judged(plan, answers, reference, seconds, again, (rgb, valid), iterations)
            done[plan.name] = replace(found, cpu_seconds=worked)
            if kept:
                keep_outcomes(kept, stamp, done)
        progress.report((number + 1) / len(plans), f"{placer.name}: {number + 1} of {len(plans)} queries")
    return [done[plan.name] for plan in plans]


def judged(
    plan: Plan,
    answers: Sequence[Ranked],
    reference: Reference,
    seconds: float,
    again: PairPlacer | None = None,
    query: tuple[np.ndarray, np.ndarray] | None = None,
    iterations: int = ITERATIONS,
) -> Outcome:
    """Answers held against the truth; where the first is a right base, it is matched again by `again`."""
    rank = next((number for number, answer in enumerate(answers, 1) if answer.base in plan.relevant), None)
    first = answers[0] if answers else None
    iou = iou4 = corner = None
    if first is not None and first.homography is not None and plan.relevant:
        plane = reference.plane_of[first.base]
        iou, corner = overlap(plan, plane @ first.homography), corner_error_m(plan, plane @ first.homography)
        iou4 = iou
        if again is not None and query is not None and rank == 1:
            better = iterated(again.fit, query, reference.read(first.base), first.homography, iterations)
            iou4 = overlap(plan, plane @ better)
    return Outcome(
        query=plan.name, place=plan.place, kind=plan.kind, turned_deg=plan.turned_deg, scale=plan.scale,
        overlap=plan.overlap, relevant=bool(plan.relevant), rank=rank,
        score=None if first is None else float(first.score),
        probability=None if first is None or first.probability is None else float(first.probability),
        iou=iou, iou4=iou4, corner_m=corner, right=rank == 1 and (iou is None or iou >= RIGHT_IOU), seconds=seconds,
    )  # fmt: skip


def overlap(plan: Plan, matrix: np.ndarray) -> float:
    """Intersection over union of the footprint under `matrix`, query's pixels to EPSG:3857, with the true one; 0 where
    it is none: turned inside out, or gone to infinity."""
    placed = quad(matrix, plan.width, plan.height)
    if placed.is_empty or not placed.is_valid or placed.area == 0:
        return 0.0
    try:
        shared = placed.intersection(plan.footprint).area
    except shapely.errors.GEOSException:
        return 0.0
    return float(shared / (placed.area + plan.footprint.area - shared))


def corner_error_m(plan: Plan, matrix: np.ndarray) -> float | None:
    """Mean distance of the four corners in metres on the ground; None where one flees to infinity."""
    placed = quad(matrix, plan.width, plan.height)
    if placed.is_empty:
        return None
    ours, true = (np.array(one.exterior.coords)[:4] for one in (placed, plan.footprint))
    return float(np.linalg.norm(ours - true, axis=1).mean() / metre_at(float(true[:, 1].mean())))


def read_outcomes(path: Path, stamp: str) -> dict[str, Outcome]:
    """The outcomes of a file by query; none where it is of other queries or unreadable."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {one["query"]: Outcome(**one) for one in found["outcomes"]} if found["stamp"] == stamp else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def keep_outcomes(path: Path, stamp: str, outcomes: Mapping[str, Outcome]) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as scratch:
        told = {"stamp": stamp, "outcomes": [asdict(one) for one in outcomes.values()]}
        scratch.write_text(json.dumps(told), encoding="utf-8")
