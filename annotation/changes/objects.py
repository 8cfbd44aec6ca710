"""What is known of a building over all maps, images and answers: questions about "the same building" are asked here.

A building is a `MapObject`: its footprints are its states in the snapshots, its changes what was suggested about it,
its edits what left for OSM.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.gis.geos import GEOSGeometry
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, When
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, Now

from annotation.changes.models import Change, ChangeKind
from annotation.common.shapes import FromHex, sharing
from annotation.consistency.models import Scan
from annotation.review.models import ItemState, Verdict, VerdictEvent
from annotation.sources.models import Footprint, MapSnapshot

PART = Q(kind=ChangeKind.MODIFY, evidence__has_key="more_m2")
"""Changes that add a part to a building."""
SEPARATE = "separate_building"
"""The reason by which a person says that a part is a building of its own; the library's word as well."""
SAME_PLACE = 1e-7
"""Degrees, a centimetre: corners nearer than this are where they were."""
SAME_SHARE = 0.5
"""Of the smaller one: two new buildings that share more are the same one."""
NEAR = """SELECT near.id FROM unnest(%s::text[]) AS box (wkb)
JOIN changes_change AS near ON near.geometry && box.wkb::geometry"""
SHARED_LEAST = 0.2
"""Of the smaller one: two outlines that share more are of one building, those that share less have a wall in common."""


def _laid_over(key: str) -> KeyTextTransform:
    """Of the state of a newer map that an edit was laid over, as text; NULL where it was not."""
    return KeyTextTransform(key, KeyTransform("state", "edit_items__rebased"))


BASE_SHAPE = Coalesce(FromHex(_laid_over("geometry")), F("footprint__geometry"))
"""The shape that a change's edit was made for, or laid over since."""
BASE_DATED = Case(
    When(edit_items__rebased__isnull=True, then=F("footprint__version")),
    default=Cast(_laid_over("version"), IntegerField()),
)
"""The version that the map gave of it; NULL where it gave none."""


@dataclass(frozen=True)
class Base:
    """The state of a building that an edit was made for."""

    object_id: int
    version: int | None
    geometry: GEOSGeometry


def states_in(snapshot: MapSnapshot, object_ids: Collection[int]) -> dict[int, Footprint]:
    """The buildings as this map has them; those that it lacks are missing."""
    rows = Footprint.objects.filter(snapshot=snapshot, object__in=object_ids)
    return {row.object_id: row for row in rows}


def edited_since(base: Base, state: Footprint | None) -> bool:
    """Whether somebody changed the building, or took it away, after the base: by versions, else by its shape."""
    if state is None:
        return True
    if base.version is not None and state.version is not None:
        return state.version > base.version
    return not state.geometry.equals_exact(base.geometry, SAME_PLACE)


def answered_on_image(scan: Scan, *, itself: bool = False) -> QuerySet[Change]:
    """Suggestions of other scans on the same image that somebody answered, be it first of two, or looks at right now.

    Args:
        itself: those of this scan as well.
    """
    on_image = Change.objects.filter(scan__region=scan.region_id, scan__imagery__sha256=scan.imagery.sha256)
    others = ~Q(scan=scan) & ~Q(item__state=ItemState.WITHDRAWN)
    held = Q(item__state=ItemState.OPEN, item__lease_expires_at__gt=Now())
    first = Q(item__state=ItemState.OPEN, item__not_for__isnull=False)
    own = Q(scan=scan) & (Q(item__state=ItemState.DECIDED) | first | held)
    return on_image.filter(others | own if itself else others)


def said_to_be_apart() -> Q:
    """Parts of buildings of which somebody said that they are buildings of their own."""
    said = Verdict.objects.filter(
        item=OuterRef("item"), item_version=OuterRef("item__version"), event=VerdictEvent.DECIDE, reason=SEPARATE
    )
    return PART & Q(Exists(said))


def new_on_their_way(scan: Scan) -> QuerySet[Change]:
    """New buildings in a changeset that no map imported since has had."""
    return _in_changesets(scan).filter(object__isnull=True).exclude(Exists(_arrived()))


