"""Addresses of leaving a digest."""

from django.urls import path

from annotation.digest import views

urlpatterns = [path("digest/<str:digest_token>/", views.leave, name="leave-digest")]
