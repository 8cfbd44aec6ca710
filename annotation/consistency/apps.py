"""Django's entry for this app."""

from django.apps import AppConfig


class ConsistencyConfig(AppConfig):
    name = "annotation.consistency"
    label = "consistency"

    def ready(self) -> None:
        """Hear of scans that ended without a result."""
        from annotation.common.signals import job_ended
        from annotation.consistency.services.fail import mark_failed

        job_ended.connect(mark_failed, dispatch_uid="consistency.mark_failed")
