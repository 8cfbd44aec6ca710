"""Django's entry for this app."""

from django.apps import AppConfig


class LandmarksConfig(AppConfig):
    name = "annotation.landmarks"
    label = "landmarks"
