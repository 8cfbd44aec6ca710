"""The feature database: built by a job, kept up with what it is built of, one locator after the other."""

from __future__ import annotations

from io import StringIO
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.geolocation import engine
from annotation.geolocation.models import BaseState, DatabaseState, FeatureDatabase, ReferenceBase, ReferenceSet
from annotation.geolocation.services import keep_up
from annotation.learning.models import LOCATOR
from annotation.learning.services import registry
from annotation.sources.models import Imagery
from annotation.sources.services.removal import delete_source
from tests.annotation.common.worker import Worker, wait_until
from tests.annotation.geolocation.locators import locator_file, locator_model
from tests.factories import RegionFactory, UserFactory
from tests.files import ready_imagery, write_geotiff

pytestmark = pytest.mark.django_db
BUILD = "api-feature-database-build"
SEEDS = count(100)
"""Each test has weights of its own, and with them a folder: files outlive the rows of a test."""


@pytest.fixture
def admin():
    return UserFactory(role="admin")


@pytest.fixture(autouse=True)
def small(settings, tmp_path):
    settings.REFERENCE_BASE_PX = 512
    settings.LOCATOR_WEIGHTS = str(tmp_path / "nothing.safetensors")


@pytest.fixture
def weights(settings, tmp_path) -> str:
    """Weights that are used while no model is: their digest."""
    settings.LOCATOR_WEIGHTS = str(tmp_path / "built-in.safetensors")
    return locator_file(Path(settings.LOCATOR_WEIGHTS), next(SEEDS))


@pytest.fixture
def imagery(tmp_path):
    return ready_imagery(RegionFactory(), tmp_path, columns=4, rows=4)


def built(admin) -> Job:
    done = jobs.run_now(keep_up.start(user=admin))
    assert done.state == JobState.SUCCEEDED, done.error_detail
    return done


def waiting() -> list[Job]:
    return list(Job.objects.filter(kind="geolocation.build_features").unfinished())


def run_waiting() -> Job:
    (job,) = waiting()
    done = jobs.run_now(job)
    assert done.state == JobState.SUCCEEDED, done.error_detail
    return done


def serving() -> FeatureDatabase:
    return FeatureDatabase.objects.serving().get()


def names(row: FeatureDatabase) -> set[str]:
    """Bases that a database holds."""
    from mlcore.geolocation.database import FeatureDatabase as Database

    return set(Database.open(engine.database_folder(row), row.model_digest).names)


def test_without_weights_the_remedy_is_told(client_of, admin, imagery):
    client = client_of(admin)
    reply = client.post(reverse(BUILD))
    assert (reply.status_code, reply.json()["code"]) == (409, "no_locator")
    assert "MAPWRIGHT_LOCATOR_WEIGHTS" in reply.json()["detail"]
    told = client.get(reverse("api-feature-database")).json()
    assert told["locator"] == "" and "put a locator in use" in told["remedy"]
    assert engine.locator_for(admin) is None and not waiting()


def test_the_imagery_of_regions_is_cut_described_and_found_by_those_who_may_see_it(client_of, admin, weights, imagery):
    member, stranger = UserFactory(), UserFactory()
    imagery.region.members.create(user=member)
    reply = client_of(admin).post(reverse(BUILD))
    assert reply.status_code == 202
    assert "admin builds them" in client_of(member).get(reverse("api-feature-database")).json()["remedy"]
    done = run_waiting()
    row, bases = serving(), list(ReferenceBase.objects.all())
    assert done.result == {"bases": len(bases), "added": len(bases), "removed": 0} and len(bases) > 1
    assert (row.model_digest, row.base_count, row.stale_since) == (weights, len(bases), None) and row.size_bytes > 0
    assert names(row) == {base.name for base in bases}
    assert {base.state for base in bases} == {BaseState.READY} and {base.imagery for base in bases} == {imagery}
    told = client_of(member).get(reverse("api-feature-database")).json()
    assert told["remedy"] == "" and told["serving"]["base_count"] == len(bases) and told["job"] is None
    locator, allowed = engine.locator_for(member)
    assert locator.database.model == weights and all(allowed(base.name) for base in bases)
    _, foreign = engine.locator_for(stranger)
    assert not any(foreign(base.name) for base in bases)
    query = locator.source.read(locator.database.bases[0])[0]
    assert locator.locate(query, allowed=foreign) == []
    assert client_of(stranger).get(reverse("api-reference-sets")).json()["results"] == []


