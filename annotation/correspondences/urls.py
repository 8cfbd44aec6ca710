"""Addresses of the pages of correspondences."""

from django.urls import path

from annotation.correspondences import pages

REGION = "regions/<int:region_id>/correspondences/"

urlpatterns = [
    path(REGION, pages.overview_page, name="correspondences"),
    path(f"{REGION}scans/", pages.map_scans_page, name="map-scans"),
    path(f"{REGION}review/", pages.editor, name="correspondence-editor"),
    path(f"{REGION}disagreements/", pages.disagreements, name="correspondence-disagreements"),
    path(f"{REGION}batches/<int:matching_batch_id>/", pages.report, name="correspondence-report"),
]
