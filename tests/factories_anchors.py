"""Factories of anchors, and helpers that queue and answer them as people do."""

from __future__ import annotations

import uuid
from typing import Any

import factory
from factory.django import DjangoModelFactory

from annotation.anchors.models import Anchor
from annotation.anchors.services import batches
from annotation.anchors.services.sampling import Plan
from annotation.review.models import Batch, Verdict
from annotation.review.services.batch import BatchWish
from annotation.review.services.claim import claim
from annotation.review.services.decide import Decision, decide
from mlcore.anchors.schema import ATTRIBUTES
from tests.factories import PairFactory, UserFactory

ATTRIBUTES_AS_PROPOSED = {name: attribute.values[1] for name, attribute in ATTRIBUTES.items()}
CORRECTED = {**ATTRIBUTES_AS_PROPOSED, "roof_hint": "mixed"}
SUMMARY = "Detached houses along a winding road."


class AnchorFactory(DjangoModelFactory[Anchor]):
    """A proposed anchor of the geometric generator; `AnchorFactory(pair__region=region)` names its region."""

    class Meta:
        model = Anchor

    pair = factory.SubFactory(PairFactory)
    generator = "geometric"
    schema_version = "1"
    attributes = factory.LazyFunction(lambda: dict(ATTRIBUTES_AS_PROPOSED))
    summary = SUMMARY


def make_batch(region: Any, *, user: Any = None, second_share: float = 0.0, **plan: Any) -> Batch:
    """A batch of all anchors of the region that wait, unless the plan says otherwise."""
    wish = BatchWish(name="Trial", second_share=second_share)
    plan = {"plan": "all", "seed": 7, **plan}
    return batches.start(user=user or UserFactory(role="editor"), region=region, wish=wish, plan=Plan(**plan))


def take(user: Any, batch: Batch, stage: str = "anchors", skip: Any = ()) -> Any:
    """The item this person gets next, or None."""
    return claim(user=user, stage=stage, scope_id=batch.scope_id, batch_id=batch.pk, skip=skip).item


def answer(user: Any, item: Any, decision: str = "accept", *, reason: str = "", seconds: float = 3.0, **payload: Any):
    """Decide a claimed item; `attributes` and `summary` are the payload of a correction."""
    if decision == "correct":
        payload = {"attributes": CORRECTED, "summary": SUMMARY, **payload}
    return save(user, item, Decision(decision, reason=reason, payload=payload, seconds=seconds))


def save(user: Any, item: Any, said: Decision) -> Verdict:
    return decide(
        user=user, item_id=item.pk, lease_token=item.lease_token, version=item.version, said=said,
        idempotency_key=uuid.uuid4(),
    )  # fmt: skip
