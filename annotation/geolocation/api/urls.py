"""Addresses of geolocation, relative to /api/."""

from django.urls import path

from annotation.geolocation.api import image_files, images, points, references

IMAGE = "images/<int:image_id>/"

urlpatterns = [
    path("reference-sets/", references.SetsView.as_view(), name="api-reference-sets"),
    path("reference-sets/<int:set_id>/", references.SetView.as_view(), name="api-reference-set"),
    path("reference-sets/<int:set_id>/files/", references.FilesView.as_view(), name="api-reference-files"),
    path("reference-sets/<int:set_id>/prepare/", references.PrepareView.as_view(), name="api-reference-prepare"),
    path("reference-sets/<int:set_id>/bases/", references.BasesView.as_view(), name="api-reference-bases"),
    path("feature-database/", references.DatabaseView.as_view(), name="api-feature-database"),
    path("feature-database/build/", references.BuildView.as_view(), name="api-feature-database-build"),
    path("images/", images.ImagesView.as_view(), name="api-images"),
    path(IMAGE, images.ImageView.as_view(), name="api-image"),
    path(f"{IMAGE}preview.webp", images.PreviewView.as_view(), name="api-image-preview"),
    path(f"{IMAGE}picture.jpg", points.PictureView.as_view(), name="api-image-picture"),
    path(f"{IMAGE}fit/", points.FitView.as_view(), name="api-image-fit"),
    path(f"{IMAGE}points/", points.PointsFileView.as_view(), name="api-image-points"),
    path(f"{IMAGE}places/<int:candidate_id>/points/", points.StartView.as_view(), name="api-image-place-points"),
    path(f"{IMAGE}locate/", images.LocateView.as_view(), name="api-image-locate"),
    path(f"{IMAGE}confirm/", images.ConfirmView.as_view(), name="api-image-confirm"),
    path(f"{IMAGE}reject/", images.RejectView.as_view(), name="api-image-reject"),
    path(
        f"{IMAGE}places/<int:candidate_id>/ground.webp",
        image_files.GroundView.as_view(),
        name="api-image-place-ground",
    ),
    path(
        f"{IMAGE}places/<int:candidate_id>/files/<slug:form>/",
        image_files.PlaceFileView.as_view(),
        name="api-image-place-file",
    ),
]
