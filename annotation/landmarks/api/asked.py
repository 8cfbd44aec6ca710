"""What a search takes: words, a photo, and what it is narrowed to."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.accounts.models import User
from annotation.common.models import MAX_ID
from annotation.landmarks.search import Wish
from annotation.sources.selectors import get_region

MOST, USUAL = 100, 24


def said_in(form: serializers.Serializer, data: Any) -> Any:
    """What a form says, without the fields that are empty texts; files stay as they are."""
    if not hasattr(data, "get"):
        return data
    return {name: data.get(name) for name in form.fields if name in data and data.get(name) != ""}


@extend_schema_field({"type": "string", "example": "85.51,27.62,85.53,27.64"})
class BoundsTextField(serializers.CharField):
    """west,south,east,north in degrees."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=120, **options)

    def to_internal_value(self, data: Any) -> Any:
        try:
            west, south, east, north = (float(part) for part in super().to_internal_value(data).split(","))
        except ValueError as error:
            raise serializers.ValidationError("give west,south,east,north in degrees") from error
        if not all(math.isfinite(side) for side in (west, south, east, north)):
            raise serializers.ValidationError("give west,south,east,north in degrees")
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise serializers.ValidationError("west lies before east and south before north, on Earth")
        return west, south, east, north


class Narrowing(serializers.Serializer):
    """What a search is narrowed to."""

    region = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MAX_ID, help_text="left out: all you see"
    )
    bbox = BoundsTextField(required=False, allow_null=True, default=None, help_text="west,south,east,north in degrees")
    score_min = serializers.FloatField(
        required=False, allow_null=True, default=None, min_value=0, max_value=1,
        help_text="of the probability that image and map agree, by the newest scan; tiles without one are left out",
    )  # fmt: skip
    score_max = serializers.FloatField(required=False, allow_null=True, default=None, min_value=0, max_value=1)
    date_from = serializers.DateField(
        required=False, allow_null=True, default=None, help_text="the image was taken then or later"
    )
    date_to = serializers.DateField(required=False, allow_null=True, default=None)
    count = serializers.IntegerField(required=False, default=USUAL, min_value=1, max_value=MOST)
    anyway = serializers.BooleanField(
        required=False, default=False, help_text="the likest tiles, also where the query means nothing here (`below`)"
    )

    def to_internal_value(self, data: Any) -> Any:
        """Forms send an empty text where nothing is chosen."""
        return super().to_internal_value(said_in(self, data))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for low, high in (("score_min", "score_max"), ("date_from", "date_to")):
            if attrs[low] is not None and attrs[high] is not None and attrs[low] > attrs[high]:
                raise serializers.ValidationError(f"{low} lies above {high}")
        return attrs


class SearchQuery(Narrowing):
    """Words, or a position as "lat, lon"."""

    q = serializers.CharField(max_length=300, help_text='words, or a position such as "27.63, 85.52"')


class PhotoQuery(Narrowing):
    """A photo from the ground."""

    photo = serializers.FileField(allow_empty_file=False, max_length=255, help_text="JPEG, PNG or TIFF")


class CountQuery(serializers.Serializer):
    """How many."""

    count = serializers.IntegerField(required=False, default=12, min_value=1, max_value=MOST)


def wish_of(user: User, asked: dict[str, Any]) -> Wish:
    """What a checked query is narrowed to.

    Raises:
        NotFoundError: its region is missing, or not this person's to see.
    """
    names = ("bbox", "score_min", "score_max", "date_from", "date_to", "count", "anyway")
    region = None if asked["region"] is None else get_region(user, asked["region"])
    return Wish(region=region, **{name: asked[name] for name in names})
