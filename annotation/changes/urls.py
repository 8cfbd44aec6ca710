"""Addresses of the pages of suspected changes."""

from django.urls import path

from annotation.changes import feeds, views

urlpatterns = [
    path("regions/<int:region_id>/changes/review/", views.queue, name="queue"),
    path("regions/<int:region_id>/changes/<int:change_id>/", views.change, name="change"),
    path("feeds/<str:feed_token>/<slug:feed_form>/", feeds.feed, name="change-feed"),
    path("regions/<int:region_id>/changes/", views.changes, name="changes"),
]
