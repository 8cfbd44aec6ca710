"""Trainings of locators, on the imagery of all regions, and two locators held side by side."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from annotation.common.engine import compute_device
from annotation.learning.engine.data import told_of_imagery
from annotation.learning.engine.matcher_data import digest_of, owner_folder
from annotation.learning.engine.matchers import LastFigures, kept_model
from annotation.learning.engine.runs import check_model_file, run_folder, work_folder
from annotation.learning.errors import DataSetChangedError, NoGroundError
from annotation.learning.kinds import Trained
from annotation.learning.models import DataSet, Evaluation, ModelVersion, TrainingRun
from annotation.sources.models import Imagery
from mlcore.digests import sha256_of
from mlcore.progress import Progress, SpanProgress, stop_if_asked
from mlcore.weights import LOCATOR_FILE

if TYPE_CHECKING:
    from mlcore.evaluation.compare_locators import LocatorSaid, Query
    from mlcore.geolocation.bases import RasterBases
    from mlcore.geolocation.grounds import PictureGround

PIECE_PX, FINEST_M = 1024, 0.5
MOST_PIECES = 240
"""Pictures that are learnt from, over all regions; of more, these are spread over all. Each takes 4 MB of memory."""
LEAST_LEARNT = 0.25
"""A picture of which less may be learnt is left out."""
COARSEST = 0.35
MOST_QUERIES = 60
GONE = "imagery that was frozen is gone or was altered since; start anew"
Payload = dict[str, Any]


def locator_config(preset: str) -> dict[str, Any]:
    """The full settings of a preset as plain values; an unknown one raises ConfigError."""
    from mlcore.geolocation.config import GeolocationConfig

    return GeolocationConfig.preset(preset).to_dict()


def locator_weights() -> Path:
    """What looks for images while no model of the registry does: the administrator's weights, else those that ship."""
    return Path(settings.LOCATOR_WEIGHTS or LOCATOR_FILE)


def imagery_payload(images: Iterable[Imagery]) -> Payload:
    """Imagery to learn from or to compare on, in an order of its own, as plain values."""
    rows = sorted(images, key=lambda one: one.pk)
    sources = [
        {
            "region": one.region_id,
            "imagery_id": one.pk,
            "imagery": told_of_imagery(one),
            "resolution_m": one.resolution_m,
        }
        for one in rows
    ]
    return {"sources": sources}


def train_locator(run: TrainingRun, progress: Progress) -> Trained:
    """Learn on the ground of all imagery that is not held out, from the run's checkpoints where there are some.

    Raises:
        DataSetChangedError: what was frozen is not there any more.
        NoGroundError: all of it is held out.
        WeightsUnavailableError: the encoder's published weights can't be had.
        StoppedError: asked to stop.
    """
    from mlcore.geolocation.config import GeolocationConfig
    from mlcore.geolocation.training import train_locator as train

    rasters = _rasters(run.data_set)
    grounds = grounds_of(rasters, SpanProgress(progress, 0.0, 0.05))
    told = LastFigures(SpanProgress(progress, 0.05, 1.0))
    model = train(
        grounds, GeolocationConfig.from_dict(run.config), run_dir=work_folder(run), seed=run.seed,
        device=compute_device(), progress=told,
    )  # fmt: skip
    origin = about_locator(run)
    scratch = run_folder(run) / f"{uuid.uuid4().hex}.safetensors"
    digest = model.save(scratch, {"about": origin})
    metrics = {name: value for name, value in told.figures.items() if name != "epoch" and math.isfinite(value)}
    pieces = float(sum(len(ground.pictures) for ground, _ in grounds))
    return kept_model(run, scratch, digest, {"pictures": pieces, **metrics}, origin)


