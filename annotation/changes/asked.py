"""How what is wanted of changes is said in an address or a message; anything else is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.contrib.gis.geos import Polygon
from django.http import QueryDict
from rest_framework import serializers

from annotation.changes.facets import Lot, Wanted
from annotation.changes.models import ChangeDecision, ChangeKind
from annotation.common.models import MAX_ID
from annotation.review.models import ItemState

MOST_CORNERS, MOST_TAGS, MOST_CHARS = 200, 8, 255
SAID_ALIKE = (
    "min_confidence", "max_confidence", "scan", "exported", "area", "min_square_m", "max_square_m", "found_from",
    "found_to", "captured_from", "captured_to", "model", "lot",
)  # fmt: skip


class ReadField(serializers.CharField):
    """Text that is to be read as something else: its length and characters are checked before it is."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        super().run_validators(text)
        return text

    def run_validators(self, value: Any) -> None:
        """Nothing more: what was read is no text."""


class AreaField(ReadField):
    """A box `west,south,east,north` or the corners `lon,lat,lon,lat,...` of a polygon, in degrees; blank: none."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(data) or None  # a blank one stays '' otherwise, which is no area

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        try:
            numbers = [float(one) for one in text.split(",")]
        except ValueError as error:
            raise serializers.ValidationError("numbers with commas between them: degrees") from error
        return _polygon(numbers)


def _polygon(numbers: list[float]) -> Polygon:
    if len(numbers) % 2 or len(numbers) < 4 or len(numbers) > 2 * MOST_CORNERS:
        raise serializers.ValidationError(
            f"four numbers of a box, or longitude and latitude of 3 to {MOST_CORNERS} corners"
        )
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not all(math.isfinite(x) and math.isfinite(y) and abs(x) <= 180 and abs(y) <= 90 for x, y in corners):
        raise serializers.ValidationError("longitudes lie within 180 degrees, latitudes within 90")
    if len(corners) == 2:
        (west, south), (east, north) = corners
        shape = Polygon.from_bbox((west, south, east, north))
    else:
        shape = Polygon([*corners, corners[0]])
    shape.srid = 4326
    if not shape.valid or not shape.area:
        raise serializers.ValidationError("this area crosses itself or is empty: draw it again")
    return shape


class TagField(ReadField):
    """`key=value`, or `key` alone for any value; read as (key, value or None)."""

    def to_internal_value(self, data: Any) -> Any:
        key, equals, value = super().to_internal_value(data).partition("=")
        if not key or (equals and not value):
            raise serializers.ValidationError("key=value, or a key alone for any value")
        return key, value if equals else None

    def to_representation(self, value: Any) -> str:
        key, said = value
        return key if said is None else f"{key}={said}"


class FilterQuery(serializers.Serializer):
    """The filters of changes: of the list, the queue, the map, and what is kept of them by name."""

    kind = serializers.MultipleChoiceField(choices=ChangeKind.choices, required=False, default=set)
    lot = serializers.ChoiceField(
        choices=Lot.choices, required=False, allow_null=True, allow_blank=True, default=None,
        help_text="near-certain ones, or those that need a judgement, by confidence",
    )  # fmt: skip
    min_confidence = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    max_confidence = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    area = AreaField(
        required=False, allow_blank=True, allow_null=True, default=None, max_length=10_000,
        help_text="what its shape meets: west,south,east,north, or lon,lat,lon,lat,... of a polygon's corners",
    )  # fmt: skip
    min_square_m = serializers.FloatField(
        min_value=0, max_value=1e9, required=False, allow_null=True, default=None, help_text="size of its shape"
    )
    max_square_m = serializers.FloatField(min_value=0, max_value=1e9, required=False, allow_null=True, default=None)
    tag = serializers.ListField(
        child=TagField(max_length=2 * MOST_CHARS + 1), required=False, default=list, max_length=MOST_TAGS,
        help_text="key=value that the object has in the map, or a key alone; of several it has all",
    )  # fmt: skip
    found_from = serializers.DateField(required=False, allow_null=True, default=None, help_text="found on or after")
    found_to = serializers.DateField(required=False, allow_null=True, default=None)
    captured_from = serializers.DateField(
        required=False, allow_null=True, default=None, help_text="on an image taken on or after"
    )
    captured_to = serializers.DateField(required=False, allow_null=True, default=None)
    model = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False, allow_null=True, default=None)
    scan = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False, allow_null=True, default=None)

    def validate_lot(self, value: str | None) -> str | None:
        return value or None


class StatedQuery(FilterQuery):
    """The filters with what became of the changes."""

    state = serializers.MultipleChoiceField(
        choices=ItemState.choices, required=False, default=set,
        help_text="without it: open and decided ones; those that a newer scan replaced only if asked for",
    )  # fmt: skip
    decision = serializers.MultipleChoiceField(choices=ChangeDecision.choices, required=False, default=set)
    exported = serializers.BooleanField(required=False, allow_null=True, default=None)
    mine = serializers.BooleanField(required=False, default=False, help_text="only what the asker answered")


def wanted_of(asked: Mapping[str, Any], asker: int | None = None) -> Wanted:
    """What a checked query asks for."""
    return Wanted(
        kinds=sorted(asked["kind"]),
        states=sorted(asked.get("state", ())),
        decisions=sorted(asked.get("decision", ())),
        decided_by=asker if asked.get("mine") else None,
        ordering=asked.get("ordering", "newest"),
        tags=tuple(asked["tag"]),
        **{name: asked[name] for name in SAID_ALIKE if name in asked},
    )


def filters_in(query: str) -> str:
    """The filters that stand in the query of an address, and nothing else of it.

    Raises:
        ValidationError: a filter that says nothing that can be meant.
    """
    given, kept = QueryDict(query), QueryDict(mutable=True)
    for name in FilterQuery().fields.keys():  # noqa: SIM118 - iterating these gives fields, says their stub
        values = [one for one in given.getlist(name) if one]
        if values:
            kept.setlist(name, values)
    text = kept.urlencode()
    wanted_of_text(text)  # what is kept, not what was given: a blank that came last would hide what stands before it
    return text


def wanted_of_text(query: str) -> Wanted:
    """What the query of an address asks for, such as `kind=add&min_square_m=40`; what is no filter is passed over.

    Raises:
        ValidationError: a filter that says nothing that can be meant.
    """
    checked = FilterQuery(data=QueryDict(query))
    checked.is_valid(raise_exception=True)
    return wanted_of(checked.validated_data)
