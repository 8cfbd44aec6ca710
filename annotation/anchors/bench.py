"""Reads for the review bench: what the page shows of one anchor, and of two answers that differ."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.urls import reverse

from annotation.anchors import engine
from annotation.anchors.answers import REVIEW, answers_of, standing_verdicts
from annotation.anchors.models import Anchor, AnchorReview
from annotation.review.models import QueueItem
from annotation.sources.engine import shown_imagery, shown_snapshot
from annotation.tiles.engine import tile_address
from annotation.tiles.nearby import streets_on


def subject_of_item(item: QueueItem) -> dict[str, Any]:
    """The bench's view of an item. It does not say which generator wrote the anchor: that would sway the reviewer."""
    rows = AnchorReview.objects.select_related("anchor__pair__tile", "anchor__pair__imagery", "anchor__pair__snapshot")
    return _subject(rows.get(item=item).anchor)


def adjudication_of_item(item: QueueItem) -> dict[str, Any]:
    """The same, with the answers that differ; who gave them stays hidden until it is settled."""
    twins = standing_verdicts().filter(item__batch=item.batch_id, item__subject_id=item.subject_id, item__stage=REVIEW)
    answers = [
        {
            "decision": answer.decision,
            "reason": answer.reason,
            "comment": answer.comment,
            "attributes": engine.in_schema_order(answer.attributes),
            "summary": answer.summary,
        }
        for answer in answers_of(twins)
    ]
    return {**subject_of_item(item), "answers": answers}


def pages_of_items(items: Collection[int]) -> dict[int, str]:
    """The page of the tile that each item's anchor describes."""
    rows = AnchorReview.objects.filter(item__in=items).select_related("anchor__pair__tile")
    tiles = {row.item_id: row.anchor.pair.tile for row in rows}
    return {pk: reverse("tile", args=[tile.region_id, tile.z, tile.x, tile.y]) for pk, tile in tiles.items()}


def _subject(anchor: Anchor) -> dict[str, Any]:
    pair = anchor.pair
    tile, imagery, snapshot = pair.tile, pair.imagery, pair.snapshot
    return {
        "id": anchor.pk,
        "attributes": engine.in_schema_order(anchor.attributes),
        "summary": anchor.summary,
        "tile": {"z": tile.z, "x": tile.x, "y": tile.y},
        "streets": streets_on(snapshot, tile_address(tile)),
        "bbox": list(tile.geometry.extent),
        "imagery": shown_imagery(imagery),
        "snapshot": shown_snapshot(snapshot),
        "buildings": pair.buildings,
        "valid_share": pair.valid_share,
    }
