"""Addresses of geolocation, relative to /api/."""

from django.urls import path

from annotation.geolocation.api import image_files, images

IMAGE = "images/<int:image_id>/"

urlpatterns = [
    path("images/", images.ImagesView.as_view(), name="api-images"),
    path(IMAGE, images.ImageView.as_view(), name="api-image"),
    path(f"{IMAGE}preview.webp", images.PreviewView.as_view(), name="api-image-preview"),
    path(f"{IMAGE}locate/", images.LocateView.as_view(), name="api-image-locate"),
    path(f"{IMAGE}confirm/", images.ConfirmView.as_view(), name="api-image-confirm"),
    path(f"{IMAGE}reject/", images.RejectView.as_view(), name="api-image-reject"),
    path(
        f"{IMAGE}places/<int:candidate_id>/files/<slug:form>/",
        image_files.PlaceFileView.as_view(),
        name="api-image-place-file",
    ),
]
