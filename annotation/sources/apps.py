"""Django's entry for this app."""

from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "annotation.sources"
    label = "sources"

    def ready(self) -> None:
        """Hear of imports that ended without a result, and of jobs that are to be tried again."""
        from annotation.common.signals import job_ended, job_retried
        from annotation.sources.services.fail import mark_failed
        from annotation.sources.services.retry_job import check_retry

        job_retried.connect(check_retry, dispatch_uid="sources.check_retry")
        job_ended.connect(mark_failed, dispatch_uid="sources.mark_failed")
