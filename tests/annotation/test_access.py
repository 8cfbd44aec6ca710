"""Every route against every role, and against people from another region (table: access.py)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver
from rest_framework.test import APIClient

from annotation.common.models import JobState
from tests import factories
from tests.annotation.access import ROUTES, Row
from tests.annotation.world import make_world

pytestmark = pytest.mark.django_db
RANKS = {"reviewer": 0, "editor": 1, "admin": 2}
METHODS = ("get", "post", "put", "patch", "delete")
MISSING = 2**40


def urlconf_routes() -> Iterator[str]:
    """`METHOD route` of everything the URLconf answers, the admin site left out."""
    for route, pattern in _walk(get_resolver().url_patterns):
        view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
        if route.startswith("admin/"):
            continue
        is_api = view is not None and hasattr(view, "permission_classes")
        methods = [name for name in METHODS if view is not None and hasattr(view, name)] if is_api else ["get"]
        if route in {"login/", "logout/"}:
            methods = ["get", "post"] if route == "login/" else ["post"]
        yield from (f"{method.upper()} {route}" for method in methods)


def _walk(patterns: Any, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern), pattern
        else:
            yield from _walk(pattern.url_patterns, before + str(pattern.pattern))


EXISTING = sorted(set(urlconf_routes()))
TABLE = [(name, ROUTES[name]) for name in EXISTING if name in ROUTES]


def test_every_route_has_a_row_in_the_table_and_every_row_a_route():
    """Z1."""
    assert set(EXISTING) - set(ROUTES) == set(), "give each of these a row in tests/annotation/access.py"
    assert set(ROUTES) - set(EXISTING) == set(), "these rows of tests/annotation/access.py have no route"


@pytest.fixture
def world() -> dict[str, Any]:
    """One of everything, in one region; ids by the names that routes use."""
    return make_world()


def _address(route: str, ids: dict[str, Any]) -> str:
    return "/" + re.sub(r"<\w+:(\w+)>", lambda match: str(ids[match[1]]), route)


def _ask(user: Any, name: str, ids: dict[str, Any]) -> Any:
    method, _, route = name.partition(" ")
    client = APIClient(raise_request_exception=False, SERVER_NAME="localhost")  # as /metrics/ wants it
    if user is not None:
        client.force_login(user)
    body = ROUTES[name].body
    options = {"data": body, "format": "json"} if body else {}
    return getattr(client, method.lower())(_address(route, ids), **options)


@pytest.mark.parametrize(("name", "row"), TABLE, ids=[name for name, _ in TABLE])
def test_a_role_that_may_not_is_refused_and_one_that_may_is_not(name: str, row: Row, world: dict[str, Any]):
    """Z1."""
    if row.role == "anonymous":
        assert _ask(None, name, world["ids"]).status_code not in {401, 403, 404, 500}
        return
    anonymous = _ask(None, name, world["ids"])
    if row.page:
        assert anonymous.status_code == 302 and anonymous["Location"].startswith("/login/")
    else:
        assert anonymous.status_code in {401, 403}
    for role in [role for role in RANKS if RANKS[role] < RANKS[row.role]]:
        assert _ask(world[role], name, world["ids"]).status_code == 403, role
    allowed = _ask(world[row.role], name, world["ids"])
    assert allowed.status_code < 500 and allowed.status_code not in {401, 403, 404, 405}, allowed.content[:500]


@pytest.mark.parametrize(
    ("name", "row"), [(n, r) for n, r in TABLE if r.scoped and r.role != "admin"], ids=lambda value: str(value)[:60]
)
def test_a_person_of_another_region_gets_the_answer_of_what_does_not_exist(name: str, row: Row, world: dict[str, Any]):
    """Z3, tiles and files included."""
    outsider = factories.UserFactory(role=row.role)
    factories.RegionFactory(members=[outsider])
    missing = {key: (uuid.uuid4() if key == "job_id" else MISSING) for key in world["ids"]}
    missing.update({key: world["ids"][key] for key in ("z", "x", "y", "stage", "form", "feed_token", "feed_form")})
    foreign, absent = _ask(outsider, name, world["ids"]), _ask(outsider, name, missing)
    assert foreign.status_code == absent.status_code == 404, foreign.content[:300]
    if not row.page:
        assert foreign.json()["code"] == absent.json()["code"] == "not_found"


def test_an_inactive_person_is_refused_everywhere(world: dict[str, Any]):
    person = factories.UserFactory(role="admin")
    client = APIClient()
    client.force_login(person)
    person.is_active = False
    person.save()
    assert client.get("/api/me/").status_code in {401, 403}
    assert client.get("/api/regions/").status_code in {401, 403}


def test_fields_that_nobody_may_set_are_ignored(world: dict[str, Any]):
    """Z4."""
    client = APIClient()
    client.force_login(world["admin"])
    answer = client.patch(
        f"/api/regions/{world['ids']['region_id']}/",
        {"created_by": world["reviewer"].pk, "id": 7, "state": JobState.FAILED, "name": "renamed"},
        format="json",
    )
    assert answer.status_code == 200
    assert answer.json()["id"] == world["ids"]["region_id"] and answer.json()["name"] == "renamed"
    assert client.patch("/api/me/", {"role": "admin"}, format="json").status_code == 405
