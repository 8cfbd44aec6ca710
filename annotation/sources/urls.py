"""Addresses of the pages of regions and sources."""

from django.urls import path

from annotation.sources import views

urlpatterns = [
    path("", views.regions, name="regions"),
    path("regions/new/", views.region_new, name="region-new"),
    path("regions/<int:region_id>/", views.region, name="region"),
    path("regions/<int:region_id>/sources/", views.sources, name="sources"),
    path("regions/<int:region_id>/layers/", views.layers, name="layers"),
]
