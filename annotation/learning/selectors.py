"""Reads of training: what can be trained on, runs with their curves, and the registry of models."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import BooleanField, Func, IntegerField, Prefetch, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce

from annotation.accounts.models import User
from annotation.common.errors import InvalidError, NotFoundError
from annotation.common.models import JobFigure
from annotation.learning.decisions import count_by_kind, people_said
from annotation.learning.models import (
    GENERAL,
    MATCHER,
    REGION,
    DataSet,
    Evaluation,
    ModelState,
    ModelVersion,
    TrainingRun,
)
from annotation.sources.models import Imagery, MapSnapshot, Region, SourceState
from annotation.sources.selectors import current_sources, visible_regions
from annotation.tiles.models import TilePair

MIN_VALID_SHARE = 0.5
MAX_POINTS = 500
Curve = list[tuple[int, float]]
LEARNT_FROM = KeyTransform("sources", "run__data_set__payload")
"""Of a model for all regions: what it learnt from, in the order in which its file tells it."""


def trainable_pairs(imagery: Imagery, snapshot: MapSnapshot) -> QuerySet[TilePair]:
    """Pairs a model may learn from: enough image, and a map known to be complete; in grid order."""
    pairs = TilePair.objects.filter(imagery=imagery, snapshot=snapshot, mapped=True, valid_share__gte=MIN_VALID_SHARE)
    return pairs.select_related("tile").order_by("tile__y", "tile__x")


def frozen_pairs(data_set: DataSet) -> list[TilePair]:
    """The pairs of a data set in their frozen order; ones deleted since are missing."""
    ids = [pair_id for pair_id, _ in data_set.pairs]
    found = TilePair.objects.select_related("tile").in_bulk(ids)
    return [found[pair_id] for pair_id in ids if pair_id in found]


def learnt_in(data_set_id: int | None) -> Coalesce:
    """Of a verified place, whether its pair, or its scan and tile, is in a data set; without one it is in none."""
    each = "SELECT {} FROM learning_dataset, jsonb_array_elements(pairs) AS pair WHERE id = %s AND pair->>{}"
    pair = each.format("(pair->>0)::bigint", "0 IS NOT NULL")
    place = each.format("(pair->>2)::bigint, (pair->>3)::bigint", "2 IS NOT NULL")
    known = f"pair_id IN ({pair}) OR (scan_id, tile_id) IN ({place})"
    yes = BooleanField()
    return Coalesce(RawSQL(known, [data_set_id, data_set_id], output_field=yes), False, output_field=yes)  # noqa: S611


def _shown_runs() -> QuerySet[TrainingRun]:
    """Runs without what they learnt from; `pairs` says how many tiles that were."""
    pairs = Func("data_set__pairs", function="jsonb_array_length", output_field=IntegerField())
    rows = TrainingRun.objects.annotate(pairs=pairs).select_related("data_set", "model_version")
    return rows.defer("data_set__decisions", "data_set__payload", "data_set__pairs")


def runs_of_region(region_id: int | None, kind: str = "") -> QuerySet[TrainingRun]:
    """Runs of a region, or of models for all, of one kind or any, with their job and model, newest first."""
    rows = _shown_runs().filter(region=region_id, **({"kind": kind} if kind else {})).exclude(kind=GENERAL)
    return rows.select_related("job__created_by").order_by("-pk")


def latest_run(region_id: int) -> TrainingRun | None:
    """The newest training of the region's own model."""
    return runs_of_region(region_id).filter(kind=REGION).first()


def get_run(user: User, run_id: int) -> TrainingRun:
    """The run, or NotFoundError where it is missing or in a region that the person may not see."""
    run = _shown_runs().filter(_open_to(user), pk=run_id).select_related("job", "region").first()
    if run is None:
        raise NotFoundError(f"no training run {run_id}, or none you may see")
    return run


def _open_to(user: User) -> Q:
    """Rows of the person's regions, and those for all regions."""
    return Q(region__in=visible_regions(user)) | Q(region=None)


def models_of_region(region_id: int | None, kind: str = "") -> QuerySet[ModelVersion]:
    """Models of a region, or those for all, of one kind or any, with their comparisons, newest first."""
    rows = ModelVersion.objects.filter(region=region_id, **({"kind": kind} if kind else {})).exclude(kind=GENERAL)
    rows = rows.annotate(sources=LEARNT_FROM).select_related("run").order_by("-pk")
    return rows.prefetch_related(
        Prefetch("evaluations", Evaluation.objects.select_related("job__created_by").order_by("-pk"))
    )


