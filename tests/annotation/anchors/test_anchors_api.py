"""Anchors over HTTP."""

import pytest
from django.urls import reverse

from annotation.anchors.models import Anchor, AnchorState
from annotation.common.models import Job
from mlcore.anchors.schema import ATTRIBUTES
from tests.annotation.learning.rows import described_region
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_an_admin_starts_the_generation_once(client_of):
    region = described_region(anchors=False)
    url = reverse("api-anchors", args=[region.pk])
    client = client_of(UserFactory(role="admin"))
    replies = [client.post(url, {"generator": "geometric"}, format="json") for _ in range(2)]
    assert [reply.status_code for reply in replies] == [202, 202]
    assert {reply.json()["job"]["id"] for reply in replies} == {str(Job.objects.get().pk)}


def test_an_unknown_generator_is_a_typed_400(client_of):
    region = described_region(anchors=False)
    reply = client_of(UserFactory(role="admin")).post(
        reverse("api-anchors", args=[region.pk]), {"generator": "oracle"}, format="json"
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "unknown_generator")
    assert not Job.objects.exists()


def test_a_list_gives_attributes_in_the_order_of_the_schema(client_of, django_assert_max_num_queries):
    person = UserFactory()
    region = described_region(members=[person])
    client = client_of(person)
    with django_assert_max_num_queries(5):
        rows = client.get(reverse("api-anchors", args=[region.pk])).json()["results"]
    assert len(rows) == 12
    assert list(rows[0]["attributes"]) == list(ATTRIBUTES)
    assert {(row["z"], row["x"], row["y"]) for row in rows} == set(region.tiles.values_list("z", "x", "y"))


def test_a_list_is_narrowed_by_state_and_by_nothing_unknown(client_of):
    region = described_region()
    Anchor.objects.filter(pk=Anchor.objects.first().pk).update(state=AnchorState.ACCEPTED)
    client, url = client_of(UserFactory(role="admin")), reverse("api-anchors", args=[region.pk])
    assert len(client.get(url, {"state": "accepted"}).json()["results"]) == 1
    assert client.get(url, {"state": "splendid"}).status_code == 400


@pytest.mark.parametrize("role", ["reviewer", "editor"])
def test_only_admins_generate(client_of, role):
    person = UserFactory(role=role)
    region = described_region(anchors=False, members=[person])
    assert client_of(person).post(reverse("api-anchors", args=[region.pk]), {}).status_code == 403
    assert not Job.objects.exists()


def test_a_foreign_region_answers_like_a_missing_one(client_of):
    region = described_region()
    client = client_of(UserFactory())
    replies = [client.get(reverse("api-anchors", args=[pk])) for pk in (region.pk, 10**9)]
    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(404, "not_found")] * 2
