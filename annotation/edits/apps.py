"""Django's entry for this app."""

from django.apps import AppConfig


class EditsConfig(AppConfig):
    name = "annotation.edits"
    label = "edits"