def grounds_of(rasters: Sequence[RasterBases], progress: Progress) -> list[tuple[PictureGround, float]]:
    """Ground of every image that may be learnt, each image drawn as often as it has pictures.

    Raises:
        NoGroundError: nothing of them may be learnt.
    """
    from mlcore.geolocation.grounds import PictureGround
    from mlcore.geolocation.held_out import learnt_ground

    places = [(number, base) for number, raster in enumerate(rasters) for base in raster]
    found: dict[int, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    for place in _spread(len(places), MOST_PIECES):
        stop_if_asked(progress)
        number, base = places[place]
        rgb, valid = rasters[number].read(base)
        valid &= learnt_ground(base)
        if valid.mean() < LEAST_LEARNT:
            continue
        pictures, masks = found.setdefault(number, ([], []))
        pictures.append(np.where(valid[..., None], rgb, np.uint8(0)))
        masks.append(valid)
        progress.report((place + 1) / len(places), f"read {base.name}")
    if not found:
        raise NoGroundError("all imagery lies on blocks that are kept for comparing, one in four: import more of it")
    return [(PictureGround(*both, coarsest=COARSEST), float(len(both[0]))) for both in found.values()]


def evaluate_locators(evaluation: Evaluation, progress: Progress) -> tuple[list[Payload], dict[str, int], str]:
    """Figures of the evaluation's model beside the other one or the built-in one, what they rest on, and its digest.

    What was scored before a stop is on the disk and is not scored again.

    Raises:
        DataSetChangedError, ModelFileError: what was frozen, or a model's file, is not there any more.
        NoGroundError: no imagery shows a held-out block.
        StoppedError: asked to stop.
    """
    from mlcore.evaluation.compare_locators import compare_locators, queries_of

    rasters = _rasters(evaluation.data_set)
    queries = queries_of(rasters, MOST_QUERIES)
    if not queries:
        raise NoGroundError(
            "no imagery shows a whole block of those that are kept for comparing, one in four of about 500 m: import "
            "more imagery"
        )
    files = [(check_model_file(evaluation.model), evaluation.model.sha256), *_other(evaluation.against)]
    said = [
        _scored(
            *file, evaluation.data_set, rasters, queries, SpanProgress(progress, n / len(files), (n + 1) / len(files))
        )
        for n, file in enumerate(files)
    ]
    figures = compare_locators(said[0], said[1] if len(said) > 1 else None, queries)
    counts = {"blocks": len({(one.source, one.block) for one in queries}), "queries": len(queries),
              "bases": sum(len(raster) for raster in rasters)}  # fmt: skip
    return [one.to_dict() for one in figures], counts, _digest(evaluation.data_set, queries)


def about_locator(run: TrainingRun) -> Payload:
    """What a locator's file says of where it comes from: imagery with licences."""
    sources = run.data_set.payload.get("sources", [])
    return {
        "kind": run.kind,
        "data_digest": run.data_set.digest,
        "preset": run.preset,
        "seed": run.seed,
        "images": len(sources),
        "places": len({source["region"] for source in sources}),
        "sources": [{"imagery": one["imagery"]} for one in sources],
    }


def _scored(
    path: Path, digest: str, data_set: DataSet, rasters: Sequence[RasterBases], queries: Sequence[Query], span: Progress
) -> list[LocatorSaid]:
    """What the locator of a file makes of the queries: as it said before, or looked for now."""
    from mlcore.evaluation.compare_locators import LocatorSaid, score_locator
    from mlcore.geolocation.model import LocatorModel

    folder = owner_folder(data_set.kind) / f"frozen-{data_set.pk}"
    kept = folder / f"{_digest(data_set, queries)[:16]}-{digest[:16]}.json"
    if kept.is_file():
        return [LocatorSaid.from_dict(one) for one in json.loads(kept.read_text(encoding="utf-8"))]
    model = LocatorModel.load(path, sha256=digest).to(compute_device()).eval()
    said = score_locator(model, rasters, queries, folder / f"features-{digest[:16]}", span)
    scratch = kept.with_name(f"{uuid.uuid4().hex}.part")
    scratch.write_text(json.dumps([one.to_dict() for one in said]), encoding="utf-8")
    scratch.replace(kept)
    return said


def _other(version: ModelVersion | None) -> list[tuple[Path, str]]:
    """The other model, or what is used without one; nothing where there is neither."""
    if version is not None:
        return [(check_model_file(version), version.sha256)]
    path = locator_weights()
    return [(path, sha256_of(path))] if path.is_file() else []


def _rasters(data_set: DataSet) -> list[RasterBases]:
    """The frozen imagery, proven to be what was frozen, cut into pictures.

    Raises:
        DataSetChangedError: an image is gone or another one, or the data set was altered.
    """
    from mlcore.geolocation.bases import BaseGrid, RasterBases

    if digest_of(data_set.payload) != data_set.digest:
        raise DataSetChangedError(GONE)
    rasters = []
    for source in data_set.payload["sources"]:
        imagery = Imagery.objects.filter(pk=source["imagery_id"], sha256=source["imagery"]["sha256"]).first()
        path = Path(settings.MEDIA_ROOT) / imagery.cog_path if imagery is not None else None
        if path is None or not path.is_file():
            raise DataSetChangedError(GONE)
        grid = BaseGrid(side_px=PIECE_PX, overlap=0.0, resolution_m=max(FINEST_M, source["resolution_m"] or 0.0))
        rasters.append(RasterBases(path, grid, str(source["imagery_id"])))
    return rasters


def _spread(count: int, most: int) -> list[int]:
    chosen: list[int] = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)).tolist()
    return chosen


def _digest(data_set: DataSet, queries: Sequence[Query]) -> str:
    """SHA-256 of the imagery and the places that locators are held against."""
    places = [[one.source, one.block.x, one.block.y] for one in queries]
    return hashlib.sha256(json.dumps([data_set.digest, places]).encode()).hexdigest()
