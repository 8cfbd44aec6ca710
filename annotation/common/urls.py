"""Addresses of the pages that belong to no stage."""

from django.urls import path

from annotation.common import views

urlpatterns = [path("jobs/", views.jobs, name="jobs")]
