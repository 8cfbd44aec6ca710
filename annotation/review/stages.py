"""What a stage tells the queue about itself; `settings.REVIEW_STAGES` names one ReviewStage per stage."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.review.models import QueueItem, Verdict


@dataclass(frozen=True)
class ReviewStage:
    """One stage's side of the queue.

    Attributes:
        name: the stage's word, as in the URL and in QueueItem.stage.
        decisions: every decision a person may take, with the reason codes it may carry.
        check_scope: raises NotFoundError where the person may not see the region.
        subject: what the page needs to show one item.
        on_decided: runs in the transaction of the decision; a DomainError rolls everything back.
        on_undone: the same for an undo.
        people: who may be given work in a region.
        admins_settle: an admin may answer here although they answered a twin, as when two answers disagree.
    """

    name: str
    decisions: Mapping[str, Collection[str]]
    check_scope: Callable[[User, int], None]
    subject: Callable[[QueueItem], dict[str, Any]]
    on_decided: Callable[[QueueItem, Verdict], None]
    on_undone: Callable[[QueueItem, Verdict], None]
    people: Callable[[int], QuerySet[User]]
    admins_settle: bool = False

    def settles(self, user: User) -> bool:
        """Whether the person may answer without being independent of the answers before."""
        return self.admins_settle and user.is_admin


def get_stage(name: str) -> ReviewStage:
    """The registered stage, or NotFoundError."""
    path = settings.REVIEW_STAGES.get(name)
    if path is None:
        raise NotFoundError(f"there is no review stage {name!r}; known: {', '.join(sorted(settings.REVIEW_STAGES))}")
    stage: ReviewStage = import_string(path)
    return stage
