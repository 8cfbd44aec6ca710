"""Addresses for machines that watch over this one."""

from django.urls import path

from annotation.operation import views

urlpatterns = [path("metrics/", views.metrics, name="metrics")]
