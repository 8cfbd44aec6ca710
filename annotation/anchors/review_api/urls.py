"""Addresses of the review of anchors, relative to /api/."""

from django.urls import path

from annotation.anchors.review_api import batches, files

BATCH = "anchor-batches/<int:batch_id>/"
REGION = "regions/<int:region_id>/"

urlpatterns = [
    path(f"{REGION}anchor-batches/", batches.BatchesView.as_view(), name="api-anchor-batches"),
    path(BATCH, batches.BatchView.as_view(), name="api-anchor-batch"),
    path(f"{BATCH}close/", batches.CloseView.as_view(), name="api-anchor-batch-close"),
    path(f"{BATCH}report/", files.BatchReportView.as_view(), name="api-anchor-batch-report"),
    path(f"{BATCH}answers.csv", files.AnswersCsvView.as_view(), name="api-anchor-answers-csv"),
    path(f"{BATCH}answers.json", files.AnswersJsonView.as_view(), name="api-anchor-answers-json"),
    path(f"{REGION}anchor-report/", files.RegionReportView.as_view(), name="api-anchor-report"),
    path(f"{REGION}anchors.csv", files.AnchorsCsvView.as_view(), name="api-anchors-csv"),
    path(f"{REGION}anchors.mstcons.json", files.MstconsView.as_view(), name="api-anchors-mstcons"),
    path(f"{REGION}label-studio.json", files.LabelStudioTasksView.as_view(), name="api-label-studio"),
    path(f"{REGION}label-studio.xml", files.LabelStudioConfigView.as_view(), name="api-label-studio-config"),
    path(f"{REGION}label-studio/", files.LabelStudioImportView.as_view(), name="api-label-studio-import"),
]
