"""Anchors on the admin site: looked at, and rejected where a generator was wrong."""

from django.contrib import admin

from annotation.anchors.models import Anchor


@admin.register(Anchor)
class AnchorAdmin(admin.ModelAdmin):
    list_display = ["id", "pair", "generator", "schema_version", "state", "summary"]
    list_filter = ["state", "generator"]
    list_select_related = ["pair"]
    readonly_fields = ["pair", "generator", "model", "prompt_version", "schema_version", "attributes", "summary"]
    show_full_result_count = False

    def has_add_permission(self, request) -> bool:
        return False
