"""Factories of correspondences, and helpers that queue and answer them as people do."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import factory
import numpy as np
from factory.django import DjangoModelFactory

from annotation.correspondences.engine import stored
from annotation.correspondences.models import ControlPoint, Correspondences, MapScan
from annotation.correspondences.services import batches
from annotation.correspondences.services.batches import Plan
from annotation.review.models import Batch, Verdict
from annotation.review.services.batch import BatchWish
from annotation.review.services.claim import claim
from annotation.review.services.decide import Decision, decide
from mlcore.geometry.transform import Transform, shift_of
from tests.factories import ImageryFactory, PairFactory, RegionFactory, TileFactory, UserFactory

PLACES = [(20.0, 30.0), (220.0, 40.0), (230.0, 210.0), (40.0, 220.0), (130.0, 120.0), (90.0, 60.0)]
"""Where the control points of tests lie on the map, pixels at 256 px."""
PROPOSED = shift_of(2.0, -1.0, 0.01)


class CorrespondencesFactory(DjangoModelFactory[Correspondences]):
    """A proposed shift by (2, -1) px with its points; `CorrespondencesFactory(pair__region=region)` names its region.

    `no_match=True` makes one that the matcher found no match for.
    """

    class Meta:
        model = Correspondences
        skip_postgeneration_save = True

    class Params:
        no_match = factory.Trait(
            **stored("transform_", None), inliers=0, log10_nfa=None, rmse_m=None, refused="3 points are too few"
        )

    pair = factory.SubFactory(PairFactory)
    region = factory.SelfAttribute("pair.tile.region")
    matcher = "sift"
    matcher_digest = "opencv-test"
    transform_kind = PROPOSED.kind
    transform_parameters = factory.LazyFunction(PROPOSED.parameters.tolist)
    transform_covariance = factory.LazyFunction(PROPOSED.covariance.tolist)
    inliers = len(PLACES)
    needed_inliers = 5
    log10_nfa = -9.0
    rmse_m = 0.1

    @factory.post_generation
    def points(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        if self.transform_kind:
            given = enumerate(zip(PLACES, PROPOSED.apply(np.array(PLACES)), strict=True), start=1)
            ControlPoint.objects.bulk_create(
                ControlPoint(
                    correspondences=self, number=number, map_x=x, map_y=y, image_x=u, image_y=v, confidence=0.9
                )
                for number, ((x, y), (u, v)) in given
            )


class MapScanFactory(DjangoModelFactory[MapScan]):
    """A map scan whose pairs are not made yet; its file is not there."""

    class Meta:
        model = MapScan

    region = factory.SubFactory(RegionFactory)
    imagery = factory.SubFactory(ImageryFactory, region=factory.SelfAttribute("..region"))
    original_name = "sheet.png"
    upload_path = "regions/0/scans/0/upload.png"
    sha256 = "ab" * 32
    licence = "CC0-1.0"
    attribution = "Survey"


class ScanProposalFactory(CorrespondencesFactory):
    """A proposal on a pair of a map scan; `ScanProposalFactory(scan=scan)` names it."""

    pair = None
    scan = factory.SubFactory(MapScanFactory)
    scan_tile = factory.SubFactory(TileFactory, region=factory.SelfAttribute("..scan.region"))
    region = factory.SelfAttribute("scan.region")


def points_by(
    transform: Transform, *, places: Sequence[tuple[float, float]] = PLACES, checks: Sequence[int] = (), **changed: Any
) -> list[dict[str, Any]]:
    """Points of a payload that lie where a transform brings them; those numbered in `checks` are check points."""
    moved = transform.apply(np.array(places))
    return [
        {
            "number": number,
            "map_xy": list(place),
            "image_xy": [float(x), float(y)],
            "role": "check" if number in checks else "fit",
            "enabled": True,
            **changed,
        }
        for number, (place, (x, y)) in enumerate(zip(places, moved, strict=True), start=1)
    ]


def make_batch(region: Any, *, user: Any = None, second_share: float = 0.0, **plan: Any) -> Batch:
    """A batch of all proposals of the region that wait, unless the plan says otherwise."""
    wish = BatchWish(name="Trial", second_share=second_share)
    plan = {"plan": "all", "seed": 7, **plan}
    return batches.start(user=user or UserFactory(role="editor"), region=region, wish=wish, plan=Plan(**plan))


def take(user: Any, batch: Batch, stage: str = "correspondences", skip: Any = ()) -> Any:
    """The item this person gets next, or None."""
    return claim(user=user, stage=stage, scope_id=batch.scope_id, batch_id=batch.pk, skip=skip).item


def answer(user: Any, item: Any, decision: str = "accept", *, reason: str = "", **payload: Any) -> Verdict:
    """Decide a claimed item."""
    return decide(
        user=user, item_id=item.pk, lease_token=item.lease_token, version=item.version,
        said=Decision(decision, reason=reason, payload=payload, seconds=3.0), idempotency_key=uuid.uuid4(),
    )  # fmt: skip


def adjust(user: Any, item: Any, transform: Transform, kind: str | None = None, **points: Any) -> Verdict:
    """Set the points where a transform brings them."""
    return answer(user, item, "adjust", transform=kind or transform.kind, points=points_by(transform, **points))
