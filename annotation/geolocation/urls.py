"""Addresses of the pages of geolocation."""

from django.urls import path

from annotation.geolocation import pages, views

urlpatterns = [
    path("reference-imagery/", views.reference_imagery, name="reference-imagery"),
    path("images/", pages.images_page, name="images"),
    path("images/<int:image_id>/", pages.image_page, name="image"),
]
