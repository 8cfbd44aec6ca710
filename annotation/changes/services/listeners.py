"""Tell who listens what people say of changes: `settings.CHANGE_LISTENERS`."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from annotation.review.models import QueueItem, Verdict


def tell(item: QueueItem, verdict: Verdict) -> None:
    """Stages that stand above and want to know, in the transaction that makes it true."""
    for path in settings.CHANGE_LISTENERS:
        import_string(path)(item, verdict)
