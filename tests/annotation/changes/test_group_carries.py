"""What a group that is accepted at once takes along of what a person said of its members."""

import pytest

from annotation.changes.models import Change
from tests.annotation.changes.test_group_moves import asked, row_of
from tests.annotation.changes.test_standing import house
from tests.factories import BaseLayerFactory, RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


def sent(client, changes, **more):
    body = asked(changes) | more
    body["items"][0]["tags"] = {"building": "garage"}
    return client.post(f"/api/changes/{changes[0].pk}/group/move/", body, format="json")


def test_tags_and_the_imagery_that_was_looked_at_go_with_the_answer(client_of, scan):
    first, second = row_of(scan, 2)
    layer = BaseLayerFactory(region=scan.region, title="Leaf-on")

    answer = sent(client_of(UserFactory(role="editor")), [first, second], layers=[layer.pk])

    assert answer.status_code == 200 and len(answer.json()["moved"]) == 2, answer.content
    first.refresh_from_db(), second.refresh_from_db()
    assert (first.tags_set, second.tags_set) == ({"building": "garage"}, {})
    assert first.looked_at == second.looked_at == ["Leaf-on"]


def test_blanks_alone_take_no_tag_off_in_a_group_either(client_of, scan):
    change = ChangeFactory(scan=scan, kind="modify", footprint=house(scan, tags={"building": "yes", "height": "9"}))
    body = asked([change])
    body["items"][0]["tags"] = {"height": " "}

    answer = client_of(UserFactory(role="editor")).post(f"/api/changes/{change.pk}/group/move/", body, format="json")

    change.refresh_from_db()
    assert (change.item.decision, change.tags_set) == ("", {}) and b"is empty" in answer.content, answer.content


def test_a_group_is_not_accepted_by_imagery_that_osm_may_not_be_edited_by(client_of, scan):
    changes = row_of(scan, 2)
    layer = BaseLayerFactory(region=scan.region, osm_use="forbidden")

    answer = sent(client_of(UserFactory(role="editor")), changes, layers=[layer.pk])

    assert not any(Change.objects.get(pk=one.pk).item.decision for one in changes), answer.content
