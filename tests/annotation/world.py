"""One of everything in one region, for the table of access."""

from __future__ import annotations

import uuid
import warnings
from typing import Any

import numpy as np
import rasterio

from annotation.changes.services.saved_filters import feed_token
from annotation.digest.models import Digest
from annotation.digest.services.choose import token_of
from annotation.edits.models import Changeset, Delivery, EditItem, Upload
from annotation.edits.services import exits, links
from annotation.edits.services.webhooks.register import register
from annotation.geolocation.services.images import PICTURE, PREVIEW, image_folder
from annotation.sources.models import RegionMember
from tests import factories
from tests.factories_anchors import AnchorFactory, make_batch
from tests.factories_changes import (
    BulkRejectionFactory,
    ChangeFactory,
    GroupMoveFactory,
    SavedFilterFactory,
    save_decision,
)
from tests.factories_correspondences import CorrespondencesFactory, MapScanFactory
from tests.factories_correspondences import make_batch as make_matching_batch
from tests.factories_geolocation import (
    PlacementCandidateFactory,
    ReferenceBaseFactory,
    ReferenceSetFactory,
    UnplacedImageFactory,
)
from tests.factories_landmarks import LandmarkFactory, LandmarkPhotoFactory


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
        save_decision(people["editor"], one)
        EditItem.objects.create(changeset=changeset, change=one)
    exits.josm(changeset)  # a signed link opens what was exported
    sent = Changeset.objects.create(region=region, snapshot=scan.snapshot, comment="sent", source="test imagery")
    upload = Upload.objects.create(
        region=region, changeset=sent, user=people["editor"], server="https://osm.example", site="https://osm.example",
        osm_id=1, osm_name="Ada", token=uuid.uuid4().hex, osc=b"", sha256="0" * 64, elements=0,
    )  # fmt: skip
    hook = register(
        user=people["admin"], region=region, url="https://hook.example/", secret="a secret of the world",
        events=["decided"],
    )  # fmt: skip
    AnchorFactory(pair=change.pair)
    batch = make_batch(region, user=people["editor"])
    AnchorFactory(pair=change.pair, generator="http", model="another")
    found = CorrespondencesFactory(pair=change.pair)
    matching_batch = make_matching_batch(region, user=people["editor"])
    CorrespondencesFactory(pair=change.pair, matcher="orb")
    image = UnplacedImageFactory(region=region, owner=people["editor"])
    folder = image_folder(image.pk)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PREVIEW).write_bytes(b"RIFF")
    rgb = np.random.default_rng(1).integers(0, 255, (image.height, image.width, 3), dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it lies nowhere
        with rasterio.open(folder / PICTURE, "w", driver="GTiff", width=image.width, height=image.height, count=4,
                           dtype="uint8") as data:  # fmt: skip
            data.write(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]).transpose(2, 0, 1))
    base = ReferenceBaseFactory(set=ReferenceSetFactory(of_region=True, region=region))
    place = PlacementCandidateFactory(image=image, base=base)
    landmark = LandmarkFactory(region=region)
    photo = LandmarkPhotoFactory(region=region, landmark=landmark, owner=people["reviewer"], with_file=True)
    kept = SavedFilterFactory(region=region, owner=people["reviewer"], feed_key="key")
    ids = {
        "saved_filter_id": kept.pk,
        "feed_token": feed_token(kept),
        "digest_token": token_of(Digest.objects.create(user=people["reviewer"])),
        "feed_form": "atom",
        "bulk_id": BulkRejectionFactory(region=region, reviewer=people["editor"]).pk,
        "tile_id": tile.pk,
        "landmark_id": landmark.pk,
        "photo_id": photo.pk,
        "image_id": image.pk,
        "candidate_id": place.pk,
        "correspondences_id": found.pk,
        "matching_batch_id": matching_batch.pk,
        "batch_id": batch.pk,
        "region_id": region.pk,
        "layer_id": factories.BaseLayerFactory(region=region).pk,
        "member_id": people["reviewer"].pk,
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
        "token": links.file_token(people["editor"], changeset),
        "tiles_token": links.tiles_token(people["editor"], scan.imagery),
        "upload_id": upload.pk,
        "webhook_id": hook.pk,
        "delivery_id": Delivery.objects.create(
            webhook=hook, event="decided", event_id=uuid.uuid4(), body="{}", state="dead"
        ).pk,
        "stage": "changes",
        "form": "qgis",
        "map_scan_id": MapScanFactory(region=region, imagery=scan.imagery).pk,
        "set_id": base.set_id,
        "z": tile.z,
        "x": tile.x,
        "y": tile.y,
    }
    return {**people, "ids": ids}
