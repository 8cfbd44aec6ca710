"""Django's entry for this app."""

from django.apps import AppConfig


class AnchorsConfig(AppConfig):
    name = "annotation.anchors"
    label = "anchors"

    def ready(self) -> None:
        """Let a review that is deleted with its anchor take its queue item along, and a region its batches."""
        from django.db.models.signals import post_delete

        from annotation.anchors.models import AnchorReview
        from annotation.anchors.services.clean_up import delete_batches, delete_item
        from annotation.sources.models import Region

        post_delete.connect(delete_item, sender=AnchorReview, dispatch_uid="anchors.delete_item")
        post_delete.connect(delete_batches, sender=Region, dispatch_uid="anchors.delete_batches")
