"""The OpenAPI schema is whole: every endpoint described, nothing guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

from tests import factories


def test_the_schema_validates_without_a_warning(tmp_path: Path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))
    assert "/api/regions/" in (tmp_path / "schema.yaml").read_text()


def test_operations_are_grouped_by_stage_and_tell_their_errors():
    schema = SchemaGenerator().get_schema(request=None, public=True)
    operations = [one for path in schema["paths"].values() for one in path.values()]
    groups = {tag for one in operations for tag in one["tags"]}
    assert {"accounts", "sources", "review", "changes", "edits", "learning"} <= groups
    assert all("4XX" in one["responses"] for one in operations)


@pytest.mark.django_db
def test_the_page_of_the_api_opens_for_who_is_signed_in(client_of):
    client = client_of(factories.UserFactory())
    assert client.get("/api/docs/").status_code == 200
    assert client.get("/api/schema/").status_code == 200
