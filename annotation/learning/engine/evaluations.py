"""Models held side by side: the frozen set of a data set, what each model says of it, and the figures."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from annotation.learning.engine.data import core_decisions
from annotation.learning.engine.runs import load_region_model
from annotation.learning.models import DataSet, Evaluation, ModelVersion
from annotation.tiles.engine import map_index, pair_source, tile_address
from annotation.tiles.models import TilePair
from mlcore.progress import Progress, SpanProgress

if TYPE_CHECKING:
    from mlcore.evaluation.scored import Scored
    from mlcore.geometry.webmercator import TileAddress
    from mlcore.maps.index import MapIndex
    from mlcore.synthetic.edits import EditedMap


@dataclass(frozen=True)
class Frozen:
    """The file of a frozen set: its place below the media folder, and its digest."""

    path: str
    sha256: str


def frozen_set(data_set: DataSet, pairs: Sequence[TilePair]) -> Frozen:
    """The errors that every comparison on this data set puts into the map: those on the disk, or made now.

    They are drawn from the data set's digest alone, so that a lost file comes back the same.
    """
    from mlcore.evaluation.frozen import make_frozen, save_frozen

    folder = _folder(data_set)
    if data_set.frozen_sha256 and (Path(settings.MEDIA_ROOT) / data_set.frozen_path).is_file():
        return Frozen(data_set.frozen_path, data_set.frozen_sha256)
    index, tiles = _true_map(data_set), _tiles(pairs)
    edited = make_frozen(index, tiles, seed=int(data_set.digest[:8], 16))
    scratch = folder / f"{uuid.uuid4().hex}.json"
    digest = save_frozen(scratch, edited, index, tiles)
    target = scratch.with_name(f"errors-{digest[:16]}.json")
    scratch.replace(target)
    return Frozen(target.relative_to(settings.MEDIA_ROOT).as_posix(), digest)


def evaluate(
    evaluation: Evaluation, pairs: Sequence[TilePair], frozen: Frozen, progress: Progress
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Figures of the evaluation's two models, and what they rest on.

    What was scored before a stop is on the disk and is not scored again.

    Raises:
        ModelFileError: a model's file is not the one registered.
        InvalidInputError: the frozen set is not the one registered.
        StoppedError: asked to stop.
    """
    from mlcore.evaluation.compare import compare
    from mlcore.evaluation.frozen import load_frozen

    data_set = evaluation.data_set
    tiles, decisions = _tiles(pairs), core_decisions(data_set)
    edited = load_frozen(Path(settings.MEDIA_ROOT) / frozen.path, frozen.sha256, _true_map(data_set), tiles)
    versions = [version for version in (evaluation.against, evaluation.model) if version is not None]
    scores = {}
    for number, version in enumerate(versions):
        span = SpanProgress(progress, 0.95 * number / len(versions), 0.95 * (number + 1) / len(versions))
        scores[version.pk] = _scored(version, data_set, frozen, edited, tiles, span)
    second = scores[evaluation.against.pk] if evaluation.against else None
    figures = compare(scores[evaluation.model.pk], second, edited, tiles, decisions)
    accepted = sum(one.accepted for one in decisions)
    counts = {
        "tiles": len(tiles), "errors": len(edited.edits), "accepted": accepted, "rejected": len(decisions) - accepted,
    }  # fmt: skip
    return [figure.to_dict() for figure in figures], counts


def _scored(
    version: ModelVersion,
    data_set: DataSet,
    frozen: Frozen,
    edited: EditedMap,
    tiles: list[TileAddress],
    progress: Progress,
) -> Scored:
    """What the model says of the frozen set: as it said before, or scored now."""
    from mlcore.evaluation.scored import Scored, score_model

    kept = _folder(data_set) / f"{frozen.sha256[:16]}-{version.sha256[:16]}.json"
    if kept.is_file():
        return Scored.from_dict(json.loads(kept.read_text(encoding="utf-8")))
    evidence = kept.with_name(f"{uuid.uuid4().hex}.tif")
    evidence.parent.mkdir(parents=True, exist_ok=True)
    try:
        scored = score_model(
            load_region_model(version), pair_source(*data_set.sources), edited, tiles,
            core_decisions(data_set), evidence_path=evidence, progress=progress,
        )  # fmt: skip
    finally:
        evidence.unlink(missing_ok=True)
    scratch = kept.with_name(f"{uuid.uuid4().hex}.part")
    scratch.write_text(json.dumps(scored.to_dict()), encoding="utf-8")
    scratch.replace(kept)
    return scored


def _true_map(data_set: DataSet) -> MapIndex:
    """The map as it is best known: the snapshot with what people accepted."""
    from mlcore.changes.decisions import decided_index

    return decided_index(map_index(data_set.sources[1]), core_decisions(data_set))


def _tiles(pairs: Sequence[TilePair]) -> list[TileAddress]:
    return [tile_address(pair.tile) for pair in pairs]


def _folder(data_set: DataSet) -> Path:
    return Path(settings.MEDIA_ROOT) / "regions" / str(data_set.region_id) / "training" / f"frozen-{data_set.pk}"
