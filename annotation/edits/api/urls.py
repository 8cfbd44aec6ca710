"""Addresses of map edits, relative to /api/."""

from django.urls import path

from annotation.edits.api import views

urlpatterns = [
    path("regions/<int:region_id>/changesets/", views.ChangesetsView.as_view(), name="api-changesets"),
    path("changesets/<int:changeset_id>/", views.ChangesetView.as_view(), name="api-changeset"),
    path("changesets/<int:changeset_id>/edits/<int:change_id>/", views.EditView.as_view(), name="api-changeset-edit"),
    path("changesets/<int:changeset_id>/versions/", views.VersionsView.as_view(), name="api-changeset-versions"),
    path("changesets/<int:changeset_id>/edits.osc", views.OscView.as_view(), name="api-changeset-osc"),
    path("changesets/<int:changeset_id>/edits.geojson", views.GeoJsonView.as_view(), name="api-changeset-geojson"),
]
