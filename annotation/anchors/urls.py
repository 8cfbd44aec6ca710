"""Addresses of the pages of anchors."""

from annotation.anchors.generation_pages import generation_pages
from annotation.anchors.review_pages import review_pages

urlpatterns = [*generation_pages, *review_pages]
