"""Django's entry for this app."""

from django.apps import AppConfig


class ConsistencyConfig(AppConfig):
    name = "annotation.consistency"
    label = "consistency"

    def ready(self) -> None:
        """Hear of scans that ended without a result, and of those that are to be tried again."""
        from annotation.common.signals import job_ended, job_retried
        from annotation.consistency.services.fail import mark_failed, mark_pending

        job_ended.connect(mark_failed, dispatch_uid="consistency.mark_failed")
        job_retried.connect(mark_pending, dispatch_uid="consistency.mark_pending")
