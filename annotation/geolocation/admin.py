"""Reference imagery and feature databases on the admin site: to look at; the page of reference imagery changes them."""

from django.contrib import admin

from annotation.geolocation.models import FeatureDatabase, ReferenceBase, ReferenceFile, ReferenceSet
from annotation.learning.admin import ReadOnlyAdmin


@admin.register(ReferenceSet)
class ReferenceSetAdmin(ReadOnlyAdmin):
    list_display = ["id", "name", "kind", "state", "base_count", "open_to_all", "created_at"]
    list_filter = ["kind", "state"]


@admin.register(ReferenceFile)
class ReferenceFileAdmin(ReadOnlyAdmin):
    list_display = ["id", "set", "original_name", "sha256", "error", "created_at"]
    list_select_related = ["set"]


@admin.register(ReferenceBase)
class ReferenceBaseAdmin(ReadOnlyAdmin):
    list_display = ["id", "name", "set", "state", "width", "height"]
    list_filter = ["state"]
    list_select_related = ["set"]


@admin.register(FeatureDatabase)
class FeatureDatabaseAdmin(ReadOnlyAdmin):
    list_display = ["id", "model_digest", "state", "base_count", "size_bytes", "stale_since", "built_at"]
