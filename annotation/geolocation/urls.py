"""Addresses of the pages of geolocation."""

from django.urls import path

from annotation.geolocation import views

urlpatterns = [path("reference-imagery/", views.reference_imagery, name="reference-imagery")]
