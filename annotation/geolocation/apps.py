"""Django's entry for this app."""

from django.apps import AppConfig


class GeolocationConfig(AppConfig):
    name = "annotation.geolocation"
    label = "geolocation"
