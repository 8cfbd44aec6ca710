"""Django's entry for this app."""

from django.apps import AppConfig


class ChangesConfig(AppConfig):
    name = "annotation.changes"
    label = "changes"
