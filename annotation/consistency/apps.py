"""Django's entry for this app."""

from django.apps import AppConfig


class ConsistencyConfig(AppConfig):
    name = "annotation.consistency"
    label = "consistency"
