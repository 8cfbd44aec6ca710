"""Django's entry for this app."""

from django.apps import AppConfig


class AnchorsConfig(AppConfig):
    name = "annotation.anchors"
    label = "anchors"
