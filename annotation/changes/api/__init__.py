"""HTTP door of suspected changes: lists, one change, the search for them."""

from annotation.changes.api.urls import urlpatterns

__all__ = ["urlpatterns"]
