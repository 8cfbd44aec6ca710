"""Suspected changes in the admin site, to look at; decisions go through the queue."""

from django.contrib import admin

from annotation.changes.models import Change


@admin.register(Change)
class ChangeAdmin(admin.ModelAdmin):
    list_display = ["id", "scan", "kind", "confidence", "item"]
    list_filter = ["kind"]
    list_select_related = ["scan", "item"]
    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
