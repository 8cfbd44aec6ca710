"""Addresses of the pages of the search."""

from django.urls import path

from annotation.landmarks import views

urlpatterns = [
    path("search/", views.search, name="search"),
    path("regions/<int:region_id>/landmarks/", views.landmarks, name="landmarks"),
]
