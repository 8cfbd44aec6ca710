"""Factories of reference imagery, its feature databases, and images without a place."""

from __future__ import annotations

import hashlib

import factory
from django.contrib.gis.geos import MultiPolygon, Point
from django.utils import timezone
from factory.django import DjangoModelFactory

from annotation.geolocation.models import (
    DatabaseState,
    FeatureDatabase,
    Flight,
    PlacementCandidate,
    ReferenceBase,
    ReferenceFile,
    ReferenceSet,
    UnplacedImage,
)
from tests.factories import RegionFactory, UserFactory, box, tile_area

PIECE = MultiPolygon(box(85.510, 27.630, 85.512, 27.632), srid=4326)


class ReferenceSetFactory(DjangoModelFactory[ReferenceSet]):
    """A set of files that admins alone see; `of_region=True` is that of a region, `of_tiles=True` one of tiles."""

    class Meta:
        model = ReferenceSet

    class Params:
        of_region = factory.Trait(kind="region", region=factory.SubFactory(RegionFactory))
        of_tiles = factory.Trait(
            kind="tiles", zoom=18, url_template="https://tiles.example/{z}/{x}/{y}.png",
            area=factory.LazyFunction(tile_area),
        )  # fmt: skip

    name = factory.Sequence(lambda n: f"reference {n}")
    kind = "files"
    licence = "CC-BY-4.0"
    attribution = "A survey"


class ReferenceFileFactory(DjangoModelFactory[ReferenceFile]):
    class Meta:
        model = ReferenceFile

    set = factory.SubFactory(ReferenceSetFactory)
    original_name = "city.tif"
    sha256 = factory.Sequence(lambda n: hashlib.sha256(f"file {n}".encode()).hexdigest())


class ReferenceBaseFactory(DjangoModelFactory[ReferenceBase]):
    class Meta:
        model = ReferenceBase

    set = factory.SubFactory(ReferenceSetFactory)
    name = factory.Sequence(lambda n: f"base-{n}")
    footprint = PIECE
    transform = factory.LazyFunction(lambda: [0.5, 0.0, 9518930.0, 0.0, -0.5, 3202000.0])
    width = 512
    height = 512
    digest = "0" * 64


class FeatureDatabaseFactory(DjangoModelFactory[FeatureDatabase]):
    """A database that is being built; `serving=True` answers queries."""

    class Meta:
        model = FeatureDatabase

    class Params:
        serving = factory.Trait(state=DatabaseState.SERVING, built_at=factory.LazyFunction(timezone.now))

    model_digest = factory.Sequence(lambda n: hashlib.sha256(f"locator {n}".encode()).hexdigest())
    folder = factory.LazyAttribute(lambda row: f"geolocation/databases/{row.model_digest[:16]}")


class FlightFactory(DjangoModelFactory[Flight]):
    class Meta:
        model = Flight

    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"flight {n}")


class UnplacedImageFactory(DjangoModelFactory[UnplacedImage]):
    """An image without a prior; `with_prior=True` has a position of its EXIF."""

    class Meta:
        model = UnplacedImage

    class Params:
        with_prior = factory.Trait(
            prior_kind="exif", prior_point=Point(85.511, 27.631, srid=4326), prior_accuracy_m=50.0, prior_trust=0.5
        )

    owner = factory.SubFactory(UserFactory)
    path = "geolocation/images/frame.png"
    sha256 = factory.Sequence(lambda n: hashlib.sha256(f"image {n}".encode()).hexdigest())
    original_name = "frame.jpg"
    width = 640
    height = 480


class PlacementCandidateFactory(DjangoModelFactory[PlacementCandidate]):
    """A proposed place on a base."""

    class Meta:
        model = PlacementCandidate

    image = factory.SubFactory(UnplacedImageFactory)
    rank = 1
    base = factory.SubFactory(ReferenceBaseFactory)
    imagery = None
    region = factory.LazyAttribute(lambda row: row.imagery.region if row.imagery else row.base and row.base.set.region)
    set = factory.LazyAttribute(lambda row: row.base.set if row.base and not row.region else None)
    by_hand = factory.LazyAttribute(lambda row: not (row.base or row.imagery or row.region))
    title = "A survey"
    transform = factory.LazyFunction(lambda: [0.5, 0.0, 9518930.0, 0.0, -0.5, 3202000.0])
    homography = factory.LazyFunction(lambda: [[1.0, 0.0, 10.0], [0.0, 1.0, 20.0], [0.0, 0.0, 1.0]])
    footprint = PIECE
    score = 12.0
    probability = 0.9
