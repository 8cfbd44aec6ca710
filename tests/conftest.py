"""What every test of the application may ask for: API clients by role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache as once
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from django.core.management.commands import flush
from django.db.backends.base.operations import BaseDatabaseOperations
from rest_framework.test import APIClient
from xdist.scheduler import LoadScopeScheduling

from tests.emptying import announce, empty

# A machine that is busy with something else proves nothing about an example.
hypothesis.settings.register_profile("without deadlines", deadline=None)
hypothesis.settings.load_profile("without deadlines")


@pytest.fixture(scope="session", autouse=True)
def emptied_quickly() -> Iterator[None]:
    """After tests whose transactions are real."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", empty)
        patch.setattr(flush, "emit_post_migrate_signal", announce)
        yield


@pytest.fixture
def client_of() -> Callable[[Any], APIClient]:
    """`client_of(user)`: an API client signed in as `user`; `client_of(None)` is anonymous."""

    def make(user: Any) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_login(user)
        return client

    return make


@pytest.fixture
def clean_cache() -> None:
    """An empty cache: throttles and rendered tiles of other tests are gone."""
    cache.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with slow tests come first: no process is left alone with one when the others have finished."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


class SharingTogether(LoadScopeScheduling):
    """Tests of a module that share something run in one process, so that it is made once.

    `--dist loadgroup` would do it, but writes the group into the tests' names, which pytest 9.2 does not take from it.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if shares(module) else nodeid


@once
def shares(module: str) -> bool:
    """Whether the tests of a module are marked `xdist_group`, or have a fixture of the module."""
    text = (Path(__file__).parents[1] / module).read_text(encoding="utf-8")
    return "xdist_group" in text or 'scope="module"' in text


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharingTogether:
    return SharingTogether(config, log)
