"""Scans and what they suggest, as tests make them."""

from annotation.changes.models import Change
from annotation.changes.services.find import keep_candidates
from annotation.review.models import ItemState
from annotation.sources.engine import to_shapely
from mlcore.changes.candidate import Candidate
from mlcore.geometry.webmercator import TileAddress
from mlcore.progress import SilentProgress
from tests.factories import square
from tests.factories_changes import ScanFactory, save_decision


def again(scan, **more):
    """A later scan of the same region, image and map."""
    return ScanFactory(model=scan.model, **{"imagery": scan.imagery, "snapshot": scan.snapshot, **more})


def candidate(scan, kind="add", shape=None, footprint=None, confidence=0.7, tile=None, **evidence):
    at = scan.imagery.pairs.get(snapshot=scan.snapshot).tile
    if shape is None:
        shape = to_shapely(footprint.geometry if footprint else square())
    return Candidate(
        kind=kind,
        geometry=shape,
        osm_type=footprint.osm_type if footprint else None,
        osm_id=footprint.osm_id if footprint else None,
        tile=tile or TileAddress(at.z, at.x, at.y),
        confidence=confidence,
        evidence=evidence,
    )


def keep(scan, *found):
    return keep_candidates(scan=scan, found=found, progress=SilentProgress())


def decide(user, decision):
    return save_decision(user, Change.objects.filter(item__state=ItemState.OPEN).get(), decision)
