"""Django's entry for this app."""

from django.apps import AppConfig


class CorrespondencesConfig(AppConfig):
    name = "annotation.correspondences"
    label = "correspondences"

    def ready(self) -> None:
        """Let a review that is deleted with its proposal take its queue item along, and a region its batches."""
        from django.db.models.signals import post_delete

        from annotation.correspondences.models import CorrespondencesReview
        from annotation.correspondences.services.clean_up import delete_batches, delete_item
        from annotation.sources.models import Region

        post_delete.connect(delete_item, sender=CorrespondencesReview, dispatch_uid="correspondences.delete_item")
        post_delete.connect(delete_batches, sender=Region, dispatch_uid="correspondences.delete_batches")
