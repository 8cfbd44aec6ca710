"""HTTP door of the queue: claim, heartbeat, release, decide, undo, history, statistics."""

from annotation.review.api.urls import urlpatterns

__all__ = ["urlpatterns"]
