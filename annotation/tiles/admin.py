"""Tiles and pairs in the admin site: to look at."""

from __future__ import annotations

from django.contrib import admin

from annotation.common.admin import ReadOnlyAdmin
from annotation.tiles.models import Tile, TilePair


@admin.register(Tile)
class TileAdmin(ReadOnlyAdmin):
    list_display = ["id", "region", "z", "x", "y"]
    list_select_related = ["region"]


@admin.register(TilePair)
class TilePairAdmin(ReadOnlyAdmin):
    list_display = ["id", "tile", "imagery", "snapshot", "valid_share", "mapped", "buildings"]
    list_filter = ["mapped"]
    list_select_related = ["tile", "imagery", "snapshot"]
