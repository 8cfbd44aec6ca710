"""S5: migrations on a database with rows in it: nothing is lost, and a busy table makes them fail instead of wait."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Sum
from django.utils import timezone
from psycopg import sql

from annotation.operation.services import server
from tests.factories import PairFactory, UserFactory, square

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

FIRST = {
    "anchors": "0001_initial", "review": "0001_initial", "changes": "0001_initial",
    "consistency": "0002_score_without_fold", "training": "0002_model_before", "sources": "0001_initial",
    "edits": "0002_edititem_versions_and_demolish",
}  # fmt: skip
"""The oldest released state of every app that has changed since."""
SINCE = ("learning", "correspondences", "geolocation", "landmarks")
"""Apps that were not there yet."""
MEASURED = [("learning", "0003_measured"), ("sources", "0005_footprints_have_objects")]
"""Where models had comparisons, and did not keep what these measured."""


def migrate(targets: list[tuple[str, str | None]]):
    """Migrate and give the apps as they are then; None for an app that is not there yet."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    present = [target for target in targets if target[1] is not None]
    return MigrationExecutor(connection).loader.project_state(present).apps


def newest() -> list[tuple[str, str]]:
    return MigrationExecutor(connection).loader.graph.leaf_nodes()


@contextmanager
def copied(name: str, *, like: str) -> Iterator[None]:
    """A database that begins as a copy of another, and is dropped at the end."""
    connections.close_all()
    copy, original = sql.Identifier(name), sql.Identifier(like)
    with server.connect(server.MAINTENANCE) as maintenance:
        maintenance.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(copy))
        maintenance.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(copy, original))
    try:
        yield
    finally:
        with server.connect(server.MAINTENANCE) as maintenance:
            maintenance.execute(sql.SQL("DROP DATABASE {}").format(copy))


@contextmanager
def leading_to(name: str) -> Iterator[None]:
    """The default connection leads to this database."""
    connections.close_all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "NAME", name)
        try:
            yield
        finally:
            connections.close_all()


