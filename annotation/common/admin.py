"""Jobs in the admin site: to look at, with what went wrong."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from annotation.common.models import Job, JobFigure, Worker


class ReadOnlyAdmin(admin.ModelAdmin):
    """Looking is allowed; rows change through services alone."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "scope_id", "state", "progress", "attempts", "error_code", "created_by", "created_at"]
    list_filter = ["state", "kind", "error_code"]
    list_select_related = ["created_by"]


@admin.register(JobFigure)
class JobFigureAdmin(ReadOnlyAdmin):
    list_display = ["job", "name", "step", "value", "at"]
    list_select_related = ["job"]


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "queues", "device", "seen_at"]
