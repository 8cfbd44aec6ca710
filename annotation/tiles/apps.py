"""Django's entry for this app."""

from django.apps import AppConfig


class TilesConfig(AppConfig):
    name = "annotation.tiles"
    label = "tiles"
