"""The registry of models: one in use, audited switches, and files that are what they were."""

import threading

import pytest
from django.conf import settings
from django.db import connection

from annotation.learning.engine import ModelFileError, load_region_model
from annotation.learning.errors import NothingToRollBackError
from annotation.learning.models import ModelState, ModelVersion
from annotation.learning.services.registry import promote, roll_back
from annotation.review.models import AuditEntry
from tests.annotation.learning.rows import make_model
from tests.factories import RegionFactory, UserFactory

pytestmark = pytest.mark.django_db


def states(*models: ModelVersion) -> list[str]:
    return [ModelVersion.objects.get(pk=model.pk).state for model in models]


def test_promotion_retires_the_model_before_and_is_audited():
    region, admin = RegionFactory(), UserFactory(role="admin")
    old, new = make_model(region, ModelState.ACTIVE), make_model(region)
    promote(model=new, user=admin)
    assert states(old, new) == ["retired", "active"]
    entry = AuditEntry.objects.get(action="model.promoted")
    assert (entry.actor, entry.object_id, entry.scope_id) == (admin, str(new.pk), region.pk)
    assert entry.data == {"replaced": old.pk}


def test_rolling_back_walks_the_way_that_promotions_went():
    region = RegionFactory()
    first, second, third = make_model(region, ModelState.ACTIVE), make_model(region), make_model(region)
    promote(model=second, user=None)
    promote(model=third, user=None)
    assert roll_back(region=region, user=None).pk == second.pk
    assert roll_back(region=region, user=None).pk == first.pk
    assert states(first, second, third) == ["active", "retired", "retired"]
    with pytest.raises(NothingToRollBackError, match="promote one instead"):
        roll_back(region=region, user=None)


def test_promoting_the_active_model_changes_and_audits_nothing():
    region = RegionFactory()
    model = make_model(region, ModelState.ACTIVE)
    assert promote(model=model, user=None).state == ModelState.ACTIVE
    assert not AuditEntry.objects.exists()


def test_a_model_whose_file_was_altered_is_neither_promoted_nor_loaded():
    region = RegionFactory()
    active, model = make_model(region, ModelState.ACTIVE), make_model(region)
    (settings.MEDIA_ROOT / model.path).write_bytes(b"other weights")
    with pytest.raises(ModelFileError, match="not the one registered"):
        promote(model=model, user=None)
    with pytest.raises(ModelFileError, match="not the one registered"):
        load_region_model(model)
    assert states(active, model) == ["active", "candidate"]


def test_a_missing_model_file_is_a_typed_error():
    model = make_model(RegionFactory())
    (settings.MEDIA_ROOT / model.path).unlink()
    with pytest.raises(ModelFileError, match="train again"):
        load_region_model(model)


def test_a_model_path_that_leaves_the_media_folder_is_refused_unread(tmp_path):
    outside = tmp_path / "model.safetensors"
    outside.write_bytes(b"weights")
    model = make_model(RegionFactory())
    for path in (str(outside), "../../" + outside.name, "regions/../../x.safetensors"):
        model.path = path
        with pytest.raises(ModelFileError, match="no safetensors file of this installation"):
            load_region_model(model)


def test_a_pickle_is_refused_unread_even_under_its_registered_digest(tmp_path):
    """I9."""
    canary = tmp_path / "ran"
    pickle = b"cos\nsystem\n(S'touch " + str(canary).encode() + b"'\ntR."
    with pytest.raises(ModelFileError, match="safetensors"):
        load_region_model(make_model(RegionFactory(), content=pickle))
    assert not canary.exists()


@pytest.mark.django_db(transaction=True)
def test_two_promotions_at_once_leave_one_active_model():
    region = RegionFactory()
    make_model(region, ModelState.ACTIVE)
    models = [make_model(region) for _ in range(6)]
    together = threading.Barrier(len(models))

    def switch(model: ModelVersion) -> None:
        try:
            together.wait(timeout=30)
            promote(model=model, user=None)
        finally:
            connection.close()

    threads = [threading.Thread(target=switch, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert ModelVersion.objects.filter(region=region, state=ModelState.ACTIVE).count() == 1
    assert AuditEntry.objects.filter(action="model.promoted").count() == len(models)
