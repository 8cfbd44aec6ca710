"""How a list of changes may be narrowed and ordered; anything else is refused."""

from typing import Any

import django_filters
from rest_framework.request import Request

from annotation.changes.models import Change, ChangeDecision, ChangeKind
from annotation.common.pagination import KeysetPagination
from annotation.review.models import ItemState

ORDERINGS = {
    "newest": ("-pk",),
    "oldest": ("pk",),
    "confidence": ("-confidence", "-pk"),
    "decided": ("-item__decided_at", "-pk"),
}


class ChangeFilter(django_filters.FilterSet):
    """Filters of the list and of the GeoJSON stream."""

    kind = django_filters.MultipleChoiceFilter(choices=ChangeKind.choices)
    state = django_filters.ChoiceFilter(field_name="item__state", choices=ItemState.choices)
    decision = django_filters.MultipleChoiceFilter(field_name="item__decision", choices=ChangeDecision.choices)
    min_confidence = django_filters.NumberFilter(field_name="confidence", lookup_expr="gte", min_value=0, max_value=1)
    max_confidence = django_filters.NumberFilter(field_name="confidence", lookup_expr="lte", min_value=0, max_value=1)
    scan = django_filters.NumberFilter(field_name="scan_id", min_value=1, max_value=2**63 - 1)
    exported = django_filters.BooleanFilter(field_name="edit_items", lookup_expr="isnull", exclude=True)
    ordering = django_filters.ChoiceFilter(
        choices=[(name, name) for name in ORDERINGS], method="ordered", label="order of the list"
    )

    class Meta:
        model = Change
        fields: list[str] = []

    def ordered(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.order_by(*ORDERINGS[value])


class ChangePagination(KeysetPagination):
    """Pages by key in one of the allowed orders."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ORDERINGS.get(request.query_params.get("ordering", ""), ORDERINGS["newest"])
