"""Django's entry for this app."""

from django.apps import AppConfig


class ChangesConfig(AppConfig):
    name = "annotation.changes"
    label = "changes"

    def ready(self) -> None:
        """Let a deleted change take its queue item along, and hear of transforms that people change."""
        from django.db.models.signals import post_delete

        from annotation.changes.models import Change
        from annotation.changes.services.clean_up import delete_item
        from annotation.changes.services.rescore import on_transform
        from annotation.common.signals import transform_changed

        post_delete.connect(delete_item, sender=Change, dispatch_uid="changes.delete_item")
        transform_changed.connect(on_transform, dispatch_uid="changes.on_transform")
