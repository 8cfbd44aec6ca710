"""The queue in the admin site: to look at, never to change, so that every decision stays an event."""

from django.contrib import admin

from annotation.review.models import AuditEntry, QueueItem, Verdict

AuditEntry._meta.verbose_name_plural = "audit entries"


class ReadOnlyAdmin(admin.ModelAdmin):
    """Looking is allowed; rows change through services alone."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(QueueItem)
class QueueItemAdmin(ReadOnlyAdmin):
    list_display = ["id", "stage", "scope_id", "priority", "state", "decision", "decided_by", "lease_holder"]
    list_filter = ["stage", "state"]
    list_select_related = ["decided_by", "lease_holder"]


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    list_display = ["id", "item", "event", "decision", "reason", "reviewer", "at"]
    list_filter = ["event"]
    list_select_related = ["item", "reviewer"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["id", "at", "actor", "action", "object_kind", "object_id", "scope_id"]
    list_filter = ["action"]
    list_select_related = ["actor"]
