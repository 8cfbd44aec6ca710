"""HTTP door of the correspondences: proposals, their making, refits, and batches of them to review."""

from annotation.correspondences.api.urls import urlpatterns

__all__ = ["urlpatterns"]
