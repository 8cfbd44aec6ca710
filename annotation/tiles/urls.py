"""Address of the page of a tile."""

from django.urls import path

from annotation.tiles import views

urlpatterns = [path("regions/<int:region_id>/tiles/<int:z>/<int:x>/<int:y>/", views.tile, name="tile")]
