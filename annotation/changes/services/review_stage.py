"""The changes stage's side of the queue: decisions, reasons, and what a decision does to the change."""

from annotation.changes.errors import ExportedError
from annotation.changes.lots import FittingChanges
from annotation.changes.models import Change, ChangeDecision
from annotation.changes.selectors import subject_of_item
from annotation.changes.services.adjust import adjusted_geometry
from annotation.changes.services.second_person import asks_a_second
from annotation.common.errors import InvalidError
from annotation.review.models import QueueItem, Verdict
from annotation.review.services.second import ask_another
from annotation.review.stages import ReviewStage
from annotation.sources.selectors import check_scope, people_of, titles_for_edits

REASONS = {
    ChangeDecision.ACCEPT.value: ("as_proposed", "adjusted"),
    ChangeDecision.REJECT.value: (
        "not_a_building",
        "already_mapped",
        "still_there",
        "shape_is_fine",
        "wrong_shape",
        "separate_building",
        "temporary",
        "under_construction",
        "other",
    ),
    ChangeDecision.CANT_TELL.value: ("hidden", "blurred", "ambiguous"),
    ChangeDecision.IMAGE_OFFSET.value: (),
    ChangeDecision.BAD_IMAGERY.value: ("clouds", "shadow", "blurred", "no_data"),
    ChangeDecision.TOO_OLD.value: (),
}


def on_decided(item: QueueItem, verdict: Verdict) -> None:
    """Keep the shape of an accepted change and the imagery it was seen on; ask a second person about a removal."""
    unknown = set(verdict.payload) - {"geometry", "layers"}
    if unknown:
        raise InvalidError(f"unknown keys in the payload: {', '.join(sorted(unknown))}; geometry and layers are known")
    drawn, layers = verdict.payload.get("geometry"), verdict.payload.get("layers")
    if verdict.decision == ChangeDecision.ACCEPT and asks_a_second(item):
        ask_another(item, verdict.reviewer)
    if drawn is None and layers is None:
        return
    if verdict.decision != ChangeDecision.ACCEPT:
        raise InvalidError("only an accepted change can carry an adjusted geometry, or the layers it was seen on")
    change = Change.objects.select_related("pair__tile", "scan", "footprint").get(item=item)
    if layers is not None:
        change.looked_at = list(dict.fromkeys([*change.looked_at, *titles_for_edits(item.scope_id, layers)]))
    if drawn is not None:
        change.adjusted = adjusted_geometry(change, drawn)
    change.save(update_fields=["adjusted", "looked_at"])


def on_undone(item: QueueItem, verdict: Verdict) -> None:
    """Forget the adjusted shape and what was looked at; refuse where the change is already in a changeset."""
    change = Change.objects.get(item=item)
    exported = change.edit_items.first()
    if exported is not None:
        raise ExportedError(
            f"this change is in changeset {exported.changeset_id}: an editor drops its edit there, or takes the "
            "changeset apart, on the page of edits; then its answer can be taken back",
            changeset=exported.changeset_id,
        )
    change.adjusted, change.looked_at = None, []
    change.save(update_fields=["adjusted", "looked_at"])


STAGE = ReviewStage(
    name="changes",
    decisions=REASONS,
    check_scope=check_scope,
    subject=subject_of_item,
    on_decided=on_decided,
    on_undone=on_undone,
    people=people_of,
    fitting=FittingChanges(),
)
