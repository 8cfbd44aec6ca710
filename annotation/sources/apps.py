"""Django's entry for this app."""

from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "annotation.sources"
    label = "sources"

    def ready(self) -> None:
        """Hear of imports that ended without a result."""
        from annotation.common.signals import job_ended
        from annotation.sources.services.fail import mark_failed

        job_ended.connect(mark_failed, dispatch_uid="sources.mark_failed")