def told_of(model: ModelVersion, user: User, seen: Collection[int]) -> dict[str, Any]:
    """What the file of a model for all regions says of itself, as this person may know it.

    That is sources of the regions that the person may see, and how many regions are `elsewhere`.

    Args:
        model: as of `models_of_region`; its file names sources.
        seen: ids of the regions that the person may see.
    """
    about: dict[str, Any] = model.about
    if user.is_admin:
        return about
    regions = [source.get("region") for source in getattr(model, "sources", None) or []]
    regions += [None] * (len(about["sources"]) - len(regions))
    told = [one for one, region in zip(about["sources"], regions, strict=False) if region in seen]
    return {**about, "sources": told, "elsewhere": len({region for region in regions if region not in seen})}


def evaluations_of_model(model: ModelVersion) -> QuerySet[Evaluation]:
    """Comparisons of a model, newest first."""
    return Evaluation.objects.filter(model=model).select_related("job__created_by").order_by("-pk")


def models_in_use(kind: str) -> QuerySet[ModelVersion]:
    """The models of a kind that are in use: at most one for each region, and one for all."""
    return ModelVersion.objects.filter(kind=kind, state=ModelState.ACTIVE)


def active_model(region_id: int | None, kind: str = REGION) -> ModelVersion | None:
    """The model of this kind in use, if the region has one; without a region, the one for all."""
    return models_in_use(kind).filter(region=region_id).first()


def matcher_in_use() -> tuple[Path, str] | None:
    """File and digest of the matcher that people put in use; None while they put none."""
    model = active_model(None, MATCHER)
    return None if model is None else (Path(settings.MEDIA_ROOT) / model.path, model.sha256)


def ready_imagery() -> QuerySet[Imagery]:
    """Imagery of all regions that can be learnt from and looked at."""
    return Imagery.objects.filter(state=SourceState.READY).order_by("pk")


def model_of_digest(kind: str, sha256: str) -> ModelVersion | None:
    """The newest model for all regions whose file has this digest."""
    return ModelVersion.objects.filter(kind=kind, region=None, sha256=sha256).order_by("-pk").first()


LEAST_MEASURED = 30
"""Held-out tiles below which a model's figures say too little for its percentages to be called odds."""


def shown_model(model: ModelVersion) -> dict[str, Any]:
    """What a page says of the model behind a suggestion: its name, its preset, and how it did on known errors."""
    measured = model.measured if model.measured and model.measured["tiles"] >= LEAST_MEASURED else None
    return {
        "id": model.pk,
        "preset": model.run.preset,
        "untuned": model.kind == GENERAL,
        "measured": measured,
        "trial": measured is None or model.run.preset == "tiny" or measured["low"] <= 0.5,
    }


def get_model(user: User, model_id: int) -> ModelVersion:
    """The model, or NotFoundError where it is missing or in a region that the person may not see.

    The general model is none of those that are promoted, compared or downloaded here.
    """
    models = ModelVersion.objects.filter(_open_to(user), pk=model_id).exclude(kind=GENERAL)
    model = models.select_related("region", "run").first()
    if model is None:
        raise NotFoundError(f"no model {model_id}, or none you may see")
    return model


def curves(run: TrainingRun) -> dict[str, Curve]:
    """The run's live figures by name as (step, value), each thinned to at most MAX_POINTS with both ends kept."""
    if run.job_id is None:
        return {}
    grouped: dict[str, Curve] = defaultdict(list)
    figures = JobFigure.objects.filter(job_id=run.job_id).order_by("name", "step")
    for name, step, value in figures.values_list("name", "step", "value").iterator():
        grouped[name].append((step, value))
    return {name: thinned(points) for name, points in grouped.items()}


def thinned(points: Curve, limit: int = MAX_POINTS) -> Curve:
    """At most `limit` of the points, evenly spread, the first and the last among them."""
    if len(points) <= limit:
        return points
    last = len(points) - 1
    return [points[round(index * last / (limit - 1))] for index in range(limit)]


@dataclass(frozen=True)
class Ahead:
    """What the next training would learn from.

    Attributes:
        pairs: mapped tiles with enough image.
        decisions: how many of each word there are, by kind.
        left_out: verdicts that teach nothing, by why.
        model: the model in use, if there is one.
        new: decisions that it has not learnt from.
    """

    pairs: int = 0
    decisions: dict[str, dict[str, int]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    model: int | None = None
    new: int = 0


def ahead(region: Region) -> Ahead:
    """What the next training of the region would learn from; empty where sources are missing."""
    try:
        imagery, snapshot = current_sources(region)
    except InvalidError:
        return Ahead()
    answers = people_said(imagery, snapshot)
    active = models_in_use(REGION).filter(region=region).select_related("run__data_set").first()
    learnt = {one["verdict"] for one in active.run.data_set.decisions} if active else set[int]()
    return Ahead(
        pairs=trainable_pairs(imagery, snapshot).order_by().count(),
        decisions=count_by_kind(one.to_dict() for one in answers.decisions),
        left_out=answers.left_out,
        model=active.pk if active else None,
        new=sum(one.verdict not in learnt for one in answers.decisions),
    )
