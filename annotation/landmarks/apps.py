"""Django's entry for this app."""

from django.apps import AppConfig


class LandmarksConfig(AppConfig):
    name = "annotation.landmarks"
    label = "landmarks"

    def ready(self) -> None:
        """Hear of all that the search index is made of, and of photos whose file is to go."""
        from django.db.models.signals import post_delete, post_save, pre_delete

        from annotation.common.signals import tiles_made
        from annotation.consistency.models import Scan
        from annotation.landmarks.models import LandmarkPhoto
        from annotation.landmarks.services import keep_up
        from annotation.landmarks.services.photos import on_deleted
        from annotation.learning.models import ModelVersion
        from annotation.sources.models import Imagery, Region

        post_save.connect(keep_up.on_imagery, sender=Imagery, dispatch_uid="landmarks.imagery")
        pre_delete.connect(keep_up.on_imagery, sender=Imagery, dispatch_uid="landmarks.imagery_goes")
        post_save.connect(keep_up.on_region, sender=Region, dispatch_uid="landmarks.region")
        post_save.connect(keep_up.on_scan, sender=Scan, dispatch_uid="landmarks.scan")
        post_save.connect(keep_up.on_model, sender=ModelVersion, dispatch_uid="landmarks.model")
        tiles_made.connect(keep_up.on_tiles, dispatch_uid="landmarks.tiles")
        post_delete.connect(on_deleted, sender=LandmarkPhoto, dispatch_uid="landmarks.photo_goes")
