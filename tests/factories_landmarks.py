"""Factories of landmarks, their photos and search indexes; a tiny model that nobody taught."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import factory
from django.conf import settings
from django.contrib.gis.geos import Point
from django.utils import timezone
from factory.django import DjangoModelFactory
from PIL import Image

from annotation.landmarks.models import IndexState, Landmark, LandmarkPhoto, SearchIndex
from annotation.landmarks.services.photos import photo_file
from tests.factories import ORIGIN, RegionFactory, UserFactory


def within(column: float = 0.5, row: float = 0.5) -> Point:
    """A point so many tiles from the north-west corner of ORIGIN."""
    west, south, east, north = ORIGIN.bounds_lonlat
    return Point(west + column * (east - west), north - row * (north - south), srid=4326)


class LandmarkFactory(DjangoModelFactory[Landmark]):
    """A temple on the first tile of its region."""

    class Meta:
        model = Landmark

    region = factory.SubFactory(RegionFactory)
    name = factory.Sequence(lambda n: f"Temple {n}")
    description = "a red roof in a paved court"
    point = factory.LazyFunction(within)


class LandmarkPhotoFactory(DjangoModelFactory[LandmarkPhoto]):
    """A photo without a file; `with_file=True` writes a small one."""

    class Meta:
        model = LandmarkPhoto
        skip_postgeneration_save = True

    region = factory.SubFactory(RegionFactory)
    owner = factory.SubFactory(UserFactory)
    sha256 = factory.Sequence(lambda n: hashlib.sha256(f"photo {n}".encode()).hexdigest())
    original_name = "temple.jpg"
    width = 64
    height = 48

    @factory.post_generation
    def with_file(self: Any, create: bool, wanted: bool | None, **kwargs: Any) -> None:
        if wanted:
            path = photo_file(self)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.effect_noise((64, 48), 80).convert("RGB").save(path, "WEBP")


class SearchIndexFactory(DjangoModelFactory[SearchIndex]):
    """An index that is being made; `serving=True` answers queries."""

    class Meta:
        model = SearchIndex

    class Params:
        serving = factory.Trait(state=IndexState.SERVING, built_at=factory.LazyFunction(timezone.now))

    model_digest = factory.Sequence(lambda n: hashlib.sha256(f"landmarks {n}".encode()).hexdigest())
    folder = factory.LazyAttribute(lambda row: f"landmarks/indexes/{row.model_digest[:16]}")


def search_weights(path: Path | None = None, seed: int = 0, floors: dict[str, float] | None = None) -> Path:
    """A file of a tiny model that nobody taught; without floors every query means something."""
    import torch

    from mlcore.landmarks import LandmarkConfig, LandmarkModel

    path = path or Path(settings.MEDIA_ROOT) / "landmarks" / f"tiny-{seed}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    LandmarkModel(LandmarkConfig.preset("tiny")).save(path, {"floors": floors or {}})
    return path
