"""Addresses of the page of map edits, and of signing in at the map's server."""

from django.urls import path

from annotation.edits import views

urlpatterns = [
    path("regions/<int:region_id>/edits/", views.edits, name="edits"),
    path("regions/<int:region_id>/edits/uploads/", views.uploads, name="uploads"),
    path("webhooks/", views.webhooks, name="webhooks"),
    path("osm/sign-in/", views.osm_sign_in, name="osm-sign-in"),
    path("osm/signed-in/", views.osm_signed_in, name="osm-signed-in"),
]
