"""Django's entry for the former app, which has migrations and no models."""

from django.apps import AppConfig


class FormerConfig(AppConfig):
    name = "annotation.learning.former"
    label = "training"
