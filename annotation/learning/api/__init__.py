"""HTTP door of training: runs with their curves, the registry of models, comparisons, promotion and the way back."""

from annotation.learning.api.urls import urlpatterns

__all__ = ["urlpatterns"]
