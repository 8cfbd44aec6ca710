"""Three states of a building side by side: what an edit was made for, what the map has by now, and the edit itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.contrib.gis.geos import GEOSGeometry

from annotation.changes.models import Change, ChangeKind
from annotation.changes.nearby import overlaps_anew
from annotation.changes.objects import SAME_PLACE, states_in
from annotation.changes.standing import said_already
from annotation.changes.tagging import checked_tags, tagged
from annotation.common.errors import InvalidError
from annotation.edits import selectors
from annotation.edits.engine import (
    OsmApi,
    accepted_change,
    final_geometry,
    relation_on_server,
    state_on_server,
    tags_after,
)
from annotation.edits.errors import NotRebasedError
from annotation.edits.models import EditItem
from annotation.edits.osmchange.compile import compile_change, demolished
from annotation.edits.osmchange.elements import NewIds, RefusedError
from annotation.edits.services.uploads.accounts import server_in_use
from annotation.edits.states import OURS, SIDES, THEIRS, State, base_state, of_footprint, to_json
from annotation.sources.models import Footprint, MapSnapshot
from annotation.sources.selectors import newest_snapshot

DROP = "drop this edit"
WAITS = {
    "newer_neighbour": f"its file was written for its neighbours as they were: {DROP}, and put its change into a "
    "changeset again",
    "joined_since": f"wait until the other changeset is in the map and imported, or {DROP}",
}
"""Where the building is as it was, and laying the edit over it would mend nothing."""


@dataclass(frozen=True)
class Seen:
    """What the map's server shows of a building; None where it is gone."""

    state: State | None


@dataclass(frozen=True)
class Part:
    """A part of an edit that its own state or theirs may win.

    Attributes:
        choices: of `SIDES`, those that are possible.
        suggested: what keeps most of what both did; empty where both changed it and a person has to choose.
        why_not: why ours is impossible; empty where it is possible, or where there is nothing of it.
    """

    choices: tuple[str, ...]
    suggested: str
    why_not: str = ""


@dataclass(frozen=True)
class TagRow:
    """One key that the three do not agree about; None where one lacks it, `both` where two changed it differently."""

    key: str
    base: str | None
    theirs: str | None
    ours: str | None
    both: bool


@dataclass(frozen=True)
class ThreeWay:
    """What stands against an edit, and what may become of it.

    Attributes:
        base: None of a new building.
        theirs: None where the building is gone.
        ours: the shape afterwards; None where the building goes.
        shape, tags: None where the edit has no such part.
        why_not: why it can't be laid over theirs at all; empty where it can.
    """

    change: int
    action: str
    code: str
    detail: str
    base: State | None
    theirs: State | None
    ours: GEOSGeometry | None
    rows: list[TagRow]
    shape: Part | None = None
    tags: Part | None = None
    why_not: str = ""


def three_way(item: EditItem, there: Seen | None = None) -> ThreeWay | None:
    """An edit, saved or not, beside what the map has by now; None where nothing there speaks against it.

    Args:
        there: what the map's server shows; None: ask the newest map of its region.
    """
    newest = newest_snapshot(item.change.scan.region)
    if there is not None:
        conflict = selectors.conflict_with(item, there.state)
        return _side_by_side(item, there.state, newest, conflict) if conflict is not None else None
    conflict = selectors.conflict_of(item, newest) if newest is not None else None
    if newest is None or conflict is None:
        return None
    footprint = _theirs(item, newest)
    return _side_by_side(item, of_footprint(footprint) if footprint is not None else None, newest, conflict)


def on_server(item: EditItem, api: OsmApi | None = None) -> Seen:
    """What the map's server shows of the edit's building.

    Args:
        api: how to ask it; None: the server in use, with the patience of a person who asked for it.

    Raises:
        UploadOffError, ServerAddressError: no server is named here.
        ServerError: it gives no usable answer.
        NotRebasedError: it is no building of OSM, or is drawn there so that it crosses itself or encloses nothing.
    """
    base = base_state(item)
    if base is None or base.osm_id is None or base.osm_type not in {"way", "relation"}:
        raise NotRebasedError(
            "the map's server knows buildings by their OSM id alone, and this one has none: import a newer map instead"
        )
    api = api or OsmApi(server_in_use())
    if base.osm_type == "way":
        elements = api.way(base.osm_id)
        state = state_on_server(elements, base)
    else:
        elements = api.relation(base.osm_id)
        state = relation_on_server(elements, base)
    if elements and state is None:
        raise NotRebasedError(
            f"{base.key} is no closed outline on the map's server any more, or crosses itself there: mend it there "
            f"first, or {DROP}"
        )
    return Seen(state)


def of_change(change: Change, there: Seen | None = None) -> ThreeWay | None:
    """The same of a suggestion that is in no changeset, as if it were accepted as it is."""
    return three_way(as_edit(change), there)


def as_edit(change: Change) -> EditItem:
    """A suggestion as the edit that it would be; not saved."""
    version = change.footprint.version if change.footprint else None
    return EditItem(change=change, object_id=change.object_id, base_version=version)


def laid_over(item: EditItem, state: State, shape: str, tags: str) -> EditItem:
    """The edit on this state, not saved: what earlier files said of it is no more."""
    kept = {"state": to_json(state), "shape": shape, "tags": tags}
    return EditItem(
        pk=item.pk, changeset_id=item.changeset_id, change=item.change, object_id=item.object_id,
        base_version=state.version, demolish=item.demolish, rebased=kept,
    )  # fmt: skip


