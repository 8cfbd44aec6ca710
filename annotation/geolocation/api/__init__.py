"""HTTP door of geolocation: reference imagery, its feature database, and images without a place."""

from annotation.geolocation.api.urls import urlpatterns

__all__ = ["urlpatterns"]
