"""Django's entry for this app."""

from django.apps import AppConfig


class PipelineConfig(AppConfig):
    name = "annotation.pipeline"
    label = "pipeline"
