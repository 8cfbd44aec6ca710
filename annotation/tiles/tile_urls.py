"""Addresses of tiles, below /tiles/."""

from django.urls import path

from annotation.tiles import serve

urlpatterns = [
    path("image/<int:imagery_id>/<int:z>/<int:x>/<int:y>.webp", serve.ImageTileView.as_view(), name="image-tile"),
    path("map/<int:snapshot_id>/<int:z>/<int:x>/<int:y>.png", serve.MapTileView.as_view(), name="map-tile"),
    path(
        "footprints/<int:snapshot_id>/<int:z>/<int:x>/<int:y>.mvt",
        serve.FootprintTileView.as_view(),
        name="footprint-tile",
    ),
]