def exported_and_not_in_the_map(scan: Scan, among: Collection[int] | None = None) -> set[int]:
    """Buildings with an edit that the scanned map does not have yet; once it has it, they may be suggested again.

    Args:
        among: the buildings that are asked for; None: all.
    """
    of = {"object__isnull": False} if among is None else {"object__in": among}
    rows = _in_changesets(scan).filter(**of).annotate(base=F("edit_items__base_version"), base_shape=BASE_SHAPE)
    bases = [
        Base(change.object_id, change.base, change.base_shape)  # type: ignore[arg-type]
        for change in rows
    ]
    bases += _taken_in_by(_in_changesets(scan), among)
    states = states_in(scan.snapshot, {base.object_id for base in bases})
    return {base.object_id for base in bases if not edited_since(base, states.get(base.object_id))}


def _taken_in_by(changes: QuerySet[Change], among: Collection[int] | None) -> list[Base]:
    """Buildings that these make one with another, as they were when they were taken in."""
    of = {"merged__isnull": False} if among is None else {"merged__object__in": among}
    taken = Footprint.objects.filter(pk__in=changes.filter(**of).values("merged"))
    return [Base(one.object_id, one.version, one.geometry) for one in taken]


def parts_on_their_way(scan: Scan) -> QuerySet[Change]:
    """Parts of buildings in a changeset, whether the map has the edit or not."""
    return _in_changesets(scan).filter(PART)


def drawn_near(boxes: Sequence[str]) -> Q:
    """Changes whose shape may meet one of these boxes, given as the database writes shapes: one probe for each."""
    return Q(pk__in=RawSQL(NEAR, [list(boxes)]))  # noqa: S611


def edits_of_the_same_state(of: str = "footprint") -> QuerySet[Change]:
    """Of an outer change: others of its building in a changeset, made for the state that it is about or a later one.

    Args:
        of: which building: its own `footprint`, or the one that becomes one with it, `merged`.
    """
    building = OuterRef("object" if of == "footprint" else f"{of}__object")
    undated = Q(base_dated__isnull=True, base_shape__equals=OuterRef(f"{of}__geometry"))
    later = Q(edit_items__base_version__gte=OuterRef(f"{of}__version"))
    others = Change.objects.filter(object=building, edit_items__isnull=False).exclude(pk=OuterRef("pk"))
    others = others.annotate(base_shape=BASE_SHAPE, base_dated=BASE_DATED)
    return others.filter(Q(scan__snapshot=OuterRef("scan__snapshot")) | later | undated)


def taken_in() -> QuerySet[Change]:
    """Of an outer change: others in a changeset that make its building, as it is there or later, one with another."""
    undated = Q(merged__version__isnull=True, merged__geometry__equals=OuterRef("footprint__geometry"))
    later = Q(merged__version__gte=OuterRef("footprint__version"))
    others = Change.objects.filter(merged__object=OuterRef("object"), edit_items__isnull=False)
    return others.filter(Q(scan__snapshot=OuterRef("scan__snapshot")) | later | undated)


def the_same_new_building() -> QuerySet[Change]:
    """Of an outer change: others in a changeset that add it, and that no map since has had."""
    others = Change.objects.filter(
        scan__region=OuterRef("scan__region"), edit_items__isnull=False, kind=ChangeKind.ADD
    ).exclude(pk=OuterRef("pk"))
    return sharing(others, "geometry", OuterRef("geometry"), SAME_SHARE).exclude(Exists(_arrived()))


def _in_changesets(scan: Scan) -> QuerySet[Change]:
    return Change.objects.filter(scan__region=scan.region_id, edit_items__isnull=False).exclude(scan=scan)


def _arrived() -> QuerySet[Footprint]:
    """Of an outer change in a changeset: buildings in its place on maps that came in after the changeset was made."""
    since = Footprint.objects.filter(
        snapshot__region=OuterRef("scan__region"),
        snapshot__created_at__gt=OuterRef("edit_items__changeset__created_at"),
    )
    return sharing(since, "geometry", OuterRef("geometry"), SHARED_LEAST)


def unchanged_since(changes: Iterable[Change], snapshot: MapSnapshot) -> list[Change]:
    """Of changes with their footprints: those whose building this map has in the shape that was answered about."""
    changes = list(changes)
    states = states_in(snapshot, {change.object_id for change in changes if change.object_id is not None})
    return [change for change in changes if _as_it_was(change, states)]


def _as_it_was(change: Change, states: Mapping[int, Footprint]) -> bool:
    if change.footprint is None:
        return True
    state = states.get(change.object_id or 0)
    return state is not None and bool(state.geometry.equals(change.footprint.geometry))
