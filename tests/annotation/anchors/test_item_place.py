"""What an item of the bench says of where it lies."""

from __future__ import annotations

import pytest
from django.contrib.gis.geos import LineString

from tests.factories import MapFeatureFactory, RegionFactory, UserFactory
from tests.factories_anchors import AnchorFactory, make_batch

pytestmark = pytest.mark.django_db


def test_an_item_names_the_streets_of_its_tile(client_of):
    region, editor = RegionFactory(open_to_all=True), UserFactory(role="editor")
    anchor = AnchorFactory(pair__region=region)
    west, south, east, north = anchor.pair.tile.geometry.extent
    across = LineString((west, (south + north) / 2), (east, (south + north) / 2), srid=4326)
    MapFeatureFactory(snapshot=anchor.pair.snapshot, kind="road", geometry=across, tags={"name": "Mill Lane"})
    body = {"region": region.pk, "batch": make_batch(region, user=editor).pk}
    claimed = client_of(editor).post("/api/review/anchors/claim/", body, format="json")
    assert claimed.json()["subject"]["streets"] == ["Mill Lane"]
