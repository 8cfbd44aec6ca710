"""Reads that join the stages up to this one: a tile with all that is known of it, a region at a glance."""

from __future__ import annotations

from typing import Any

from annotation.anchors.models import Anchor
from annotation.anchors.selectors import anchor_of_pair
from annotation.changes.models import ChangeDecision
from annotation.changes.selectors import current_changes
from annotation.common.errors import NotFoundError
from annotation.common.models import Job
from annotation.consistency.engine import shown_offset
from annotation.consistency.selectors import latest_scan, score_of_pair, scored_tiles, stale_scans
from annotation.learning.overview import tiles_needed
from annotation.learning.selectors import active_model, shown_model
from annotation.learning.services.region_kind import KIND
from annotation.review.models import ItemState
from annotation.review.selectors import decision_counts
from annotation.sources.engine import tile_version
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import imagery_in_use, snapshot_in_use
from annotation.tiles.engine import tile_address
from annotation.tiles.models import Tile
from annotation.tiles.nearby import streets_on
from annotation.tiles.selectors import pair_counts, pair_in_use


def pair_detail(region: Region, z: int, x: int, y: int) -> dict[str, Any]:
    """The pair in use on a tile, with its anchor, scores and suspected changes.

    Raises:
        NotFoundError: the region has no pair there.
    """
    pair = pair_in_use(region, z, x, y)
    if pair is None:
        raise NotFoundError("the region has no tile there; its tiles are made from imagery and map by the main job")
    return {
        "id": pair.pk,
        "tile": pair.tile,
        "imagery": _versioned(pair.imagery),
        "snapshot": _versioned(pair.snapshot),
        "valid_share": pair.valid_share,
        "mapped": pair.mapped,
        "buildings": pair.buildings,
        "streets": streets_on(pair.snapshot, tile_address(pair.tile)),
        "anchor": anchor_of_pair(pair.pk),
        "scores": score_of_pair(pair.pk),
        "changes": current_changes(region).filter(pair=pair).order_by("-confidence"),
    }


def _versioned(source: Imagery | MapSnapshot) -> dict[str, Any]:
    """A source as pages of tiles show it."""
    names = ("captured_on", "resolution_m") if isinstance(source, Imagery) else ("taken_at",)
    shown = {name: getattr(source, name) for name in ("attribution", *names)}
    return {"id": source.pk, "tile_version": tile_version(source), **shown}


def summary(region: Region) -> dict[str, Any]:
    """What a region has and what waits in it."""
    imagery, snapshot = imagery_in_use(region), snapshot_in_use(region)
    scan = latest_scan(region.pk)
    scored = scored_tiles(scan) if scan is not None else 0
    stale = next((why for one, why in stale_scans(region) if scan is not None and one.pk == scan.pk), [])
    return {
        "imagery": imagery.pk if imagery else None,
        "imagery_version": tile_version(imagery) if imagery else None,
        "snapshot": snapshot.pk if snapshot else None,
        "pinned_imagery": region.pinned_imagery_id,
        "pinned_snapshot": region.pinned_snapshot_id,
        "tiles": Tile.objects.filter(region=region).count(),
        **pair_counts(region.pk),
        "anchors": Anchor.objects.filter(pair__tile__region=region).values("pair").distinct().count(),
        "latest_model": active_model(region.pk),
        "latest_scan": {
            "id": scan.pk, "state": scan.state, "scored": scored, "stale": stale, "created_at": scan.created_at,
            "offset": shown_offset(scan, scored), "model": shown_model(scan.model),
        }
        if scan
        else None,
        "training": {"presets": KIND.presets, "needed": tiles_needed()},
        "changes": _change_counts(region),
        "changesets": region.changesets.count(),
        "jobs": Job.objects.for_scope(region.pk).select_related("created_by").order_by("-created_at")[:20],
    }  # fmt: skip


def _change_counts(region: Region) -> dict[str, Any]:
    by_decision = decision_counts("changes", region.pk)
    undecided = by_decision.pop(ItemState.OPEN.value, 0)
    return {
        "open": undecided,
        "decided": sum(by_decision.values()),
        "accepted": by_decision.get(ChangeDecision.ACCEPT.value, 0),
        "by_decision": by_decision,
    }
