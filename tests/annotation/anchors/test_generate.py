"""Anchors of a region: made in bulk, resumed, stopped, and never where the map is incomplete."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from annotation.anchors import engine
from annotation.anchors.models import Anchor, AnchorState
from annotation.anchors.selectors import anchor_counts, anchor_of_pair, anchors_of_pairs
from annotation.anchors.services import generate
from annotation.common.models import JobState
from annotation.common.services.jobs import run_now
from mlcore.anchors.schema import ATTRIBUTES, parse_anchor
from mlcore.errors import StoppedError
from tests.factories import (
    ORIGIN,
    FootprintFactory,
    ImageryFactory,
    PairFactory,
    RegionFactory,
    SnapshotFactory,
    TileFactory,
    square,
)

pytestmark = pytest.mark.django_db


class Recorder:
    """A progress that keeps what it is told and stops after `stop_after` reports."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.fractions: list[float] = []
        self.stop_after = stop_after

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        self.fractions.append(fraction)

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.fractions) >= self.stop_after


def make_region(columns: int = 4, mapped: int = 3):
    """A row of tiles with a building on each, of which the first `mapped` lie where the map is complete."""
    region = RegionFactory()
    imagery, snapshot = ImageryFactory(region=region), SnapshotFactory(region=region)
    for column in range(columns):
        FootprintFactory(snapshot=snapshot, geometry=square(column=column + 0.5))
        tile = TileFactory(region=region, x=ORIGIN.x + column, y=ORIGIN.y)
        PairFactory(region=region, tile=tile, imagery=imagery, snapshot=snapshot, mapped=column < mapped)
    return region, imagery, snapshot


def test_every_mapped_pair_gets_a_valid_anchor_that_tells_of_its_building():
    region, imagery, snapshot = make_region()
    counts = generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder())
    assert counts == generate.AnchorCounts(made=3, kept=0, unmapped=1)
    for anchor in Anchor.objects.filter(pair__tile__region=region):
        parse_anchor({**anchor.attributes, "summary": anchor.summary})
        assert list(engine.in_schema_order(anchor.attributes)) == list(ATTRIBUTES)
        assert anchor.attributes["building_density"] != "none"
        assert anchor.attributes["roof_hint"] == "unknown"
        assert (anchor.generator, anchor.schema_version) == ("geometric", engine.SCHEMA_VERSION)


def test_a_second_run_makes_nothing_and_says_that_everything_is_kept():
    _, imagery, snapshot = make_region()
    generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder())
    again = generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder())
    assert again == generate.AnchorCounts(made=0, kept=3, unmapped=1)
    assert Anchor.objects.count() == 3


def test_an_older_schema_version_is_described_again(monkeypatch):
    _, imagery, snapshot = make_region()
    generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder())
    Anchor.objects.update(schema_version="0")
    assert generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder()).made == 3
    assert Anchor.objects.count() == 6


def test_a_stopped_run_keeps_its_batches_and_the_next_one_goes_on(monkeypatch):
    _, imagery, snapshot = make_region(columns=5, mapped=5)
    monkeypatch.setattr(generate, "BATCH", 2)
    with pytest.raises(StoppedError):
        generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder(stop_after=1))
    first = set(Anchor.objects.values_list("pk", flat=True))
    assert len(first) == 2
    progress = Recorder()
    counts = generate.generate_for(imagery=imagery, snapshot=snapshot, progress=progress)
    assert counts == generate.AnchorCounts(made=3, kept=2, unmapped=0)
    assert first < set(Anchor.objects.values_list("pk", flat=True))
    assert progress.fractions == sorted(progress.fractions) and progress.fractions[-1] == 1.0


def test_the_number_of_queries_does_not_grow_with_the_tiles(django_assert_max_num_queries):
    _, imagery, snapshot = make_region(columns=12, mapped=12)
    with django_assert_max_num_queries(16):
        generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder())


def test_a_pair_deleted_meanwhile_leaves_no_orphan_and_no_error(monkeypatch):
    _, imagery, snapshot = make_region()
    rows_of = engine.anchor_rows

    def rows_then_delete(pairs, **kwargs):
        rows = rows_of(pairs, **kwargs)
        pairs[0].delete()
        rows[0].pair_id = rows[0].pair_id or 10**9
        return rows

    monkeypatch.setattr(engine, "anchor_rows", rows_then_delete)
    assert generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder()).made == 2


def test_a_region_without_pairs_is_refused_with_the_remedy():
    region = RegionFactory()
    imagery, snapshot = ImageryFactory(region=region), SnapshotFactory(region=region)
    with pytest.raises(generate.NoPairsError, match="build the pairs first"):
        generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder())


def test_an_unknown_generator_is_refused_by_name():
    region, *_ = make_region()
    with pytest.raises(generate.UnknownGeneratorError, match="geometric"):
        generate.start(region=region, user=None, generator="oracle")


def test_the_job_runs_to_its_end_and_leaves_its_counts():
    region, *_ = make_region()
    job = run_now(generate.start(region=region, user=None, wake=False))
    assert (job.state, job.progress) == (JobState.SUCCEEDED, 1.0)
    assert {"made": 3, "kept": 0, "unmapped": 1, "missing": 0}.items() <= job.result.items()


def test_starting_twice_gives_the_job_that_waits_already():
    region, *_ = make_region()
    first = generate.start(region=region, user=None, wake=False)
    assert generate.start(region=region, user=None, wake=False).pk == first.pk


def test_a_verified_anchor_speaks_before_a_generated_one_and_a_rejected_one_never():
    _, imagery, snapshot = make_region(columns=3)
    generate.generate_for(imagery=imagery, snapshot=snapshot, progress=Recorder())
    one, two, three = Anchor.objects.order_by("pk")
    verified = Anchor.objects.create(
        pair=one.pair, generator="person", schema_version="1", attributes=one.attributes, summary="A person's words.",
        state=AnchorState.ACCEPTED,
    )  # fmt: skip
    newer = Anchor.objects.create(
        pair=one.pair, generator="other", schema_version="1", attributes=one.attributes, summary="A newer guess."
    )
    Anchor.objects.filter(pk=two.pk).update(state=AnchorState.REJECTED)
    found = anchors_of_pairs([one.pair_id, two.pair_id, three.pair_id])
    assert {pair: anchor.pk for pair, anchor in found.items()} == {one.pair_id: verified.pk, three.pair_id: three.pk}
    assert anchor_of_pair(two.pair_id) is None
    assert newer.pk not in {anchor.pk for anchor in found.values()}
    counts = anchor_counts(one.pair.tile.region_id)
    assert counts == {"proposed": 3, "accepted": 1, "corrected": 0, "rejected": 1, "missing": 1}
