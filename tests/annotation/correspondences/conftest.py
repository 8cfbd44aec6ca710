"""What the tests of map scans share: a region of made ground, and who works on it."""

from pathlib import Path

import pytest
from django.conf import settings

from tests.factories import ImageryFactory, RegionFactory, UserFactory
from tests.mlcore.correspondences.hybrid.made import ground, write_tiff

STEP_M = 0.9


@pytest.fixture
def person():
    return UserFactory(role="editor")


@pytest.fixture
def region(person):
    """A region with an image of made ground."""
    region = RegionFactory(members=[person])
    path = Path(f"regions/{region.pk}/imagery/a.tif")
    (Path(settings.MEDIA_ROOT) / path).parent.mkdir(parents=True, exist_ok=True)
    write_tiff(Path(settings.MEDIA_ROOT) / path, ground(), step=STEP_M)
    ImageryFactory(region=region, cog_path=str(path), licence="CC-BY-4.0")
    return region
