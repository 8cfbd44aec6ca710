"""Which suggestions need nobody's answer: they were answered on this image, or are on their way into the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db.models import Q

from annotation.changes import engine, objects
from annotation.changes.models import ChangeKind
from annotation.changes.services.store import Prepared
from annotation.consistency.models import Scan
from annotation.sources.models import Footprint

NEW = Q(kind=ChangeKind.ADD) | objects.PART


class Known:
    """What people said before of what a scan may suggest; as much is held as people answered.

    Args:
        itself: also what they said of, or look at among, the scan's own suggestions.
        about: the suggestions that will be asked about, so that no more is read than what may be the same as one of
            them; None: any.
    """

    def __init__(self, scan: Scan, *, itself: bool = False, about: Sequence[Prepared] | None = None) -> None:
        answered = objects.answered_on_image(scan, itself=itself)
        new, parts = objects.new_on_their_way(scan), objects.parts_on_their_way(scan)
        named: set[int] | None = None
        if about is not None:
            near = objects.drawn_near(engine.boxes_of([one.candidate for one in about]))
            named = {one.object_id for one in about if one.object_id is not None}
            marks = [one.mark for one in about]
            of_building = Q(object__in=named) | Q(merged__in=Footprint.objects.filter(object__in=named))
            answered = answered.filter(near | Q(fingerprint__in=marks) | of_building)
            new, parts = new.filter(near), parts.filter(near)
        apart = objects.said_to_be_apart()
        known = answered.exclude(apart)
        self.marks = set(known.values_list("fingerprint", flat=True))
        about_objects = known.exclude(NEW).values_list("object_id", "kind")
        self.objects = {(number, kind == ChangeKind.REMOVE) for number, kind in about_objects}
        self.taken_in = set(known.exclude(merged=None).values_list("merged__object", flat=True))
        held = list(parts.select_related("footprint"))
        named = None if named is None else named | {part.object_id for part in held if part.object_id is not None}
        self.waiting = objects.exported_and_not_in_the_map(scan, named)
        self.apart = engine.Drawn(answered.filter(apart).select_related("footprint"))
        drawn = [*known.filter(NEW).select_related("footprint"), *new.select_related("footprint")]
        drawn += [part for part in held if part.object_id in self.waiting]
        self.drawn = engine.Drawn({change.pk: change for change in drawn}.values())

    def unanswered(self, missing: Sequence[Prepared]) -> list[Prepared]:
        """Those that a person has still to answer."""
        told = [self._told_apart(one) for one in missing]
        return [
            one
            for one in told
            if not (one.mark in self.marks and _lasting(one))
            and not self._about_the_same(one)
            and one.object_id not in self.waiting
            and one.object_id not in self.taken_in
            and not self.drawn.has(engine.newly_drawn(one.candidate))
        ]

    def _about_the_same(self, one: Prepared) -> bool:
        """Whether the building's removal, or its reshaping, was answered under another name that it had."""
        drawn = engine.newly_drawn(one.candidate) is not None
        return not drawn and (one.object_id, one.candidate.kind == ChangeKind.REMOVE) in self.objects

    def _told_apart(self, one: Prepared) -> Prepared:
        """A part of a building of which people said that it is a building of its own, as such."""
        if not self.apart.has(one.candidate.part):
            return one
        return replace(one, candidate=engine.as_new(one.candidate), object_id=None, footprint_id=None)


def _lasting(one: Prepared) -> bool:
    """Whether the mark means the same in every map: a negative id is another building in another session of JOSM."""
    return one.candidate.osm_id is None or one.candidate.osm_id > 0 or engine.newly_drawn(one.candidate) is not None
