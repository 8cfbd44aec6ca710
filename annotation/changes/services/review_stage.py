"""The changes stage's side of the queue: decisions, reasons, and what a decision does to the change."""

from typing import Any

from annotation.changes.errors import ExportedError, NewerMapError
from annotation.changes.lots import FittingChanges
from annotation.changes.models import Change, ChangeDecision
from annotation.changes.selectors import pages_of_items, said_by_newer_map, subject_of_item
from annotation.changes.services.adjust import adjusted_geometry
from annotation.changes.services.confirm import confirm
from annotation.changes.services.listeners import tell
from annotation.changes.services.part import cut_of, neighbour_of, put_back, set_aside, shape_of_both
from annotation.changes.services.second_person import asks_a_second, asks_for_two
from annotation.changes.services.set_tags import tags_of
from annotation.common.errors import InvalidError
from annotation.review.models import ItemState, QueueItem, Verdict
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
    ChangeDecision.STILL_STANDS.value: (),
}

CARRIED = {"geometry", "layers", "tags", "cut", "merge"}
KNOWN = CARRIED | {"seen_map"}


def on_decided(item: QueueItem, verdict: Verdict) -> None:
    """Keep what an answer carries; ask a second person about a removal, or tell who listens."""
    _keep(item, verdict)
    if verdict.decision == ChangeDecision.ACCEPT and asks_a_second(item):
        ask_another(item, verdict.reviewer)
    else:
        tell(item, verdict)


def _keep(item: QueueItem, verdict: Verdict) -> None:
    """Keep shape, tags and other imagery of an accepted change, or the day on which its building was seen to stand.

    Raises:
        InvalidError: the answer can't carry them, or they are no shape or tags of a building.
        NotAllowedError: tags are set by editors.
        NewerMapError: it is accepted over a newer state of the building that the person was not shown.
    """
    unknown = set(verdict.payload) - KNOWN
    if unknown:
        raise InvalidError(
            f"unknown keys in the payload: {', '.join(sorted(unknown))}; known are {', '.join(sorted(KNOWN))}"
        )
    if verdict.decision == ChangeDecision.ACCEPT and "seen_map" in verdict.payload:
        _check_map_seen(item, verdict.payload["seen_map"])
    if verdict.decision == ChangeDecision.STILL_STANDS:
        confirm(item)
    if not any(verdict.payload.get(name) is not None for name in CARRIED):
        return
    if verdict.decision != ChangeDecision.ACCEPT:
        raise InvalidError("only an accepted change can carry an adjusted geometry, a cut, a merge, tags or layers")
    change = Change.objects.select_related("pair__tile", "scan", "footprint").get(item=item)
    wanted, layers = verdict.payload.get("tags"), verdict.payload.get("layers")
    _keep_shape(change, verdict)
    if wanted is not None:
        change.tags_set = tags_of(change, verdict.reviewer, wanted)
    if layers is not None:
        change.looked_at = list(dict.fromkeys([*change.looked_at, *titles_for_edits(item.scope_id, layers)]))
    change.save(update_fields=["adjusted", "tags_set", "looked_at", "cut", "merged", "set_aside"])


def _keep_shape(change: Change, verdict: Verdict) -> None:
    """The shape as drawn, cut in two, or made one with the building beside it.

    Raises:
        BuildingTakenError: somebody else is about to edit that building.
    """
    drawn, cut, key = (verdict.payload.get(name) for name in ("geometry", "cut", "merge"))
    if cut is not None and key is not None:
        raise InvalidError("one answer cuts a building in two or makes two one, not both")
    other = neighbour_of(change, key) if key is not None else None
    if drawn is not None:
        change.adjusted = adjusted_geometry(change, drawn, other)
    shape = change.adjusted or change.geometry
    if cut is not None:
        change.cut = cut_of(change, shape, cut)
    if other is not None:
        change.merged, change.adjusted = other, shape_of_both(shape, other)
        change.set_aside = set_aside(change, verdict.reviewer, other)


def _check_map_seen(item: QueueItem, seen: Any) -> None:
    """Refuse to accept over a newer state of the building that the person has not been shown.

    Args:
        seen: the newer map that they were told of; None: none.
    """
    change = Change.objects.select_related("scan", "footprint").get(item=item)
    said = said_by_newer_map(change)
    if said is not None and said["snapshot"] != seen:
        what = "lacks this building" if said["state"] == "gone" else "has this building edited"
        raise NewerMapError(f"a map that came in since you opened it {what}: look at both, then answer again")


def on_undone(item: QueueItem, verdict: Verdict, was: str) -> None:
    """Forget what the answer carried: shape, cut, tags, imagery, the day it stood; refuse where a changeset holds it.

    A first answer of two was not told, and neither is that it was taken back.
    """
    change = Change.objects.get(item=item)
    exported = change.edit_items.first()
    if exported is not None:
        raise ExportedError(
            f"this change is in changeset {exported.changeset_id}: an editor drops its edit there, or takes the "
            "changeset apart, on the page of edits; then its answer can be taken back",
            changeset=exported.changeset_id,
        )
    put_back(change)
    change.adjusted, change.tags_set, change.confirmed_on, change.looked_at = None, {}, None, []
    change.cut, change.merged, change.set_aside = None, None, []
    carried = ["adjusted", "tags_set", "confirmed_on", "looked_at", "cut", "merged", "set_aside"]
    change.save(update_fields=carried)
    if item.not_for_id is not None and not asks_for_two(item.scope_id):
        item.not_for = None  # nobody is to come second any more
        item.save(update_fields=["not_for"])
    if was == ItemState.DECIDED:
        tell(item, verdict)


STAGE = ReviewStage(
    name="changes",
    decisions=REASONS,
    check_scope=check_scope,
    subject=subject_of_item,
    on_decided=on_decided,
    on_undone=on_undone,
    people=people_of,
    pages=pages_of_items,
    fitting=FittingChanges(),
)
