"""The HTTP API of geolocation."""

from annotation.geolocation.api.urls import urlpatterns

__all__ = ["urlpatterns"]
