"""How a list of changes may be narrowed and ordered; anything else is refused."""

from rest_framework import serializers

from annotation.changes.asked import StatedQuery
from annotation.common.models import MAX_ID
from annotation.review.lists import ORDERS

PAGE_SIZE, LARGEST_PAGE = 100, 500


class ChangeQuery(StatedQuery):
    """Filters and order of the list."""

    ordering = serializers.ChoiceField(choices=[(name, name) for name in ORDERS], required=False, default="newest")
    cursor = serializers.CharField(required=False, default="", allow_blank=True)
    page_size = serializers.IntegerField(min_value=1, required=False, default=PAGE_SIZE)

    def validate_page_size(self, value: int) -> int:
        return min(value, LARGEST_PAGE)


class FileQuery(StatedQuery):
    """Filters of the files."""

    changeset = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, default=None, help_text="what is in this changeset"
    )
