"""Address of the page of map edits."""

from django.urls import path

from annotation.edits import views

urlpatterns = [path("regions/<int:region_id>/edits/", views.edits, name="edits")]
