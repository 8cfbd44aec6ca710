"""HTTP door of what joins the stages: a tile, a region at a glance, the main job."""

from annotation.pipeline.api.urls import urlpatterns

__all__ = ["urlpatterns"]
