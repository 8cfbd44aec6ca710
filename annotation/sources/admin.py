"""Regions and sources in the admin site: who works where can be changed, what was imported only looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from annotation.common.admin import ReadOnlyAdmin
from annotation.sources.models import Footprint, Imagery, MapFeature, MapSnapshot, Region, RegionMember

Imagery._meta.verbose_name_plural = "imagery"


class MemberInline(admin.TabularInline):
    model = RegionMember
    extra = 1
    autocomplete_fields = ["user"]


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin):
    """Members, openness, first looks; everything else changes through services, and deletion through the API alone."""

    list_display = ["name", "zoom", "open_to_all", "first_look", "created_by", "created_at"]
    list_select_related = ["created_by"]
    search_fields = ["name"]
    fields = ["name", "zoom", "open_to_all", "first_look", "confirm_standing", "created_by", "created_at"]
    readonly_fields = ["name", "zoom", "created_by", "created_at"]
    inlines = [MemberInline]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Imagery)
class ImageryAdmin(ReadOnlyAdmin):
    list_display = ["id", "region", "original_name", "state", "captured_on", "resolution_m", "licence", "attribution"]
    list_filter = ["state"]
    list_select_related = ["region"]


@admin.register(MapSnapshot)
class MapSnapshotAdmin(ReadOnlyAdmin):
    list_display = ["id", "region", "original_name", "state", "taken_at", "licence", "attribution"]
    list_filter = ["state"]
    list_select_related = ["region"]


@admin.register(Footprint)
class FootprintAdmin(ReadOnlyAdmin):
    list_display = ["id", "snapshot", "osm_type", "osm_id", "version", "edited_at"]
    list_select_related = ["snapshot"]
    search_fields = ["=osm_id"]


@admin.register(MapFeature)
class MapFeatureAdmin(ReadOnlyAdmin):
    list_display = ["id", "snapshot", "kind", "osm_type", "osm_id", "version"]
    list_filter = ["kind"]
    list_select_related = ["snapshot"]
    search_fields = ["=osm_id"]
