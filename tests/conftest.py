"""What every test of the application may ask for: API clients by role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient


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
