"""Landmarks, photos and search indexes on the admin site: to look at; pages and the API change them."""

from django.contrib import admin

from annotation.landmarks.models import Landmark, LandmarkPhoto, SearchIndex
from annotation.learning.admin import ReadOnlyAdmin


@admin.register(Landmark)
class LandmarkAdmin(ReadOnlyAdmin):
    list_display = ["id", "name", "region", "source", "edited", "created_at"]
    list_filter = ["source"]
    list_select_related = ["region"]


@admin.register(LandmarkPhoto)
class LandmarkPhotoAdmin(ReadOnlyAdmin):
    list_display = ["id", "original_name", "region", "landmark", "change", "position_from", "owner", "created_at"]
    list_select_related = ["region", "landmark", "change", "owner"]


@admin.register(SearchIndex)
class SearchIndexAdmin(ReadOnlyAdmin):
    list_display = ["id", "model_digest", "state", "tiles", "landmarks", "photos", "size_bytes", "stale_since"]