def why_refused(item: EditItem) -> str:
    """Why osmChange can't say the edit; empty where it can, or needs a version alone."""
    try:
        compile_change(accepted_change(item), NewIds())
    except RefusedError as error:
        return "" if error.missing else error.reason
    return ""


def _theirs(item: EditItem, newest: MapSnapshot) -> Footprint | None:
    if item.object_id is None:
        return selectors.mapped_by_now(item.change, newest)
    return states_in(newest, [item.object_id]).get(item.object_id)


def _side_by_side(
    item: EditItem, theirs: State | None, newest: MapSnapshot | None, conflict: selectors.Conflict
) -> ThreeWay:
    base = base_state(item)
    stays = item.change.kind != ChangeKind.REMOVE or item.change.confirmed_on is not None
    told = ThreeWay(
        item.change_id, _action(item), conflict.code, conflict.detail, base, theirs,
        final_geometry(item) if stays else None, _rows(base, theirs, _tags_of(item, base)),
    )  # fmt: skip
    why_not = WAITS.get(conflict.code, "") or _why_not(item, base, theirs)
    if why_not or base is None or theirs is None:
        return replace(told, why_not=why_not)
    if _action(item) in {"remove", "demolish", "confirm"}:
        return replace(told, why_not=why_refused(laid_over(item, theirs, OURS, OURS)))
    shape, tags = _shape_part(item, base, theirs, newest), _tags_part(item, base, theirs)
    if not any(OURS in part.choices for part in (shape, tags) if part is not None):
        why_not = f"{shape.why_not or 'nothing of it can be kept'}: {DROP}, or draw it anew"
    return replace(told, shape=shape, tags=tags, why_not=why_not)


def _action(item: EditItem) -> str:
    if item.change.confirmed_on is not None:
        return "confirm"
    return "demolish" if item.demolish else item.change.kind


def _tags_of(item: EditItem, base: State | None) -> Mapping[str, str]:
    if _action(item) == "demolish" and base is not None:
        return demolished(base.tags)
    return {} if _action(item) == "remove" else tags_after(item)


def _why_not(item: EditItem, base: State | None, theirs: State | None) -> str:
    if theirs is None:
        return f"the building is gone from the map: {DROP}"
    if item.change.cut is not None or item.change.merged is not None:
        return f"it splits a building or makes two one, which was drawn for the map as it was: {DROP}, and answer anew"
    if base is None:
        return f"the map has this building by now, {theirs.key}: {DROP}, a new scan says what is still wrong with it"
    if theirs.osm_id is None:
        return f"the newest map gives no OSM ids: {DROP}, or import an .osm or .osm.pbf extract"
    if _arrived(item, theirs):
        return f"the map says by now what this edit would: {DROP}"
    on = item.change.confirmed_on
    said = said_already(theirs.edited_at, theirs.tags, on) if on is not None else ""
    return f"{said}: {DROP}" if said else ""


def _arrived(item: EditItem, theirs: State) -> bool:
    """Whether the map has this very edit, as where its file was uploaded elsewhere."""
    if item.change.kind == ChangeKind.REMOVE or item.change.confirmed_on is not None:
        return False
    ours, set_on_it = final_geometry(item), tagged(theirs.tags, item.change.tags_set)
    apart = ours.sym_difference(theirs.geometry).area
    return apart <= SAME_PLACE * ours.length and set_on_it == dict(theirs.tags)


def _shape_part(item: EditItem, base: State, theirs: State, newest: MapSnapshot | None) -> Part:
    moved = not theirs.geometry.equals_exact(base.geometry, SAME_PLACE)
    mine = laid_over(item, theirs, OURS, THEIRS)
    why_not = why_refused(mine)
    over = [] if why_not or newest is None else overlaps_anew(item.change, final_geometry(mine), newest.pk)
    if over:
        why_not = f"our shape lies {over[0].square_m:.1f} m² over {over[0].key} in the newest map"
    choices = (THEIRS,) if why_not else SIDES
    return Part(choices, THEIRS if why_not else "" if moved else OURS, why_not)


def _tags_part(item: EditItem, base: State, theirs: State) -> Part | None:
    """Of an edit that sets tags; ours are set over theirs, key by key."""
    ours = item.change.tags_set
    if not ours:
        return None
    try:
        checked_tags({key: value for key, value in ours.items() if value or key in theirs.tags}, theirs.tags)
    except InvalidError as error:
        return Part((THEIRS,), THEIRS, error.detail)
    both = any(_both(base.tags.get(key), theirs.tags.get(key), value or None) for key, value in ours.items())
    return Part(SIDES, "" if both else OURS)


def _rows(base: State | None, theirs: State | None, ours: Mapping[str, str]) -> list[TagRow]:
    before, there = base.tags if base else {}, theirs.tags if theirs else {}
    keys = sorted({*before, *there, *ours})
    rows = [(key, before.get(key), there.get(key), ours.get(key)) for key in keys]
    return [TagRow(*row, _both(*row[1:])) for row in rows if len(set(row[1:])) > 1]


def _both(base: str | None, theirs: str | None, ours: str | None) -> bool:
    return base not in {theirs, ours} and theirs != ours
