"""HTTP door of landmarks: the search, landmarks and their photos, the index and its export."""

from annotation.landmarks.api.urls import urlpatterns

__all__ = ["urlpatterns"]
