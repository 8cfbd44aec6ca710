"""HTTP door of map edits: changesets, their versions, and the files."""

from annotation.edits.api.urls import urlpatterns

__all__ = ["urlpatterns"]
