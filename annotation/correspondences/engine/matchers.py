"""Which matchers this installation offers, and what one makes of a pair."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string

from annotation.common.engine import compute_device
from annotation.common.models import Job
from annotation.correspondences.engine.transforms import stored
from annotation.correspondences.errors import NoWeightsError, UnknownMatcherError
from annotation.correspondences.models import ControlPoint, Correspondences, CorrespondencesState
from annotation.sources.models import Imagery, MapSnapshot
from annotation.tiles.engine import pair_source, tile_address
from annotation.tiles.models import TilePair
from mlcore.correspondences.classical import ClassicalMatcher, classical_names
from mlcore.correspondences.installed import PREFIX, InstalledMatcher, installed_version
from mlcore.correspondences.matches import Matcher
from mlcore.correspondences.robust import Registration
from mlcore.correspondences.surroundings import on_the_tile, register_tile
from mlcore.digests import sha256_of
from mlcore.pairs.source import PairSource
from mlcore.weights import MATCHER_FILE

STRUCTURE = "structure"
MOST_POINTS = 200
"""So many inliers are kept as control points, those on the tile first; the transform stands on all of them."""
MAX_REFUSED_CHARS = 300


@dataclass(frozen=True)
class Made:
    """A matcher, ready to work, and what names it on its proposals."""

    matcher: Matcher
    name: str
    digest: str


@dataclass(frozen=True)
class Proposal:
    """An unsaved row with its unsaved points."""

    row: Correspondences
    points: list[ControlPoint]


def offered() -> list[str]:
    """Matchers to choose from, the best one first."""
    return [*([STRUCTURE] if weights_file().is_file() else []), *classical_names(), *_named_by_the_administrator()]


def _named_by_the_administrator() -> list[str]:
    return [f"{PREFIX}{name.removeprefix(PREFIX)}" for name in settings.VISMATCH_MATCHERS]


def weights_file() -> Path:
    """Of the structure matcher: those of the model in use, else what is used without one."""
    return _weights()[0]


def built_in_file() -> Path:
    """What is used while no model of the registry is: the administrator's weights, else those that ship."""
    return Path(settings.MATCHER_WEIGHTS or MATCHER_FILE)


def _weights() -> tuple[Path, str | None]:
    """The file, and the digest it must have where the registry knows it."""
    promoted: tuple[Path, str] | None = import_string(settings.MATCHER_IN_USE)()
    return promoted or (built_in_file(), None)


def check_matcher(name: str) -> None:
    """Refuse a matcher that is not offered here.

    Raises:
        NoWeightsError, UnknownMatcherError: what to set or to choose instead.
    """
    if name in offered():
        return
    choices = ", ".join(offered())
    if name == STRUCTURE:
        raise NoWeightsError(
            f"the structure matcher has no weights here, {weights_file().name} is no file: an administrator puts "
            f"another model in use, or sets MAPWRIGHT_MATCHER_WEIGHTS to a file; until then choose one of {choices}"
        )
    raise UnknownMatcherError(f"no matcher {name[:40]!r}; choose one of {choices}")


def make(name: str) -> Made:
    """The matcher of this name; its digest is that of its weights.

    Raises:
        NoWeightsError, UnknownMatcherError: it is not offered, or its file is gone.
        CheckpointError: the file holds no such weights, or others than the registry knows.
        MissingPackageError, InvalidInputError: the package of an installed matcher is missing, or can't make it.
    """
    check_matcher(name)
    if name.startswith(PREFIX):
        return Made(InstalledMatcher(name, compute_device()), name, f"vismatch-{installed_version()}")
    if name != STRUCTURE:
        return Made(ClassicalMatcher(name), name, f"opencv-{cv2.__version__}")
    from mlcore.correspondences.matcher import StructureMatcher
    from mlcore.correspondences.search import NEARLY_PLACED

    path, registered = _weights()
    digest = registered or sha256_of(path)
    return Made(StructureMatcher.load(path, NEARLY_PLACED, sha256=digest, device=compute_device()), name, digest)


def pairs_source(imagery: Imagery, snapshot: MapSnapshot) -> PairSource:
    """Image and map of two ready sources."""
    return pair_source(imagery, snapshot)


def propose(pair: TilePair, source: PairSource, made: Made, job: Job | None = None) -> Proposal:
    """What the matcher makes of a pair and its surroundings: a transform with its points, or why there is none."""
    tile = tile_address(pair.tile)
    found = register_tile(made.matcher, source, tile)
    row = Correspondences(
        region_id=pair.tile.region_id,
        pair=pair,
        matcher=made.name,
        matcher_digest=made.digest,
        job=job,
        needed_inliers=found.needed_inliers,
        log10_nfa=found.log10_nfa if math.isfinite(found.log10_nfa) else None,
        **stored("transform_", found.transform),
    )
    if found.transform is None:
        row.refused = found.refused[:MAX_REFUSED_CHARS]
        return Proposal(row, [])
    row.inliers, row.rmse_m = int(found.inliers.sum()), found.rmse_px * tile.resolution_m()
    row.passed_gate = passes_gate(row)
    row.state = CorrespondencesState.VERIFIED if row.passed_gate else CorrespondencesState.PROPOSED
    return Proposal(row, _points(row, found))


def passes_gate(row: Correspondences) -> bool:
    """Whether the settings let this one stand without a person; they let none unless they are told to."""
    gate = settings.MATCHER_GATE_LOG10_NFA
    if gate is None or row.log10_nfa is None or row.rmse_m is None:
        return False
    return bool(row.log10_nfa <= gate and row.rmse_m <= settings.MATCHER_GATE_RMSE_M)


def _points(row: Correspondences, found: Registration) -> list[ControlPoint]:
    agreeing = found.matches.only(found.inliers)
    order = np.lexsort([-agreeing.confidence, ~on_the_tile(agreeing)])
    kept = agreeing.only(np.sort(order[:MOST_POINTS]))
    places = zip(kept.map_xy, kept.image_xy, kept.confidence, strict=True)
    return [
        ControlPoint(
            correspondences=row,
            number=number,
            map_x=float(map_x),
            map_y=float(map_y),
            image_x=float(image_x),
            image_y=float(image_y),
            confidence=min(max(float(confidence), 0.0), 1.0),
        )
        for number, ((map_x, map_y), (image_x, image_y), confidence) in enumerate(places, start=1)
    ]
