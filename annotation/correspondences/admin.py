"""Correspondences on the admin site: looked at, never made there."""

from django.contrib import admin

from annotation.correspondences.models import Correspondences, MapScan


@admin.register(Correspondences)
class CorrespondencesAdmin(admin.ModelAdmin):
    list_display = ["id", "pair", "matcher", "transform_kind", "inliers", "rmse_m", "state", "refused"]
    list_filter = ["state", "matcher"]
    list_select_related = ["pair"]
    show_full_result_count = False

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False


@admin.register(MapScan)
class MapScanAdmin(CorrespondencesAdmin):
    list_display = ["id", "region", "original_name", "licence", "created_by", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["region", "created_by"]
