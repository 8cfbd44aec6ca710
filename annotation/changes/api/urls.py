"""Addresses of suspected changes, relative to /api/."""

from django.urls import path

from annotation.changes.api import views

urlpatterns = [
    path("regions/<int:region_id>/changes/", views.ChangesView.as_view(), name="api-changes"),
    path("regions/<int:region_id>/changes.geojson", views.ChangesGeoJsonView.as_view(), name="api-changes-geojson"),
    path("changes/<int:change_id>/", views.ChangeView.as_view(), name="api-change"),
    path("regions/<int:region_id>/changes/find/", views.FindView.as_view(), name="api-find-changes"),
]
