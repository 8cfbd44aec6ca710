"""What a model learns from, as a digest, as the library's types, and as the model's file tells it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import shapely

from annotation.anchors.models import Anchor
from annotation.learning.decisions import FrozenDecision
from annotation.learning.models import TRANSFORMS, DataSet, TrainingRun
from annotation.sources.models import Imagery, MapSnapshot
from annotation.tiles.models import TilePair
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.features import MapFeature

if TYPE_CHECKING:
    from mlcore.changes.decisions import Decision


def data_digest(
    imagery: Imagery,
    snapshot: MapSnapshot,
    pairs: Iterable[TilePair],
    anchors: Mapping[int, Anchor],
    decisions: Iterable[Mapping[str, Any]] = (),
    transforms: Sequence[Sequence[Any]] = (),
) -> str:
    """SHA-256 of what a model learns from: both files, the tiles, what their anchors say, and what people decided.

    Args:
        transforms: what people stand by of where the image shows the map (`correspondences.decided.frozen_of`).
    """
    coverage = snapshot.coverage.wkb.hex() if snapshot.coverage else ""
    content: list[Any] = [imagery.sha256, snapshot.sha256, coverage]
    for pair in pairs:
        anchor = anchors.get(pair.pk)
        said = [anchor.said_attributes, anchor.said_summary] if anchor is not None else []
        content.append([pair.tile.z, pair.tile.x, pair.tile.y, *said])
    content += [FrozenDecision.from_dict(one).content for one in decisions]
    content += [[TRANSFORMS, *transforms]] if transforms else []
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def core_decisions(data_set: DataSet) -> list[Decision]:
    """The library's decisions of a data set, in its order."""
    return [_core_decision(FrozenDecision.from_dict(one)) for one in data_set.decisions]


def _core_decision(one: FrozenDecision) -> Decision:
    from mlcore.changes.decisions import Decision

    footprint = shapely.from_wkb(one.footprint) if one.footprint else None
    final = shapely.from_wkb(one.final) if one.final else None
    named = one.osm_id is not None and bool(one.osm_type)
    return Decision(
        kind=one.kind,  # type: ignore[arg-type]
        decision=one.decision,  # type: ignore[arg-type]
        geometry=shapely.from_wkb(one.proposed),
        final_geometry=footprint if one.decision == "rejected" else final,
        osm_type=one.osm_type if named else None,
        osm_id=one.osm_id if named else None,
        tile=TileAddress(*one.tile),
        key=None if named or footprint is None else MapFeature("building", footprint).key,
        reason=one.reason,
    )


def about(run: TrainingRun) -> dict[str, Any]:
    """What a model's file says of where it comes from: data, people's decisions, licences and attribution."""
    data_set = run.data_set
    imagery, snapshot = data_set.sources
    return {
        "kind": run.kind,
        "data_digest": data_set.digest,
        "preset": run.preset,
        "seed": run.seed,
        "tiles": len(data_set.pairs),
        "decisions": data_set.decision_counts,
        **told(imagery, snapshot),
    }


def told_of_imagery(imagery: Imagery) -> dict[str, Any]:
    """What the file of a model says of an image: digest, licence, attribution and date."""
    return {
        "sha256": imagery.sha256,
        "licence": imagery.licence,
        "attribution": imagery.attribution,
        "captured_on": imagery.captured_on.isoformat() if imagery.captured_on else None,
    }


def told(imagery: Imagery, snapshot: MapSnapshot) -> dict[str, Any]:
    """What the file of a model says of an image and a map: the same of both."""
    return {
        "imagery": told_of_imagery(imagery),
        "map": {
            "sha256": snapshot.sha256,
            "licence": snapshot.licence,
            "attribution": snapshot.attribution,
            "taken_at": snapshot.taken_at.isoformat() if snapshot.taken_at else None,
        },
    }
