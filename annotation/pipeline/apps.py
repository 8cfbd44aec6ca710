"""Django's entry for this app."""

from django.apps import AppConfig


class PipelineConfig(AppConfig):
    name = "annotation.pipeline"
    label = "pipeline"

    def ready(self) -> None:
        """Hear of imports that succeeded: the general model looks at them."""
        from django.db.models.signals import post_save

        from annotation.pipeline.services.start_first_look import on_source
        from annotation.sources.models import Imagery, MapSnapshot

        post_save.connect(on_source, sender=Imagery, dispatch_uid="pipeline.imagery")
        post_save.connect(on_source, sender=MapSnapshot, dispatch_uid="pipeline.snapshot")
