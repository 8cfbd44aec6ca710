"""Addresses of the correspondences, relative to /api/."""

from django.urls import path

from annotation.correspondences.api import batches, files, map_scans, views

REGION = "regions/<int:region_id>/"
ONE = "correspondences/<int:correspondences_id>/"
SCAN_TILE = "map-scans/<int:map_scan_id>/tiles/<int:z>/<int:x>/<int:y>"
BATCH = "correspondence-batches/<int:matching_batch_id>/"

urlpatterns = [
    path(f"{REGION}correspondences/", views.CorrespondencesListView.as_view(), name="api-correspondences"),
    path(f"{REGION}matchers/", views.MatchersView.as_view(), name="api-matchers"),
    path(ONE, views.CorrespondencesView.as_view(), name="api-correspondences-one"),
    path(f"{ONE}refit/", views.RefitView.as_view(), name="api-correspondences-refit"),
    path(f"{ONE}files/<slug:form>/", files.PointsFileView.as_view(), name="api-correspondences-file"),
    path(f"{ONE}points/", files.PointsUploadView.as_view(), name="api-correspondences-points"),
    path(f"{REGION}correspondences.zip", files.ArchiveView.as_view(), name="api-correspondences-archive"),
    path(f"{REGION}map-scans/", map_scans.MapScansView.as_view(), name="api-map-scans"),
    path("map-scans/<int:map_scan_id>/", map_scans.MapScanView.as_view(), name="api-map-scan"),
    path("map-scans/<int:map_scan_id>/resume/", map_scans.ResumeView.as_view(), name="api-map-scan-resume"),
    path(f"{SCAN_TILE}.png", map_scans.ScanTileView.as_view(), name="api-map-scan-tile"),
    path("map-scans/<int:map_scan_id>/pairs.zip", map_scans.PairsView.as_view(), name="api-map-scan-pairs"),
    path(f"{ONE}footprints/", views.FootprintsView.as_view(), name="api-correspondences-footprints"),
    path(f"{REGION}correspondence-batches/", batches.BatchesView.as_view(), name="api-correspondence-batches"),
    path(BATCH, batches.BatchView.as_view(), name="api-correspondence-batch"),
    path(f"{BATCH}report/", batches.ReportView.as_view(), name="api-correspondence-report"),
    path(f"{BATCH}close/", batches.CloseView.as_view(), name="api-correspondence-batch-close"),
]
