"""Django's entry for this app."""

from django.apps import AppConfig


class ChangesConfig(AppConfig):
    name = "annotation.changes"
    label = "changes"

    def ready(self) -> None:
        """Let a change that is deleted with its region, scan or map take its queue item along."""
        from django.db.models.signals import post_delete

        from annotation.changes.models import Change
        from annotation.changes.services.clean_up import delete_item

        post_delete.connect(delete_item, sender=Change, dispatch_uid="changes.delete_item")
