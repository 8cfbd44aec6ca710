"""Runs, data sets and models on the admin site: to look at; promotion has its own door."""

from django.contrib import admin

from annotation.learning.models import DataSet, Evaluation, ModelVersion, TrainingRun


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only services write."""

    show_full_result_count = False

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(DataSet)
class DataSetAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "region", "digest", "created_at"]
    list_select_related = ["region"]


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "region", "preset", "seed", "job", "created_at"]
    list_select_related = ["region", "job"]


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    list_display = ["id", "model", "against", "finished_at", "created_at"]
    list_select_related = ["model", "against"]


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "region", "state", "sha256", "created_at"]
    list_filter = ["kind", "state"]
    list_select_related = ["region"]