def test_a_second_build_does_nothing_twice(admin, weights, imagery):
    built(admin)
    shards = {path: path.stat().st_mtime_ns for path in engine.database_folder(serving()).rglob("*.npy")}
    assert built(admin).result["added"] == 0
    assert {path: path.stat().st_mtime_ns for path in engine.database_folder(serving()).rglob("*.npy")} == shards


def test_imagery_that_comes_and_goes_is_followed(admin, weights, imagery, tmp_path):
    (tmp_path / "b").mkdir()
    assert not waiting()  # nobody built a database yet: imports cost nothing
    built(admin)
    before = names(serving())
    other = ready_imagery(RegionFactory(), tmp_path / "b", seed=5)
    assert serving().stale_since is not None
    assert run_waiting().result["added"] == 1
    assert names(serving()) > before and serving().stale_since is None
    delete_source(user=admin, source=other)
    assert run_waiting().result == {"bases": len(before), "added": 0, "removed": 1}
    assert names(serving()) == before


def test_a_region_that_goes_takes_its_bases_along(admin, weights, imagery):
    built(admin)
    imagery.region.delete()
    assert not ReferenceSet.objects.exists()
    assert run_waiting().result["bases"] == 0


def test_what_comes_while_it_is_built_is_taken_up_before_the_job_ends(admin, weights, imagery, tmp_path):
    (tmp_path / "b").mkdir()
    job, came = keep_up.start(user=admin), []

    def echo(share: float, message: str) -> None:
        if share > 0.5 and not came:
            came.append(ready_imagery(RegionFactory(), tmp_path / "b", seed=5))

    assert jobs.run_now(job, echo).state == JobState.SUCCEEDED
    assert came and came[0].reference_bases.filter(state=BaseState.READY).exists()
    assert not waiting() and serving().stale_since is None


def test_another_locator_is_built_beside_the_one_that_serves(admin, weights, imagery):
    built(admin)
    old = serving()
    model = locator_model(seed=7)
    registry.promote(model=model, user=admin)
    assert serving() == old and engine.locator_for(admin)[0].database.model == weights
    (job,) = waiting()
    seen = []

    def echo(share: float, message: str) -> None:
        if share < 1:
            seen.append(serving().pk)

    assert jobs.run_now(job, echo).state == JobState.SUCCEEDED
    assert set(seen) == {old.pk}  # it answered all the while
    new = serving()
    old.refresh_from_db()
    assert (new.model, new.model_digest, old.state) == (model, model.sha256, DatabaseState.RETIRED)
    assert names(new) == names(old) and engine.locator_for(admin)[0].database.model == model.sha256
    registry.roll_back(region=None, user=admin, kind=LOCATOR)
    assert run_waiting().result["added"] == 0  # its features were kept
    assert serving() == old and engine.locator_for(admin)[0].database.model == weights


def test_of_retired_databases_the_newest_alone_stays_on_the_disk(admin, weights, imagery):
    built(admin)
    for seed in (1, 2):
        registry.promote(model=locator_model(seed=seed), user=admin)
        run_waiting()
    assert sorted(FeatureDatabase.objects.values_list("state", flat=True)) == ["retired", "serving"]
    assert not FeatureDatabase.objects.filter(model_digest=weights).exists()


def test_a_base_without_a_picture_is_told_and_asked_for_no_more(admin, weights, imagery):
    built(admin)
    Path(project.MEDIA_ROOT, imagery.cog_path).unlink()
    registry.promote(model=locator_model(seed=3), user=admin)
    assert run_waiting().result["bases"] == 0
    assert set(ReferenceBase.objects.values_list("state", flat=True)) == {BaseState.FAILED}
    assert all(ReferenceBase.objects.values_list("error", flat=True))


