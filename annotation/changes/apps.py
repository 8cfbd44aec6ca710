"""Django's entry for this app."""

from django.apps import AppConfig


class ChangesConfig(AppConfig):
    name = "annotation.changes"
    label = "changes"

    def ready(self) -> None:
        """Let a deleted change take its queue item along; hear of maps, transforms that change, and jobs that fail."""
        from django.db.models.signals import post_delete

        from annotation.changes.models import Change
        from annotation.changes.services.clean_up import delete_item
        from annotation.changes.services.map_pinned import on_pin
        from annotation.changes.services.mapped_meanwhile import on_map
        from annotation.changes.services.rescore import give_up, on_transform
        from annotation.common.signals import job_ended, map_pinned, map_stored, transform_changed

        post_delete.connect(delete_item, sender=Change, dispatch_uid="changes.delete_item")
        transform_changed.connect(on_transform, dispatch_uid="changes.on_transform")
        map_stored.connect(on_map, dispatch_uid="changes.on_map")
        map_pinned.connect(on_pin, dispatch_uid="changes.on_pin")
        job_ended.connect(give_up, dispatch_uid="changes.give_up")
