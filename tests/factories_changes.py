"""Factories of scans, queue items and suspected changes, on the regions and footprints of `tests.factories`."""

from __future__ import annotations

import uuid
from typing import Any

import factory
from factory.django import DjangoModelFactory

from annotation.changes.models import BulkRejection, Change, GroupMove, SavedFilter
from annotation.consistency.models import Scan, ScanState
from annotation.learning.models import DataSet, ModelState, ModelVersion, TrainingRun
from annotation.review.models import QueueItem, Verdict
from annotation.review.services.claim import claim
from annotation.review.services.decide import Decision, decide
from tests.factories import FootprintFactory, PairFactory, RegionFactory, UserFactory, square


class ModelVersionFactory(DjangoModelFactory[ModelVersion]):
    """The active model of a region, without a file."""

    class Meta:
        model = ModelVersion

    region = factory.SubFactory(RegionFactory)
    state = ModelState.ACTIVE
    path = "models/none.safetensors"
    sha256 = "0" * 64

    @factory.lazy_attribute
    def run(self) -> TrainingRun:
        pair = PairFactory(region=self.region)
        data_set = DataSet.objects.create(
            region=self.region, imagery=pair.imagery, snapshot=pair.snapshot, pairs=[], digest="0" * 64
        )
        return TrainingRun.objects.create(region=self.region, data_set=data_set)


class ScanFactory(DjangoModelFactory[Scan]):
    """A finished scan; imagery and snapshot are those its model was trained on."""

    class Meta:
        model = Scan

    model = factory.SubFactory(ModelVersionFactory)
    region = factory.SelfAttribute("model.region")
    imagery = factory.SelfAttribute("model.run.data_set.imagery")
    snapshot = factory.SelfAttribute("model.run.data_set.snapshot")
    state = ScanState.READY


class QueueItemFactory(DjangoModelFactory[QueueItem]):
    class Meta:
        model = QueueItem

    stage = "changes"
    scope_id = 1
    priority = 0.5


class ChangeFactory(DjangoModelFactory[Change]):
    """A missing building; `ChangeFactory(kind="remove")` and the like get a footprint of the scan's snapshot."""

    class Meta:
        model = Change

    scan = factory.SubFactory(ScanFactory)
    kind = "add"
    geometry = factory.LazyFunction(square)
    confidence = 0.8
    evidence = factory.LazyFunction(lambda: {"area_m2": 120.0})
    fingerprint = factory.Sequence(lambda n: f"{n:064x}")

    @factory.lazy_attribute
    def item(self) -> QueueItem:
        told = {"scope_id": self.scan.region_id, "origin_id": self.scan.pk}
        return QueueItemFactory(kind=self.kind, priority=self.confidence, **told)

    @factory.lazy_attribute
    def pair(self) -> Any:
        scan = self.scan
        return scan.imagery.pairs.filter(snapshot=scan.snapshot).first()

    @factory.lazy_attribute
    def object(self) -> Any:
        return self.footprint.object if self.footprint else None

    @factory.lazy_attribute
    def footprint(self) -> Any:
        return None if self.kind == "add" else FootprintFactory(snapshot=self.scan.snapshot, geometry=self.geometry)


class GroupMoveFactory(DjangoModelFactory[GroupMove]):
    """A move of nothing, by somebody."""

    class Meta:
        model = GroupMove

    change = factory.SubFactory(ChangeFactory)
    reviewer = factory.SubFactory(UserFactory)
    idempotency_key = factory.LazyFunction(uuid.uuid4)
    east_m = 1.0
    north_m = 0.0


class BulkRejectionFactory(DjangoModelFactory[BulkRejection]):
    """A rejection of nothing, by somebody."""

    class Meta:
        model = BulkRejection

    region = factory.SubFactory(RegionFactory)
    reviewer = factory.SubFactory(UserFactory)
    idempotency_key = factory.LazyFunction(uuid.uuid4)
    reason = "other"


class SavedFilterFactory(DjangoModelFactory[SavedFilter]):
    class Meta:
        model = SavedFilter

    region = factory.SubFactory(RegionFactory)
    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Filter {n}")


def save_decision(user: Any, change: Change, decision: str = "accept", reason: str = "", **payload: Any) -> Verdict:
    """Claim exactly this change and decide it, as the page does."""
    others = list(QueueItem.objects.exclude(pk=change.item_id).values_list("pk", flat=True))
    claimed = claim(user=user, stage="changes", scope_id=change.scan.region_id, skip=others).item
    assert claimed is not None and claimed.pk == change.item_id
    return decide(
        user=user,
        item_id=claimed.pk,
        lease_token=claimed.lease_token,
        version=claimed.version,
        said=Decision(decision, reason=reason, payload=payload),
        idempotency_key=uuid.uuid4(),
    )
