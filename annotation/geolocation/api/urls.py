"""Addresses of geolocation, relative to /api/."""

from django.urls import path

from annotation.geolocation.api import references

urlpatterns = [
    path("reference-sets/", references.SetsView.as_view(), name="api-reference-sets"),
    path("reference-sets/<int:set_id>/", references.SetView.as_view(), name="api-reference-set"),
    path("reference-sets/<int:set_id>/files/", references.FilesView.as_view(), name="api-reference-files"),
    path("reference-sets/<int:set_id>/prepare/", references.PrepareView.as_view(), name="api-reference-prepare"),
    path("reference-sets/<int:set_id>/bases/", references.BasesView.as_view(), name="api-reference-bases"),
    path("feature-database/", references.DatabaseView.as_view(), name="api-feature-database"),
    path("feature-database/build/", references.BuildView.as_view(), name="api-feature-database-build"),
]
