"""Addresses of suspected changes, relative to /api/."""

from django.urls import path

from annotation.changes.api import regions, views

urlpatterns = [
    path("regions/<int:region_id>/changes/", views.ChangesView.as_view(), name="api-changes"),
    path("regions/<int:region_id>/changes.geojson", views.ChangesGeoJsonView.as_view(), name="api-changes-geojson"),
    path("changes/<int:change_id>/", views.ChangeView.as_view(), name="api-change"),
    path("regions/<int:region_id>/pairs/<int:z>/<int:x>/<int:y>/", regions.PairView.as_view(), name="api-pair"),
    path("regions/<int:region_id>/summary/", regions.SummaryView.as_view(), name="api-region-summary"),
    path("regions/<int:region_id>/main-job/", regions.MainJobView.as_view(), name="api-main-job"),
    path("regions/<int:region_id>/changes/find/", regions.FindView.as_view(), name="api-find-changes"),
]
