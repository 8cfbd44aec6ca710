"""From two files to a queue with one command, and again without doing anything twice."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotation.anchors.models import Anchor
from annotation.changes.models import Change
from annotation.common.models import Job, JobState
from annotation.consistency.models import Scan, ScanState
from annotation.learning.models import GENERAL, REGION, ModelState, ModelVersion
from annotation.pipeline.services import main_job
from annotation.review.models import ItemState, QueueItem
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.tiles.models import TilePair
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town
from tests.factories import ImageryFactory, SnapshotFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    config = TownConfig(seed=3, columns=6, rows=5, changed_share=0.15)
    return write_town(generate_town(config), tmp_path_factory.mktemp("town"))


def start_region(town: Path, **options) -> str:
    out = StringIO()
    options = {"imagery": town / "imagery.tif", "map": town / "map.osm", "name": "Town", "preset": "tiny"} | options
    call_command("start_region", stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_one_command_imports_looks_trains_scans_and_fills_the_queue_and_another_call_repeats_nothing(
    town, settings, tmp_path
):
    """Run again by itself, the main job scans with the model that is there and suggests nothing twice."""
    settings.MEDIA_ROOT = tmp_path
    said = start_region(town)
    region = Region.objects.get(name="Town")
    look, job = (Job.objects.get(kind=f"changes.{kind}") for kind in ("first_look", "main_job"))
    first = f"{look.result['changes']['made']} suspected changes of an untuned model can be decided now: "
    assert said.index(first + f"/regions/{region.pk}/changes/review/") < said.index("is ready")
    assert TilePair.objects.count() == Anchor.objects.count() == 30
    untuned, scan = Scan.objects.order_by("pk")
    assert (untuned.model.kind, untuned.scores.count()) == (GENERAL, 30)
    assert (scan.state, scan.scores.count()) == (ScanState.READY, 30)
    assert ModelVersion.objects.get(region=region).state == ModelState.ACTIVE
    assert Change.objects.count() == QueueItem.objects.filter(scope_id=region.pk).count()
    assert (job.state, job.result["scored"], job.result["changes"]["made"]) == (JobState.SUCCEEDED, 30, open_in(scan))
    assert open_in(untuned) == 0 < untuned.changes.filter(item__state=ItemState.WITHDRAWN).count()
    assert any(name.startswith("consistency/") for name in job.figures.values_list("name", flat=True))
    assert "worked through already" in start_region(town)
    assert (
        Imagery.objects.count()
        == MapSnapshot.objects.count()
        == Job.objects.filter(kind="changes.main_job").count()
        == 1
    )

    before = Change.objects.exclude(item__state="withdrawn").count()
    call_command("main_job", "Town", preset="tiny", stdout=StringIO(), stderr=StringIO())
    assert ModelVersion.objects.filter(kind=REGION).count() == 1
    assert Scan.objects.filter(model__kind=REGION).count() == 2
    assert Change.objects.exclude(item__state="withdrawn").count() == before


def open_in(scan: Scan) -> int:
    return scan.changes.filter(item__state=ItemState.OPEN).count()


def test_a_main_job_keeps_the_sources_it_was_started_for(town, settings, tmp_path, monkeypatch):
    """A newer map that comes in while it describes the tiles changes nothing of what it learns, scans and suggests."""
    settings.MEDIA_ROOT = tmp_path
    describe = main_job.generate_for

    def meanwhile(**told):
        SnapshotFactory(region=told["snapshot"].region)
        ImageryFactory(region=told["imagery"].region)
        return describe(**told)

    monkeypatch.setattr(main_job, "generate_for", meanwhile)
    start_region(town)
    job = Job.objects.get(kind="changes.main_job")
    assert job.state == JobState.SUCCEEDED
    model = ModelVersion.objects.get(kind=REGION)
    scan, data_set = Scan.objects.get(model=model), model.run.data_set
    for about in (scan, data_set):
        assert (about.imagery_id, about.snapshot_id) == (job.params["imagery"], job.params["snapshot"])
    assert MapSnapshot.objects.count() == 2


def test_a_missing_file_or_region_says_what_to_do(town):
    with pytest.raises(CommandError, match="there is no file"):
        start_region(town, imagery=town / "none.tif")
    with pytest.raises(CommandError, match="--imagery FILE and --map FILE"):
        start_region(town, imagery=None)
    with pytest.raises(CommandError, match="start_region"):
        call_command("main_job", "Nowhere")