def test_images_that_can_not_be_cut_are_all_told_by_their_set_and_stop_nothing(admin, weights, imagery, tmp_path):
    region, broken = RegionFactory(), []
    for name in "bcd":
        (tmp_path / name).mkdir()
        row = ready_imagery(region, tmp_path / name, seed=ord(name))
        Imagery.objects.filter(pk=row.pk).update(original_name=f"{name}.tif")
        broken.append(row)
    for row in broken[:2]:
        Path(project.MEDIA_ROOT, row.cog_path).write_bytes(b"no raster")
    assert built(admin).result["bases"] > 0
    error = ReferenceSet.objects.get(region=region).error
    assert error.startswith("b.tif: ") and "; c.tif: " in error and "d.tif: " not in error
    assert ReferenceSet.objects.get(region=imagery.region).error == ""
    for row in broken[:2]:
        row.delete()
    run_waiting()
    assert ReferenceSet.objects.get(region=region).error == ""


def test_a_build_that_is_stopped_goes_on(admin, weights, imagery):
    job = keep_up.start(user=admin)

    def echo(share: float, message: str) -> None:
        if share > 0.5:
            Job.objects.filter(pk=job.pk).update(cancel_requested=True)

    assert jobs.run_now(job, echo).state == JobState.CANCELLED
    assert not FeatureDatabase.objects.serving().exists() and engine.locator_for(admin) is None
    assert built(admin).result["bases"] == ReferenceBase.objects.count()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_real_worker_builds_and_one_that_is_killed_is_followed_by_another(settings, tmp_path, monkeypatch, admin):
    """F1: features that were whole are kept, and the result is that of an undisturbed build."""
    weights = tmp_path / "built-in.safetensors"
    digest = locator_file(weights)
    settings.LOCATOR_WEIGHTS = str(weights)
    monkeypatch.setenv("MAPWRIGHT_LOCATOR_WEIGHTS", str(weights))
    monkeypatch.setenv("MAPWRIGHT_REFERENCE_BASE_PX", "128")
    settings.REFERENCE_BASE_PX = 128
    ready_imagery(RegionFactory(), tmp_path, columns=6, rows=6)
    job = keep_up.start(user=admin)
    log = tmp_path / "worker.log"
    first, second = Worker("geoe", log), Worker("geoe", log)
    monkeypatch.setitem(settings.JOB_QUEUES, "geolocation.build_features", "geoe")
    jobs.send_wakeup(job.pk, job.kind, job.params)
    first.start()
    try:
        wait_until(lambda: Job.objects.get(pk=job.pk).progress > 0.3, seconds=120, what=log)
        first.kill()
        Job.objects.filter(pk=job.pk).update(heartbeat_at="2020-01-01T00:00Z")
        assert jobs.sweep() >= 1
        second.start()
        wait_until(lambda: Job.objects.get(pk=job.pk).finished, seconds=120, what=log)
    finally:
        first.kill()
        second.kill()
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 2), job.error_detail
    row = serving()
    assert row.model_digest == digest and row.base_count == ReferenceBase.objects.filter(state="ready").count() > 4
    locator, _ = engine.locator_for(admin)
    for number in locator.database.numbers.tolist()[:3]:
        base = locator.database.base(number)
        again = locator.model.features(*locator.source.read(base), role="base")
        assert np.allclose(again.coarse, locator.database.features(number).coarse, atol=2e-3)


def test_commands_register_files_and_build_features_here_and_now(weights, settings, tmp_path):
    said = StringIO()
    path = str(write_geotiff(tmp_path / "city.tif"))
    with pytest.raises(CommandError, match="--licence"):
        call_command("add_reference", "City", path)
    call_command("add_reference", "City", path, licence="CC0-1.0", attribution="A test", stdout=said)
    call_command("build_features", stdout=said)
    assert "City has 1 bases." in said.getvalue() and "1 bases can be searched: 1 new, 0 gone." in said.getvalue()
    with pytest.raises(CommandError, match="no file"):
        call_command("add_reference", "City", str(tmp_path / "missing.tif"))
    settings.LOCATOR_WEIGHTS = str(tmp_path / "nothing")
    with pytest.raises(CommandError, match="no_locator"):
        call_command("build_features")
