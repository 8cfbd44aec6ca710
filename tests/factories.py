"""Factories of rows for tests: people by role, regions, sources, tiles and pairs."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import factory
from django.contrib.gis.geos import MultiPolygon, Polygon
from factory.django import DjangoModelFactory

from annotation.accounts.models import Role, User
from annotation.common.models import Job
from annotation.sources.base_layers import BaseLayer
from annotation.sources.models import (
    Footprint,
    Imagery,
    MapFeature,
    MapObject,
    MapSnapshot,
    Region,
    RegionMember,
    SourceState,
)
from annotation.tiles.models import Tile, TilePair
from mlcore.geometry.webmercator import TileAddress

ZOOM = 19
ORIGIN = TileAddress(ZOOM, 386683, 220234)
PASSWORD = "correct horse battery"


def box(west: float, south: float, east: float, north: float) -> Polygon:
    polygon = Polygon.from_bbox((west, south, east, north))
    polygon.srid = 4326
    return polygon


def tile_area(columns: int = 2, rows: int = 2) -> MultiPolygon:
    """The area of `columns` x `rows` tiles from ORIGIN to the south-east."""
    west, _, _, north = ORIGIN.bounds_lonlat
    _, south, east, _ = TileAddress(ZOOM, ORIGIN.x + columns - 1, ORIGIN.y + rows - 1).bounds_lonlat
    return MultiPolygon(box(west, south, east, north), srid=4326)


class UserFactory(DjangoModelFactory[User]):
    """A reviewer; `UserFactory(role="editor")` and so on. The password is PASSWORD."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person-{n}")
    role = Role.REVIEWER
    password = factory.django.Password(PASSWORD)


class RegionFactory(DjangoModelFactory[Region]):
    """A region of 2 x 2 tiles; `RegionFactory(members=[user])` lets people in."""

    class Meta:
        model = Region
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"region {n}")
    zoom = ZOOM
    area = factory.LazyFunction(tile_area)

    @factory.post_generation
    def members(self: Any, create: bool, extracted: list[User] | None, **kwargs: Any) -> None:
        for user in extracted or []:
            RegionMember.objects.create(region=self, user=user)


class JobFactory(DjangoModelFactory[Job]):
    class Meta:
        model = Job

    kind = "tiles.build_pairs"
    params = factory.LazyFunction(dict)


class ImageryFactory(DjangoModelFactory[Imagery]):
    """A ready row without a file; `ready_imagery` of tests.files makes one with pixels."""

    class Meta:
        model = Imagery

    region = factory.SubFactory(RegionFactory)
    state = SourceState.READY
    original_name = "image.tif"
    licence = "CC-BY-4.0"
    attribution = "A survey"
    captured_on = dt.date(2024, 3, 1)
    resolution_m = 0.26
    width = 512
    height = 512
    footprint = factory.LazyFunction(tile_area)
    sha256 = factory.Sequence(lambda n: f"{n:064x}")


class BaseLayerFactory(DjangoModelFactory[BaseLayer]):
    """A layer of another server, which OSM may be edited by; `BaseLayerFactory(region=None)` is offered everywhere."""

    class Meta:
        model = BaseLayer

    region = factory.SubFactory(RegionFactory)
    title = factory.Sequence(lambda n: f"Layer {n}")
    template = "https://tiles.example.org/{z}/{x}/{y}.png"
    attribution = "A province"
    licence = "CC BY 4.0"
    osm_use = "allowed"


class SnapshotFactory(DjangoModelFactory[MapSnapshot]):
    class Meta:
        model = MapSnapshot

    region = factory.SubFactory(RegionFactory)
    state = SourceState.READY
    original_name = "map.osm"
    licence = "ODbL-1.0"
    attribution = "© OpenStreetMap contributors"
    taken_at = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    sha256 = factory.Sequence(lambda n: f"{n:064x}")


def square(column: float = 0.5, row: float = 0.5, side: float = 0.2) -> Polygon:
    """A square footprint whose centre lies `column`, `row` tiles from the north-west corner of ORIGIN."""
    west, south, east, north = ORIGIN.bounds_lonlat
    width, height = east - west, north - south
    lon, lat = west + column * width, north - row * height
    return box(lon - side * width / 2, lat - side * height / 2, lon + side * width / 2, lat + side * height / 2)


class FootprintFactory(DjangoModelFactory[Footprint]):
    class Meta:
        model = Footprint

    snapshot = factory.SubFactory(SnapshotFactory)
    osm_type = "way"
    osm_id = factory.Sequence(lambda n: 1000 + n)
    version = 3
    edited_at = dt.datetime(2020, 5, 1, tzinfo=dt.UTC)
    tags = factory.LazyFunction(lambda: {"building": "yes"})
    geometry = factory.LazyFunction(square)

    @factory.lazy_attribute
    def object(self) -> MapObject:
        region = self.snapshot.region
        if self.osm_id is not None:
            return MapObject.objects.get_or_create(region=region, osm_type=self.osm_type, osm_id=self.osm_id)[0]
        shape = hashlib.sha256(bytes(self.geometry.wkb)).hexdigest()[:16]
        return MapObject.objects.get_or_create(region=region, osm_id=None, shape=shape)[0]


class MapFeatureFactory(DjangoModelFactory[MapFeature]):
    class Meta:
        model = MapFeature

    snapshot = factory.SubFactory(SnapshotFactory)
    osm_type = "way"
    osm_id = factory.Sequence(lambda n: 500_000 + n)
    version = 1
    kind = "green"
    tags = factory.LazyFunction(lambda: {"landuse": "grass"})
    geometry = factory.LazyFunction(lambda: square(side=0.8))


class TileFactory(DjangoModelFactory[Tile]):
    """The n-th tile of a row of tiles that starts at ORIGIN; give `x`, `y` for another."""

    class Meta:
        model = Tile

    region = factory.SubFactory(RegionFactory)
    z = ZOOM
    x = factory.Sequence(lambda n: ORIGIN.x + n)
    y = ORIGIN.y
    geometry = factory.LazyAttribute(lambda tile: box(*TileAddress(tile.z, tile.x, tile.y).bounds_lonlat))


class PairFactory(DjangoModelFactory[TilePair]):
    """A pair whose tile, imagery and snapshot share one region; `PairFactory(region=...)` names it."""

    class Meta:
        model = TilePair

    class Params:
        region = factory.SubFactory(RegionFactory)

    tile = factory.SubFactory(TileFactory, region=factory.SelfAttribute("..region"))
    imagery = factory.SubFactory(ImageryFactory, region=factory.SelfAttribute("..region"))
    snapshot = factory.SubFactory(SnapshotFactory, region=factory.SelfAttribute("..region"))
    valid_share = 1.0
    mapped = True
    buildings = 1
