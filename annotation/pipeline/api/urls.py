"""Addresses of what joins the stages, relative to /api/."""

from django.urls import path

from annotation.pipeline.api import views

urlpatterns = [
    path("regions/<int:region_id>/pairs/<int:z>/<int:x>/<int:y>/", views.PairView.as_view(), name="api-pair"),
    path("regions/<int:region_id>/summary/", views.SummaryView.as_view(), name="api-region-summary"),
    path("regions/<int:region_id>/first-look/", views.FirstLookView.as_view(), name="api-first-look"),
    path("regions/<int:region_id>/main-job/", views.MainJobView.as_view(), name="api-main-job"),
]
