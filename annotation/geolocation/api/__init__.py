"""HTTP door of geolocation: reference imagery and its feature database."""

from annotation.geolocation.api.urls import urlpatterns

__all__ = ["urlpatterns"]
