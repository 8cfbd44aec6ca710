"""Changesets in the admin site, to look at."""

from django.contrib import admin

from annotation.edits.models import Changeset, EditItem, Upload


class EditInline(admin.TabularInline):
    model = EditItem
    fields = ["change", "base_version", "demolish"]
    readonly_fields = ["change", "base_version", "demolish"]
    can_delete = False
    extra = 0

    def has_add_permission(self, request, obj=None):
        return False


@admin.register(Changeset)
class ChangesetAdmin(admin.ModelAdmin):
    list_display = ["id", "region", "comment", "created_by", "created_at"]
    list_filter = ["region"]
    readonly_fields = ["region", "snapshot", "comment", "source", "tags", "created_by", "created_at"]
    inlines = [EditInline]

    def has_add_permission(self, request):
        return False


@admin.register(Upload)
class UploadAdmin(admin.ModelAdmin):
    """To look at; neither the bytes nor the mark by which an upload is found again."""

    exclude = ["osc", "token"]
    readonly_fields = [
        "region", "changeset", "user", "server", "site", "osm_id", "osm_name", "tags", "state", "round",
        "osm_changeset", "abandoned", "problem", "sha256", "elements", "job_id", "created_at", "done_at",
    ]  # fmt: skip
    list_display = ["id", "changeset", "user", "server", "osm_name", "state", "osm_changeset", "created_at"]
    list_filter = ["state", "server"]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
