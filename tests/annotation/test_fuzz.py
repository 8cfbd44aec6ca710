"""Whatever the schema allows to be sent, no answer is a server error (quality S4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from rest_framework.authtoken.models import Token

from annotation.changes.models import Change
from annotation.sources.models import Region
from tests.annotation.world import make_world
from tests.factories_changes import BulkRejectionFactory, GroupMoveFactory, SavedFilterFactory
from webapp.wsgi import application

EXAMPLES_PER_OPERATION = 6
FUZZING = settings(
    max_examples=EXAMPLES_PER_OPERATION,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def server_errors(operation: Any, ids: dict[str, Any], token: str) -> list[str]:
    """Sends requests of one operation, with ids that exist, and returns what failed on the server's side."""
    failed: list[str] = []

    @FUZZING
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        case.path_parameters = {name: str(ids.get(name, value)) for name, value in (case.path_parameters or {}).items()}
        response = case.call(headers={"Authorization": f"Token {token}"})
        if response.status_code >= 500:
            failed.append(f"{case.method} {case.formatted_path} {case.body!r:.200} -> {response.text[:200]}")

    send()
    return failed


def owned_by(person: Any, ids: dict[str, Any]) -> dict[str, int]:
    """What its owner alone may touch: of anybody else's a request would come no further than that."""
    region, change = Region.objects.get(pk=ids["region_id"]), Change.objects.get(pk=ids["change_id"])
    return {
        "saved_filter_id": SavedFilterFactory(region=region, owner=person, feed_key="key").pk,
        "bulk_id": BulkRejectionFactory(region=region, reviewer=person).pk,
        "group_move_id": GroupMoveFactory(change=change, reviewer=person).pk,
    }


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """Requests share the test's transaction: nothing closes its connection between them."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.slow
def test_s4_no_request_of_the_schema_ends_in_a_server_error(one_connection: None):
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
    schema.app = application
    world = make_world()
    ids = world["ids"] | owned_by(world["admin"], world["ids"])
    token = Token.objects.create(user=world["admin"]).key
    operations = [result.ok() for result in schema.get_all_operations()]
    # What removes the world, and what ends the token, comes last.
    operations.sort(key=lambda operation: operation.method.upper() == "DELETE")
    failed = [text for operation in operations for text in server_errors(operation, ids, token)]
    assert len(operations) > 30
    assert failed == []
