"""HTTP door of suspected changes: lists, one change, a tile with all that is known of it, the main job."""

from annotation.changes.api.urls import urlpatterns

__all__ = ["urlpatterns"]