@pytest.fixture(scope="module")
def oldest(django_db_setup: None, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    """A database in the oldest state, filled: its `name`, the `apps` of that state, `user` and `pair`."""
    like = str(connection.settings_dict["NAME"])
    with django_db_blocker.unblock(), copied(f"{like}_oldest", like=like):
        with leading_to(f"{like}_oldest"):
            first = [(app, FIRST.get(app, name)) for app, name in newest() if app not in SINCE]
            first += [(app, None) for app in SINCE]
            user, pair = UserFactory(), PairFactory()
            apps = migrate(first)
            fill(apps, user, pair)
        yield SimpleNamespace(name=f"{like}_oldest", apps=apps, user=user, pair=pair)


@pytest.fixture(scope="module")
def updated(oldest: SimpleNamespace, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    """A database that was brought up to date: its `name` and `apps`, and what `right` somebody had before."""
    with django_db_blocker.unblock(), copied(f"{oldest.name}_updated", like=oldest.name):
        with leading_to(f"{oldest.name}_updated"):
            types = oldest.apps.get_model("contenttypes", "ContentType").objects
            types.filter(app_label="learning").update(app_label="training")  # as an older database has them
            right = oldest.apps.get_model("auth", "Permission").objects.get(codename="change_modelversion").pk
            compare(migrate(MEASURED))
            apps = migrate(newest())
        yield SimpleNamespace(name=f"{oldest.name}_updated", apps=apps, right=right)


@pytest.fixture
def old(oldest: SimpleNamespace, transactional_db: None) -> Iterator[SimpleNamespace]:
    """The filled database of the oldest state."""
    with leading_to(oldest.name):
        yield oldest


@pytest.fixture
def new(updated: SimpleNamespace, transactional_db: None) -> Iterator[SimpleNamespace]:
    """The filled database once it is up to date."""
    with leading_to(updated.name):
        yield updated


def fill(apps, user, pair):
    """Rows of every table whose shape has changed."""
    anchors = apps.get_model("anchors", "Anchor").objects
    for state in ("generated", "verified", "rejected"):
        anchors.create(
            pair_id=pair.pk, generator="geometric", model=state, schema_version="1", attributes={"a": state},
            summary="Houses.", state=state,
        )  # fmt: skip
    items, verdicts = (apps.get_model("review", name).objects for name in ("QueueItem", "Verdict"))
    for number in range(20):
        item = items.create(stage="changes", scope_id=pair.imagery.region_id, priority=number)
        verdicts.create(item=item, reviewer_id=user.pk, decision="accept", item_version=1, idempotency_key=uuid.uuid4())
    of_region = {"region_id": pair.imagery.region_id, "imagery_id": pair.imagery_id, "snapshot_id": pair.snapshot_id}
    data = apps.get_model("training", "DataSet").objects.create(pairs=[[pair.pk, 1]], digest="0" * 64, **of_region)
    run = apps.get_model("training", "TrainingRun").objects.create(data_set=data, region_id=of_region["region_id"])
    model = apps.get_model("training", "ModelVersion").objects.create(
        run=run, region_id=of_region["region_id"], path="model.safetensors", sha256="1" * 64, state="active"
    )
    apps.get_model("common", "Job").objects.create(kind="training.train", scope_id=of_region["region_id"])
    scan = apps.get_model("consistency", "Scan").objects.create(model=model, **of_region)
    figures = dict.fromkeys(("disc", "proto", "final", "difference", "probability"), 0.5)
    apps.get_model("consistency", "TileScore").objects.create(scan=scan, pair_id=pair.pk, fold=0, **figures)
    fill_buildings(apps, scan, pair, square())


def fill_buildings(apps, scan, pair, shape):
    """A named building, one without an id, and a suggested one; an edit of the first is on its way out."""
    footprints = apps.get_model("sources", "Footprint").objects
    told = {"snapshot_id": pair.snapshot_id, "geometry": shape, "tags": {"building": "yes"}}
    named = footprints.create(osm_type="way", osm_id=7, version=2, **told)
    unnamed = footprints.create(**told)
    made = []
    for kind, footprint in (("remove", named), ("modify", unnamed), ("add", None)):
        item = apps.get_model("review", "QueueItem").objects.create(stage="changes", scope_id=scan.region_id)
        made.append(
            apps.get_model("changes", "Change").objects.create(
                scan=scan, item=item, pair_id=pair.pk, kind=kind, footprint=footprint, geometry=shape, confidence=0.5,
                fingerprint=kind,
            )
        )  # fmt: skip
    changeset = apps.get_model("edits", "Changeset").objects.create(
        region_id=scan.region_id, snapshot_id=pair.snapshot_id, comment="c", source="s"
    )
    apps.get_model("edits", "EditItem").objects.create(changeset=changeset, change=made[0], base_version=2)


def compare(apps):
    """A finished comparison of the one model that there is."""
    model = apps.get_model("learning", "ModelVersion").objects.get()
    figure = {"name": "tile_auroc", "count": 40, "first": {"value": 0.8, "low": 0.7, "high": 0.9}}
    apps.get_model("learning", "Evaluation").objects.create(
        model=model, data_set=model.run.data_set, figures=[{"name": "else", "first": None}, figure],
        finished_at=timezone.now(),
    )  # fmt: skip


def test_a_copy_goes_with_the_connection_to_it_where_filling_it_fails():
    name = f"{connection.settings_dict['NAME']}_failing"
    with pytest.raises(ZeroDivisionError), copied(name, like="template0"), leading_to(name):
        connection.ensure_connection()
        raise ZeroDivisionError
    assert connection.connection is None and connection.settings_dict["NAME"] != name
    with server.connect(server.MAINTENANCE) as maintenance:
        there = maintenance.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchall()
    assert there == []


def test_s5_rows_of_the_first_release_survive_every_migration(oldest, new):
    pair, new = oldest.pair, new.apps
    states = dict(new.get_model("anchors", "Anchor").objects.values_list("model", "state"))
    assert states == {"generated": "proposed", "verified": "accepted", "rejected": "rejected"}
    assert new.get_model("review", "QueueItem").objects.filter(batch=None, assigned_to=None).count() == 23
    assert new.get_model("review", "Verdict").objects.filter(decision="accept", event="decide").count() == 20
    counts = new.get_model("review", "QueueCount").objects.values_list("kind", "state").annotate(Sum("number"))
    assert set(counts) == {("", "open", 20), ("remove", "open", 1), ("modify", "open", 1), ("add", "open", 1)}
    names = new.get_model("changes", "Change").objects.values_list("kind", "object__osm_id", "object__shape")
    shape = hashlib.sha256(bytes(square().wkb)).hexdigest()[:16]
    assert set(names) == {("remove", 7, ""), ("modify", None, shape), ("add", None, None)}
    origins = new.get_model("changes", "Change").objects.values_list("scan", "item__origin_id")
    assert len(origins) == 3 and all(scan == origin for scan, origin in origins)
    tags = dict(new.get_model("changes", "Change").objects.values_list("kind", "tags"))
    assert tags == {"remove": {"building": "yes"}, "modify": {"building": "yes"}, "add": {}}
    assert new.get_model("edits", "EditItem").objects.get().object.osm_id == 7
    assert new.get_model("sources", "Footprint").objects.filter(object=None).count() == 0
    data = new.get_model("learning", "DataSet").objects.get()
    assert (data.pairs, data.decisions, data.anchor_counts) == ([[pair.pk, 1]], [], {})
    version = new.get_model("learning", "ModelVersion").objects.get()
    assert (version.about, version.kind) == ({}, "region")
    score = new.get_model("consistency", "TileScore").objects.get()
    assert (score.probability, score.shift_east_m, score.shift_origin) == (0.5, None, "none")
    assert new.get_model("consistency", "Scan").objects.get().offset_tiles is None


def test_models_take_over_what_their_newest_comparison_measured(new):
    measured = new.apps.get_model("learning", "ModelVersion").objects.get().measured
    assert measured == {"tiles": 40, "value": 0.8, "low": 0.7, "high": 0.9}


def test_rights_on_models_and_past_jobs_follow_the_app_to_its_new_name(new):
    assert new.apps.get_model("auth", "Permission").objects.get(pk=new.right).content_type.app_label == "learning"
    assert set(new.apps.get_model("common", "Job").objects.values_list("kind", flat=True)) == {"learning.train"}


def test_s5_a_table_in_use_makes_the_migration_give_up_and_changes_nothing(old):
    kept = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
    reader = psycopg.connect(
        dbname=kept["NAME"], host=kept["HOST"], port=kept["PORT"] or None, user=kept["USER"], password=kept["PASSWORD"]
    )
    try:
        reader.execute("SELECT count(*) FROM review_queueitem")  # its transaction stays open
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate([("review", "0002_batches")])
        assert ("review", "0002_batches") not in MigrationExecutor(connection).loader.applied_migrations
        columns = connection.introspection.get_table_description(connection.cursor(), "review_queueitem")
        assert "assigned_to_id" not in {column.name for column in columns}
    finally:
        reader.close()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")
    assert old.apps.get_model("review", "QueueItem").objects.count() == 23
