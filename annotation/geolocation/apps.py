"""Django's entry for this app."""

from django.apps import AppConfig


class GeolocationConfig(AppConfig):
    name = "annotation.geolocation"
    label = "geolocation"

    def ready(self) -> None:
        """Hear of imagery and locators that come and go, and of preparations that end without a result."""
        from django.db.models.signals import post_save, pre_delete

        from annotation.common.signals import job_ended, job_retried
        from annotation.geolocation.services import keep_up
        from annotation.geolocation.services.register import check_retry, mark_ended
        from annotation.learning.models import ModelVersion
        from annotation.sources.models import Imagery

        post_save.connect(keep_up.on_imagery, sender=Imagery, dispatch_uid="geolocation.imagery")
        pre_delete.connect(keep_up.on_imagery, sender=Imagery, dispatch_uid="geolocation.imagery_goes")
        post_save.connect(keep_up.on_model, sender=ModelVersion, dispatch_uid="geolocation.model")
        job_retried.connect(check_retry, dispatch_uid="geolocation.check_retry")
        job_ended.connect(mark_ended, dispatch_uid="geolocation.mark_ended")
