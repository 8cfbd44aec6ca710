"""Decisions in a frozen data set: they are part of it, and the library gets them as they were frozen."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from annotation.changes.models import Change
from annotation.learning import engine
from annotation.learning.errors import DataSetChangedError
from annotation.learning.models import DataSet, ModelState
from annotation.learning.services.freeze import freeze, thaw
from annotation.sources.engine import to_shapely
from annotation.sources.models import Region
from tests.annotation.learning.rows import described_region, make_model
from tests.factories import FootprintFactory, RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def region() -> Region:
    return described_region(open_to_all=True)


def suggest(region: Region, kind: str = "add", at: float = 0.5, **more: Any) -> Change:
    """A suggestion on the region's image and map."""
    model = region.model_versions.first() or make_model(region, ModelState.RETIRED)
    imagery, snapshot = region.imagery_set.get(), region.mapsnapshot_set.get()
    scan = region.scans.first() or ScanFactory(model=model, region=region, imagery=imagery, snapshot=snapshot)
    return ChangeFactory(scan=scan, kind=kind, geometry=square(at, at), **more)


def test_a_data_set_holds_the_decisions_and_its_digest_covers_them(region):
    before = freeze(region=region, needed=4, anchored=True)
    assert before.decisions == [] and before.decision_counts == {}
    save_decision(UserFactory(), suggest(region), "reject")
    after = freeze(region=region, needed=4, anchored=True)
    assert after.pk != before.pk and after.digest != before.digest
    assert after.decision_counts == {"add": {"accepted": 0, "adjusted": 0, "rejected": 1}}
    assert freeze(region=region, needed=4, anchored=True).pk == after.pk
    pairs, _ = thaw(after)
    assert len(pairs) == 12


def test_a_frozen_data_set_is_not_moved_by_later_decisions(region):
    frozen = freeze(region=region, needed=4, anchored=True)
    save_decision(UserFactory(), suggest(region))
    thaw(frozen)
    assert engine.core_decisions(DataSet.objects.get(pk=frozen.pk)) == []


def test_decisions_that_were_altered_in_the_data_set_are_noticed(region):
    save_decision(UserFactory(), suggest(region))
    frozen = freeze(region=region, needed=4, anchored=True)
    frozen.decisions[0]["decision"] = "rejected"
    with pytest.raises(DataSetChangedError, match="start a new training"):
        thaw(frozen)


def test_the_library_gets_footprint_shape_and_reason(region):
    person = UserFactory()
    snapshot = region.mapsnapshot_set.get()
    houses = [FootprintFactory(snapshot=snapshot, geometry=square(at, at)) for at in (0.2, 0.5, 0.8)]
    save_decision(person, suggest(region, "remove", at=0.2, footprint=houses[0]), "reject")
    save_decision(person, suggest(region, "modify", at=0.5, footprint=houses[1]), "reject")
    save_decision(person, suggest(region, "modify", at=0.8, footprint=houses[2]))
    kept, fine, changed = engine.core_decisions(freeze(region=region, needed=4, anchored=True))
    assert kept.key == f"way/{houses[0].osm_id}" and kept.seen.equals(to_shapely(houses[0].geometry))
    assert fine.final_geometry.equals(to_shapely(houses[1].geometry)) and not fine.accepted
    assert changed.accepted and changed.final_geometry.equals(to_shapely(houses[2].geometry))


def test_the_page_is_told_what_the_next_training_would_learn_and_what_of_it_is_new(client_of, region):
    person = UserFactory()
    address = reverse("api-training-data", args=[region.pk])
    nothing = client_of(person).get(address).json()
    assert nothing == {"pairs": 12, "needed": 6, "decisions": {}, "left_out": {}, "model": None, "new": 0}
    save_decision(person, suggest(region), "reject")
    model = make_model(region, ModelState.ACTIVE)
    model.run.data_set = freeze(region=region, needed=4, anchored=True)
    model.run.save()
    save_decision(person, suggest(region, at=0.2))
    save_decision(person, suggest(region, at=0.8), "cant_tell")
    told = client_of(person).get(address).json()
    assert told == {
        "pairs": 12, "needed": 6, "decisions": {"add": {"accepted": 1, "adjusted": 0, "rejected": 1}},
        "left_out": {"no_answer": 1}, "model": model.pk, "new": 1,
    }  # fmt: skip


def test_a_region_without_sources_has_nothing_to_learn_from(client_of):
    region = RegionFactory(open_to_all=True)
    reply = client_of(UserFactory()).get(reverse("api-training-data", args=[region.pk]))
    assert reply.status_code == 200 and reply.json()["pairs"] == 0


def test_a_run_says_what_it_learnt_from_people(client_of, region):
    save_decision(UserFactory(), suggest(region))
    model = make_model(region)
    model.run.data_set = freeze(region=region, needed=4, anchored=True)
    model.run.save()
    body = client_of(UserFactory(role="admin")).get(reverse("api-training-run", args=[model.run_id])).json()
    assert body["data_set"]["decisions"] == {"add": {"accepted": 1, "adjusted": 0, "rejected": 0}}
