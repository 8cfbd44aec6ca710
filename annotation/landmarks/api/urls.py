"""Addresses of landmarks and the search, relative to /api/."""

from django.urls import path

from annotation.landmarks.api import embeddings, landmarks, photos, search

REGION = "regions/<int:region_id>/"

urlpatterns = [
    path("search/", search.SearchView.as_view(), name="api-search"),
    path("search/photo/", search.PhotoSearchView.as_view(), name="api-search-photo"),
    path("tiles/<int:tile_id>/similar/", search.SimilarTilesView.as_view(), name="api-similar-tiles"),
    path(
        f"{REGION}tiles/<int:z>/<int:x>/<int:y>/similar/",
        search.SimilarAtView.as_view(),
        name="api-similar-tiles-at",
    ),
    path("changes/<int:change_id>/similar/", search.SimilarChangesView.as_view(), name="api-similar-changes"),
    path("changes/<int:change_id>/similar/waiting/", search.WaitingView.as_view(), name="api-similar-waiting"),
    path("landmarks/", landmarks.LandmarksView.as_view(), name="api-landmarks"),
    path("landmarks/import-csv/", landmarks.ImportCsvView.as_view(), name="api-landmarks-import-csv"),
    path("landmarks/from-map/", landmarks.FromMapView.as_view(), name="api-landmarks-from-map"),
    path("landmarks/<int:landmark_id>/", landmarks.LandmarkView.as_view(), name="api-landmark"),
    path("landmark-photos/", photos.PhotosView.as_view(), name="api-landmark-photos"),
    path("landmark-photos/<int:photo_id>/", photos.PhotoView.as_view(), name="api-landmark-photo"),
    path("landmark-photos/<int:photo_id>/photo.webp", photos.PictureView.as_view(), name="api-landmark-photo-picture"),
    path("training-data/landmarks/", embeddings.ModelsDataView.as_view(), name="api-landmarks-training-data"),
    path(f"{REGION}embeddings/", embeddings.EmbeddingsView.as_view(), name="api-embeddings"),
    path(f"{REGION}embeddings/state/", embeddings.StateView.as_view(), name="api-embeddings-state"),
    path(f"{REGION}embeddings/update/", embeddings.UpdateView.as_view(), name="api-embeddings-update"),
]
