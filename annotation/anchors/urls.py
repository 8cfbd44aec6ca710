"""Addresses of the pages of anchors."""

from annotation.anchors.review_pages import review_pages

urlpatterns = [*review_pages]
