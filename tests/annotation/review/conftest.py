"""A region that everybody may see, with a scan whose candidates wait in its queue, and a person at it."""

from __future__ import annotations

import pytest

from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ModelVersionFactory, ScanFactory


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


@pytest.fixture
def scan(region):
    return ScanFactory(model=ModelVersionFactory(region=region))


@pytest.fixture
def ana(client_of):
    return client_of(UserFactory())
