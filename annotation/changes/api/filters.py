"""How a list of changes may be narrowed and ordered; anything else is refused."""

from typing import Any

import django_filters
from rest_framework import serializers

from annotation.changes.models import Change, ChangeDecision, ChangeKind
from annotation.changes.selectors import Wanted
from annotation.review.lists import ORDERS
from annotation.review.models import ItemState

PAGE_SIZE, LARGEST_PAGE = 100, 500


class ChangeQuery(serializers.Serializer):
    """Filters and order of the list."""

    kind = serializers.MultipleChoiceField(choices=ChangeKind.choices, required=False, default=set)
    state = serializers.MultipleChoiceField(
        choices=ItemState.choices, required=False, default=set,
        help_text="without it: open and decided ones; those that a newer scan replaced only if asked for",
    )  # fmt: skip
    decision = serializers.MultipleChoiceField(choices=ChangeDecision.choices, required=False, default=set)
    min_confidence = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    max_confidence = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    scan = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False, allow_null=True, default=None)
    exported = serializers.BooleanField(required=False, allow_null=True, default=None)
    mine = serializers.BooleanField(required=False, default=False, help_text="only what the asker answered")
    ordering = serializers.ChoiceField(choices=[(name, name) for name in ORDERS], required=False, default="newest")
    cursor = serializers.CharField(required=False, default="", allow_blank=True)
    page_size = serializers.IntegerField(min_value=1, required=False, default=PAGE_SIZE)

    def validate_page_size(self, value: int) -> int:
        return min(value, LARGEST_PAGE)


def wanted_of(asked: dict[str, Any], asker: int) -> Wanted:
    """What a checked query asks for."""
    return Wanted(
        kinds=sorted(asked["kind"]),
        states=sorted(asked["state"]),
        decisions=sorted(asked["decision"]),
        decided_by=asker if asked["mine"] else None,
        **{name: asked[name] for name in ("min_confidence", "max_confidence", "scan", "exported", "ordering")},
    )


class ChangeFilter(django_filters.FilterSet):
    """Filters of the files."""

    kind = django_filters.MultipleChoiceFilter(choices=ChangeKind.choices)
    state = django_filters.ChoiceFilter(field_name="item__state", choices=ItemState.choices)
    decision = django_filters.MultipleChoiceFilter(field_name="item__decision", choices=ChangeDecision.choices)
    min_confidence = django_filters.NumberFilter(field_name="confidence", lookup_expr="gte", min_value=0, max_value=1)
    max_confidence = django_filters.NumberFilter(field_name="confidence", lookup_expr="lte", min_value=0, max_value=1)
    scan = django_filters.NumberFilter(field_name="scan_id", min_value=1, max_value=2**63 - 1)
    changeset = django_filters.NumberFilter(field_name="edit_items__changeset", min_value=1, max_value=2**63 - 1)
    exported = django_filters.BooleanFilter(field_name="edit_items", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Change
        fields: list[str] = []
