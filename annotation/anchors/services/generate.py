"""Describes a region's pairs: anchors made in bulk, resumed where they stopped."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.anchors import engine, selectors
from annotation.anchors.models import Anchor
from annotation.common.errors import InvalidError
from annotation.common.models import Job
from annotation.common.services.jobs import JobContext, enqueue
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import current_sources
from annotation.tiles.models import TilePair

BATCH = 200


class UnknownGeneratorError(InvalidError):
    """No generator of that name is built in."""

    code = "unknown_generator"


class NoPairsError(InvalidError):
    """The region has no image-map pairs to work on."""

    code = "no_pairs"


@dataclass(frozen=True)
class AnchorCounts:
    """What a run did: anchors made, pairs already described, pairs left out because the map is incomplete there."""

    made: int
    kept: int
    unmapped: int

    def as_dict(self) -> dict[str, Any]:
        return {"made": self.made, "kept": self.kept, "unmapped": self.unmapped}


@transaction.atomic
def start(*, region: Region, user: User | None, generator: str = "geometric", wake: bool = True) -> Job:
    """Queue the generation of anchors for the region's newest imagery and map; one at a time per region.

    `wake=False` is for callers that run the job themselves.
    """
    check_generator(generator)
    imagery, snapshot = current_sources(region)
    return enqueue(
        kind="anchors.generate",
        params={"imagery": imagery.pk, "snapshot": snapshot.pk, "generator": generator},
        scope_id=region.pk,
        created_by=user,
        dedup_key=f"region:{region.pk}:{generator}",
        wake=wake,
    )


def run(context: JobContext) -> None:
    """The job `anchors.generate`."""
    counts = generate_for(
        imagery=Imagery.objects.get(pk=context.params["imagery"]),
        snapshot=MapSnapshot.objects.get(pk=context.params["snapshot"]),
        generator=context.params["generator"],
        progress=context,
    )
    context.set_result(counts.as_dict())


def generate_for(
    *, imagery: Imagery, snapshot: MapSnapshot, generator: str = "geometric", progress: engine.Progress
) -> AnchorCounts:
    """Describe every mapped pair that has no anchor of this generator and schema version yet.

    Rows are committed in batches, so that a stopped or killed run goes on where it was. Pairs outside the part where
    the map is complete are left out: the map can't say what stands there.
    """
    check_generator(generator)
    pairs = TilePair.objects.filter(imagery=imagery, snapshot=snapshot)
    mapped, total = pairs.filter(mapped=True).count(), pairs.count()
    if total == 0:
        raise NoPairsError("there are no image-map pairs yet; wait for the imports to finish, or build the pairs first")
    missing = list(
        selectors.pairs_without(
            imagery_id=imagery.pk,
            snapshot_id=snapshot.pk,
            generator=generator,
            model="",
            prompt_version="",
            schema_version=engine.SCHEMA_VERSION,
        )
    )
    kept = mapped - len(missing)
    made = _describe(missing, kept, snapshot, generator, progress) if missing else 0
    progress.report(1.0, f"{mapped} tiles described")
    return AnchorCounts(made=made, kept=kept, unmapped=total - mapped)


def check_generator(generator: str) -> None:
    """Refuse a generator that is not built in."""
    if generator not in engine.GENERATORS:
        raise UnknownGeneratorError(f"no generator {generator!r}; choose one of {', '.join(sorted(engine.GENERATORS))}")


def _describe(
    missing: list[TilePair], kept: int, snapshot: MapSnapshot, generator: str, progress: engine.Progress
) -> int:
    """Describe and store the pairs batch by batch; how many anchors were made."""
    describe = engine.GENERATORS[generator](snapshot)
    made = 0
    for first in range(0, len(missing), BATCH):
        engine.stop_if_asked(progress)
        batch = missing[first : first + BATCH]
        made += _store(engine.anchor_rows(batch, generator=generator, describe=describe))
        done = first + len(batch)
        progress.report(done / len(missing), f"{kept + done} of {kept + len(missing)} tiles described")
    return made


@transaction.atomic
def _store(rows: list[Anchor]) -> int:
    """Save the rows whose pair still exists; a pair deleted meanwhile takes its anchor with it."""
    ids = [row.pair_id for row in rows]
    alive = set(TilePair.objects.select_for_update(no_key=True).filter(pk__in=ids).values_list("pk", flat=True))
    kept = [row for row in rows if row.pair_id in alive]
    before = Anchor.objects.filter(pair_id__in=alive).count()
    Anchor.objects.bulk_create(kept, ignore_conflicts=True)
    return Anchor.objects.filter(pair_id__in=alive).count() - before
