"""Words in a real place that nobody named to the model, with the weights that ship: what is there is found."""

from __future__ import annotations

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon

from annotation.tiles.services.build_pairs import build
from benchmarks.common import data_folder
from mlcore.geometry.webmercator import TileAddress
from mlcore.progress import SilentProgress
from tests.factories import ImageryFactory, RegionFactory, SnapshotFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SHOWN = {"a road": "386684/220244", "parked cars": "386684/220244", "farmland fields": "386700/220236"}
"""A tile that shows it; what else is found was looked at by people."""
SENSIBLE = ("trees", "bare soil", "dense houses", "temple", "a building with a red roof", "a forest", "tin roofs")
ELSEWHERE = ("a desert", "a motorway")
NONSENSE = ("qwrtz plkj", "a recipe for soup", "who won the election", "my tax return")


@pytest.fixture
def banepa(person, settings):
    folder = data_folder() / "banepa"
    if not folder.is_dir():
        pytest.skip("shared/data/banepa is not here: set MAPWRIGHT_DATA")
    settings.LANDMARKS_WEIGHTS = ""
    west, _, _, north = TileAddress(19, 386683, 220236).bounds_lonlat
    _, south, east, _ = TileAddress(19, 386702, 220245).bounds_lonlat
    area = MultiPolygon(Polygon.from_bbox((west, south, east, north)))
    region = RegionFactory(members=[person], area=area, zoom=19)
    imagery = ImageryFactory(region=region, cog_path=str(folder / "banepa.tif"), footprint=area)
    snapshot = SnapshotFactory(region=region)
    build(imagery=imagery, snapshot=snapshot, progress=SilentProgress())
    return region


def test_words_find_what_is_there_and_what_is_elsewhere_or_nonsense_finds_nothing(client_of, person, banepa, update):
    assert update()["read"] > 150
    client = client_of(person)

    def asked(text: str) -> dict:
        return dict(client.get("/api/search/", {"q": text, "count": 8}).json())

    for text, tile in SHOWN.items():
        assert f"19/{tile}" in [row["address"] for row in asked(text)["results"]], text
    assert [text for text in SENSIBLE if not asked(text)["meant"]] == []
    assert [text for text in (*NONSENSE, *ELSEWHERE) if asked(text)["results"]] == []
