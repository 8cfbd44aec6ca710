"""Changesets in the admin site, to look at."""

from django.contrib import admin

from annotation.edits.models import Changeset, EditItem


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
