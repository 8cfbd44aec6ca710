"""Django's entry for this app."""

from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "annotation.learning"
    label = "learning"
