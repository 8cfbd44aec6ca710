"""Scans on the admin site, to look at."""

from django.contrib import admin

from annotation.consistency.models import Scan


@admin.register(Scan)
class ScanAdmin(admin.ModelAdmin):
    list_display = ["id", "region", "model", "state", "include_unmapped", "created_at"]
    list_filter = ["state"]
    list_select_related = ["region", "model"]
    show_full_result_count = False

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
