"""What a stage tells the queue about itself; `settings.REVIEW_STAGES` names one ReviewStage per stage."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.review.models import QueueItem, Verdict


class Fitting(Protocol):
    """A stage's answer to who wants only some of its items; `wanted` is what the stage's own lists are asked for."""

    def ids(
        self, user: User, scope_id: int, wanted: Mapping[str, Any], *, skip: Collection[int],
        among: Sequence[int] | None,
    ) -> Sequence[int]:  # fmt: skip
        """Open items that fit and that this person may have, in the order wanted; some of them, where there are many.

        Args:
            skip: items left out.
            among: only these, in this order; None: any.

        Raises:
            ValidationError: `wanted` says what can't be meant.
        """
        ...

    def counts(self, user: User, scope_id: int, wanted: Mapping[str, Any]) -> tuple[int, int, int]:
        """Open items that fit; of them, those that others look at, and those that are for others alone."""
        ...


@dataclass(frozen=True)
class ReviewStage:
    """One stage's side of the queue.

    Attributes:
        name: the stage's word, as in the URL and in QueueItem.stage.
        decisions: every decision a person may take, with the reason codes it may carry.
        check_scope: raises NotFoundError where the person may not see the region.
        subject: what the page needs to show one item.
        on_decided: runs in the transaction of the decision; a DomainError rolls everything back.
        on_undone: the same for an undo; told the state that the item was in: open where a second person was asked.
        people: who may be given work in a region.
        admins_settle: an admin may answer here although they answered a twin, as when two answers disagree.
        pages: addresses of the pages on which items are looked at outside the queue, by item; none of what is gone.
        report: the name of the address of a batch's report; empty where the stage has none.
        fitting: finds the items that somebody wants who does not want any; None where the stage tells none apart.
    """

    name: str
    decisions: Mapping[str, Collection[str]]
    check_scope: Callable[[User, int], None]
    subject: Callable[[QueueItem], dict[str, Any]]
    on_decided: Callable[[QueueItem, Verdict], None]
    on_undone: Callable[[QueueItem, Verdict, str], None]
    people: Callable[[int], QuerySet[User]]
    pages: Callable[[Collection[int]], Mapping[int, str]]
    report: str = ""
    admins_settle: bool = False
    fitting: Fitting | None = None

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
