"""Write down who did what, in the transaction of the act."""

from typing import Any

from annotation.accounts.models import User
from annotation.review.models import AuditEntry


def record(
    *, actor: User | None, action: str, object_kind: str, object_id: object, scope_id: int | None, **data: Any
) -> AuditEntry:
    """Append one audit entry; `data` must be JSON."""
    return AuditEntry.objects.create(
        actor=actor, action=action, object_kind=object_kind, object_id=str(object_id), scope_id=scope_id, data=data
    )
