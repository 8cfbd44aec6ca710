"""Jobs in the admin site: to look at, with what went wrong."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from annotation.common.errors import ConflictError
from annotation.common.models import Job, JobFigure, JobQuerySet, Worker
from annotation.common.services.retry import retry


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


class DeadLetters(admin.SimpleListFilter):
    """Jobs that were given up after all their tries, apart from the others."""

    title, parameter_name = "dead letters", "dead"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Given up after all tries")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(pk__in=Job.objects.dead_letters()) if self.value() == "1" else queryset


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    actions = ["try_again"]
    list_display = ["id", "kind", "scope_id", "state", "progress", "attempts", "error_code", "created_by", "created_at"]
    list_filter = [DeadLetters, "state", "kind", "error_code"]
    list_select_related = ["created_by"]

    @admin.action(description="Try again")
    def try_again(self, request: HttpRequest, queryset: JobQuerySet) -> None:
        """Each that can be; the others keep their state, and are told with the reason."""
        for job in queryset:
            try:
                retry(job)
            except ConflictError as error:
                self.message_user(request, f"{job.kind} {job.pk}: {error.detail}", messages.WARNING)
            else:
                self.log_change(request, job, "tried again")


@admin.register(JobFigure)
class JobFigureAdmin(ReadOnlyAdmin):
    list_display = ["job", "name", "step", "value", "at"]
    list_select_related = ["job"]


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "queues", "device", "seen_at"]
