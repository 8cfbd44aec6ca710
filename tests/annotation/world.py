"""One of everything in one region, for the table of access."""

from __future__ import annotations

from typing import Any

from annotation.edits.models import Changeset, EditItem
from annotation.sources.models import RegionMember
from tests import factories
from tests.factories_anchors import AnchorFactory, make_batch
from tests.factories_changes import ChangeFactory, GroupMoveFactory
from tests.factories_correspondences import CorrespondencesFactory, MapScanFactory
from tests.factories_correspondences import make_batch as make_matching_batch
from tests.factories_geolocation import ReferenceBaseFactory, ReferenceSetFactory


def make_world() -> dict[str, Any]:
    """People by role, all of the same region, and `ids`: what the parameters of routes stand for."""
    change = ChangeFactory()
    scan, tile = change.scan, change.pair.tile
    region = scan.region
    people = {role: factories.UserFactory(role=role) for role in ("reviewer", "editor", "admin")}
    for person in people.values():
        RegionMember.objects.create(region=region, user=person)
    changeset = Changeset.objects.create(region=region, snapshot=scan.snapshot, comment="test", source="test imagery")
    for one in (change, ChangeFactory(scan=scan)):
        EditItem.objects.create(changeset=changeset, change=one)
    AnchorFactory(pair=change.pair)
    batch = make_batch(region, user=people["editor"])
    AnchorFactory(pair=change.pair, generator="http", model="another")
    found = CorrespondencesFactory(pair=change.pair)
    matching_batch = make_matching_batch(region, user=people["editor"])
    CorrespondencesFactory(pair=change.pair, matcher="orb")
    ids = {
        "correspondences_id": found.pk,
        "matching_batch_id": matching_batch.pk,
        "batch_id": batch.pk,
        "region_id": region.pk,
        "imagery_id": scan.imagery_id,
        "snapshot_id": scan.snapshot_id,
        "job_id": factories.JobFactory(scope_id=region.pk).pk,
        "item_id": change.item_id,
        "change_id": change.pk,
        "group_move_id": GroupMoveFactory(change=change, reviewer=people["reviewer"]).pk,
        "run_id": scan.model.run_id,
        "model_id": scan.model_id,
        "scan_id": scan.pk,
        "changeset_id": changeset.pk,
        "stage": "changes",
        "form": "qgis",
        "map_scan_id": MapScanFactory(region=region, imagery=scan.imagery).pk,
        "set_id": ReferenceBaseFactory(set=ReferenceSetFactory(of_region=True, region=region)).set_id,
        "z": tile.z,
        "x": tile.x,
        "y": tile.y,
    }
    return {**people, "ids": ids}
