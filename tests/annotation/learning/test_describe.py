"""A model gets a name and notes; its file and figures stay what they are."""

from __future__ import annotations

import pytest

from annotation.learning.card import model_card
from annotation.review.models import AuditEntry
from tests.factories import UserFactory
from tests.factories_changes import ModelVersionFactory

pytestmark = pytest.mark.django_db


def test_an_admin_names_a_model_and_notes_something_about_it(client_of):
    model, client = ModelVersionFactory(), client_of(UserFactory(role="admin"))
    address = f"/api/models/{model.pk}/"
    named = client.patch(address, {"name": " After the flood "}, format="json").json()
    assert (named["name"], named["notes"]) == ("After the flood", "")
    noted = client.patch(address, {"notes": "Roofs of tin\nare seen."}, format="json").json()
    assert (noted["name"], noted["notes"]) == ("After the flood", "Roofs of tin\nare seen.")
    rows = client.get(f"/api/regions/{model.region_id}/models/").json()["results"]
    assert rows[0]["name"] == "After the flood" and rows[0]["sha256"] == model.sha256
    assert AuditEntry.objects.filter(action="model.described").count() == 2
    assert client.patch(address, {"name": "x" * 81}, format="json").status_code == 400
    assert client.patch(address, {"sha256": "1" * 64}, format="json").json()["sha256"] == model.sha256


def test_nobody_else_names_models(client_of):
    model = ModelVersionFactory()
    model.region.open_to_all = True
    model.region.save()
    editor = client_of(UserFactory(role="editor"))
    assert editor.patch(f"/api/models/{model.pk}/", {"name": "Mine"}, format="json").status_code == 403


def test_the_card_says_what_people_say_and_no_markup_of_theirs():
    model = ModelVersionFactory(name="A | <b>", notes="one\n# two")
    card = model_card(model, None)
    assert "<b>" not in card and "\n# two" not in card and "Notes" in card
