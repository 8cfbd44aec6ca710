"""Address of the page of training."""

from django.urls import path

from annotation.learning import views

urlpatterns = [path("regions/<int:region_id>/training/", views.training, name="training")]
