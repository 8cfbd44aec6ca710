"""C7: a region goes while a job works on it and while somebody reads its export: no server error, nothing is left."""

from __future__ import annotations

from typing import Any

import pytest

from annotation.changes.models import Change
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.edits.models import Changeset
from annotation.review.models import QueueItem
from annotation.sources.models import Footprint, MapFeature, MapObject, Region
from annotation.sources.services.files import region_folder
from annotation.tiles.services import build_pairs
from tests import factories
from tests.annotation.sources.test_imports import post
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision
from tests.files import ready_imagery, ready_snapshot, write_geotiff, write_osm

pytestmark = pytest.mark.django_db
LEFT = (Job, Footprint, MapFeature, MapObject, QueueItem, Change, Changeset)
OF_A_CHANGESET = ("edits.osc", "edits.osm", "edits.geojson", "maproulette.geojson")
OF_A_REGION = ("changes.geojson", "changes.csv", "changes.gpkg", "changes.coco.json")


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def admin(client_of: Any) -> Any:
    return client_of(factories.UserFactory(role="admin"))


def goes(client: Any, region: Region) -> None:
    assert client.delete(f"/api/regions/{region.pk}/").status_code == 204


def left_of(region_id: int) -> list[str]:
    """Rows and files that are there after all."""
    found = [model.__name__ for model in LEFT if model._default_manager.exists()]
    return found + [str(path) for path in [region_folder(region_id)] if path.exists() and any(path.rglob("*"))]


class Goes:
    """What a job says of its progress; at the first word after `at` of it is done, the region is deleted."""

    def __init__(self, client: Any, region: Region, at: float) -> None:
        self.client, self.region, self.at, self.gone = client, region, at, False

    def __call__(self, fraction: float, message: str) -> None:
        if fraction >= self.at and not self.gone:
            self.gone = True
            goes(self.client, self.region)


@pytest.mark.parametrize("at", [0.0, 0.7])
@pytest.mark.parametrize("kind", ["imagery", "snapshots"])
def test_c7_a_region_that_goes_during_an_import_leaves_nothing(admin, tmp_path, kind, at):
    region = factories.RegionFactory(zoom=None, area=None)
    path = write_geotiff(tmp_path / "a.tif") if kind == "imagery" else write_osm(tmp_path / "a.osm")
    job = Job.objects.get(pk=post(admin, region, kind, path.name, path.read_bytes()).json()["job"])
    says = Goes(admin, region, at)
    jobs.execute(job.pk, says)
    assert says.gone and left_of(region.pk) == []


def test_c7_a_region_that_goes_while_its_tiles_are_built_leaves_nothing(admin, tmp_path):
    region = factories.RegionFactory(zoom=None, area=None)
    ready_imagery(region, tmp_path)
    ready_snapshot(region, tmp_path)
    region.refresh_from_db()
    job = build_pairs.start(user=None, region=region)
    says = Goes(admin, region, 0.0)
    jobs.execute(job.pk, says)
    assert says.gone and left_of(region.pk) == []


@pytest.fixture
def accepted():
    """Accepted changes, as many as take an export several looks at the database, in a changeset."""
    scan = ScanFactory(model=ModelVersionFactory(region=factories.RegionFactory(open_to_all=True)))
    editor = factories.UserFactory(role="editor")
    for number in range(3):
        save_decision(editor, ChangeFactory(scan=scan, geometry=factories.square(0.2 + 0.2 * number, 0.5)))
    return scan


@pytest.mark.parametrize("name", [*OF_A_CHANGESET, *OF_A_REGION])
def test_c7_a_region_that_goes_under_an_export_ends_it_without_an_error(admin, accepted, name):
    region = accepted.region
    address = f"/api/regions/{region.pk}/"
    if name in OF_A_CHANGESET:
        made = admin.post(f"{address}changesets/", {"comment": "Houses"}, format="json")
        assert made.status_code == 201, made.content
        address = f"/api/changesets/{made.json()['id']}/"
    reply = admin.get(f"{address}{name}")
    assert reply.status_code == 200, reply.content
    pieces = iter(reply.streaming_content)
    assert next(pieces)
    goes(admin, region)
    list(pieces)
    assert left_of(region.pk) == [] and admin.get(f"{address}{name}").status_code == 404
