"""Django's entry for this app."""

from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "annotation.sources"
    label = "sources"
