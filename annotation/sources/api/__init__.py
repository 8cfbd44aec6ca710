"""HTTP door of regions, imagery, map snapshots and jobs."""

from annotation.sources.api.urls import urlpatterns

__all__ = ["urlpatterns"]
