"""Django's entry for this app."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "annotation.common"
    label = "common"
