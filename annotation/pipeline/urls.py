"""Addresses of the pages of the pipeline."""

from django.urls import path

from annotation.pipeline import views

urlpatterns = [path("regions/<int:region_id>/activity/", views.activity, name="activity")]
