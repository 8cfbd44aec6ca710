"""Describes a region's pairs: anchors made in bulk, resumed where they stopped."""

from __future__ import annotations

from django.db import transaction

from annotation.accounts.models import User
from annotation.anchors import engine, engine_generators, selectors
from annotation.anchors.engine_generators import Choice, endpoint_of, endpoints, models
from annotation.anchors.models import Anchor
from annotation.anchors.services.counting import AnchorCounts, Counting
from annotation.common.errors import InvalidError, UnavailableError
from annotation.common.models import Job
from annotation.common.services.jobs import JobContext, enqueue
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import current_sources
from annotation.tiles.models import TilePair
from annotation.tiles.services.lock import locked_pairs

__all__ = ["AnchorCounts", "Choice", "check_choice", "generate_for", "run", "start"]
BATCH = 200
"""Computed anchors are stored so many at a time; what a model wrote is stored at once: it may have been paid."""


class UnknownGeneratorError(InvalidError):
    """No generator, endpoint or model of that name is offered here."""

    code = "unknown_generator"


class NoPairsError(InvalidError):
    """The region has no image-map pairs to work on."""

    code = "no_pairs"


class NothingDescribedError(UnavailableError):
    """Every tile stayed without an anchor."""

    code = "nothing_described"


@transaction.atomic
def start(
    *,
    region: Region,
    user: User | None,
    generator: str = "geometric",
    endpoint: str = "",
    model: str = "",
    listed: bool = True,
    wake: bool = True,
) -> Job:
    """Queue the generation of anchors for the region's newest imagery and map; one at a time per region and choice.

    Args:
        endpoint, model: names from the settings. With `listed=False`, for whoever has the command line of the machine,
            `model` may be any folder, hub name or served name.
        wake: False for callers that run the job themselves.
    """
    choice = Choice(generator, endpoint, model)
    check_choice(choice, listed=listed)
    imagery, snapshot = current_sources(region)
    return enqueue(
        kind="anchors.generate",
        params={"imagery": imagery.pk, "snapshot": snapshot.pk, **choice.as_dict()},
        scope_id=region.pk,
        created_by=user,
        dedup_key=f"region:{region.pk}:{choice.key}",
        wake=wake,
    )


def check_choice(choice: Choice, *, listed: bool = True) -> None:
    """Refuse what this installation does not offer, naming what it does."""
    generator = choice.generator
    if generator not in engine_generators.GENERATORS:
        offered = ", ".join(engine_generators.GENERATORS)
        raise UnknownGeneratorError(f"no generator {generator[:40]!r}; choose one of {offered}")
    if generator == "geometric" and (choice.endpoint or choice.model):
        raise InvalidError("the geometric generator uses no endpoint and no model: leave them out")
    if generator == "transformers" and choice.endpoint:
        raise InvalidError("the transformers generator runs its model here: leave the endpoint out")
    if generator == "transformers" and (not choice.model or (listed and choice.model not in models())):
        offered = ", ".join(models()) or "none; an administrator sets MAPWRIGHT_MLLM_MODELS"
        raise UnknownGeneratorError(f"no model {choice.model[:40]!r} is offered here; there is {offered}")
    if generator == "http":
        if choice.endpoint not in endpoints():
            offered = ", ".join(endpoints()) or "none; an administrator sets MAPWRIGHT_MLLM_ENDPOINTS"
            raise UnknownGeneratorError(f"no endpoint {choice.endpoint[:40]!r} is offered here; there is {offered}")
        if listed and choice.model and choice.model != endpoint_of(Choice("http", choice.endpoint)).model:
            raise UnknownGeneratorError("the endpoint's model is chosen by the administrator: leave it out")


def run(context: JobContext) -> None:
    """The job `anchors.generate`."""
    params = context.params
    counts = generate_for(
        imagery=Imagery.objects.get(pk=params["imagery"]),
        snapshot=MapSnapshot.objects.get(pk=params["snapshot"]),
        choice=Choice(params["generator"], params.get("endpoint", ""), params.get("model", "")),
        progress=context,
        job=context.job,
    )
    context.set_result(counts.as_dict())


def generate_for(
    *,
    imagery: Imagery,
    snapshot: MapSnapshot,
    progress: engine.Progress,
    choice: Choice = Choice(),  # noqa: B008 - frozen
    job: Job | None = None,
) -> AnchorCounts:
    """Describe every mapped pair that this generator, model and prompt have not described yet.

    Rows are committed in batches, so that a stopped or killed run goes on where it was. Pairs outside the part where
    the map is complete are left out: the map can't say what stands there. Tiles that stay without an anchor are
    counted by reason, and asked for again by the next run.

    Raises:
        NothingDescribedError: there was work and none of it succeeded.
    """
    pairs = TilePair.objects.filter(imagery=imagery, snapshot=snapshot)
    mapped, total = pairs.filter(mapped=True).count(), pairs.count()
    if total == 0:
        raise NoPairsError("there are no image-map pairs yet; wait for the imports to finish, or build the pairs first")
    generator = engine_generators.make(choice)
    try:
        origin = generator.origin
        undone = list(
            selectors.pairs_without(
                imagery_id=imagery.pk,
                snapshot_id=snapshot.pk,
                generator=origin.generator,
                model=origin.model,
                model_digest=origin.model_digest,
                prompt_version=origin.prompt_version,
                schema_version=engine.SCHEMA_VERSION,
            )
        )
        counting = Counting(choice, kept=mapped - len(undone), wanted=len(undone), job=job)
        if undone:
            source = engine_generators.LateSource(imagery, snapshot)
            _describe(undone, generator, source, counting, progress)
    finally:
        generator.close()
    counts = counting.counts(unmapped=total - mapped)
    progress.report(1.0, counting.message())
    if counts.missing and not counts.made:
        raise NothingDescribedError(f"none of {len(undone)} tiles could be described: {counting.reasons()}")
    return counts


def _describe(
    undone: list[TilePair],
    generator: engine_generators.Generator,
    source: engine_generators.LateSource,
    counting: Counting,
    progress: engine.Progress,
) -> None:
    """Describe and store the pairs as outcomes come; what came before a stop is stored too."""
    by_tile = {engine_generators.tile_address(pair.tile): pair for pair in undone}
    waiting: list[engine_generators.Outcome] = []
    size = 1 if generator.origin.model else BATCH

    def flush() -> None:
        batch, waiting[:] = waiting[:], []
        found = [by_tile[outcome.tile] for outcome in batch]
        rows = engine.anchor_rows(found, outcomes=batch, origin=generator.origin, job=counting.job)
        counting.add(batch, made=_store(rows))
        progress.report(counting.share, counting.message())

    for outcome in generator.describe(list(by_tile), source, progress.should_stop):
        waiting.append(outcome)
        if len(waiting) >= size:
            flush()
    if waiting:
        flush()
    if counting.share < 1.0:
        engine.stop_if_asked(progress)


@transaction.atomic
def _store(rows: list[Anchor]) -> int:
    """Save the rows whose pair still exists; a pair deleted meanwhile takes its anchor with it."""
    ids = [row.pair_id for row in rows]
    alive = locked_pairs(ids)
    kept = [row for row in rows if row.pair_id in alive]
    before = Anchor.objects.filter(pair_id__in=alive).count()
    Anchor.objects.bulk_create(kept, ignore_conflicts=True)
    return Anchor.objects.filter(pair_id__in=alive).count() - before
