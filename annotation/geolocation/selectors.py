"""Reads of reference imagery and its feature databases; what a person may not see is missing to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.common.models import Job
from annotation.geolocation.models import FeatureDatabase, ReferenceBase, ReferenceFile, ReferenceSet

PREPARE, BUILD = "geolocation.prepare", "geolocation.build_features"
ONE_BUILD = "features"
"""Jobs that build features have this key: one at a time."""


def reference_sets(user: User) -> QuerySet[ReferenceSet]:
    """Sets that the person may see, newest first, with what a list shows of them."""
    rows = ReferenceSet.objects.visible_to(user).select_related("region", "job__created_by")
    return rows.prefetch_related("viewers").order_by("-pk")


def get_set(user: User, set_id: int) -> ReferenceSet:
    """The set, or NotFoundError where it is missing or not this person's to see."""
    row = reference_sets(user).filter(pk=set_id).first()
    if row is None:
        raise NotFoundError(f"no reference set {set_id}, or none you may see")
    return row


def bases_of(of_set: ReferenceSet, state: str = "") -> QuerySet[ReferenceBase]:
    """Bases of a set, of one state or any, newest first: a walk along one index."""
    rows = ReferenceBase.objects.filter(set=of_set, **({"state": state} if state else {}))
    return rows.select_related("imagery", "file").order_by("-pk")


def state_counts(sets: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many bases of each state sets have, by set: counted along an index."""
    rows = ReferenceBase.objects.filter(set__in=list(sets)).order_by()
    counted: dict[int, dict[str, int]] = {}
    for number, state, count in rows.values_list("set", "state").annotate(Count("pk")):
        counted.setdefault(number, {})[state] = count
    return counted


def files_of(sets: Iterable[int]) -> dict[int, list[ReferenceFile]]:
    """Files of sets, in the order in which they came, by set."""
    found: dict[int, list[ReferenceFile]] = {}
    for file in ReferenceFile.objects.filter(set__in=list(sets)).order_by("pk"):
        found.setdefault(file.set_id, []).append(file)
    return found


@dataclass(frozen=True)
class Databases:
    """What answers queries now, what is being built, and the job that builds, if one is at work or was the last."""

    serving: FeatureDatabase | None
    building: FeatureDatabase | None
    job: Job | None


def databases() -> Databases:
    """The state of the feature database."""
    rows = FeatureDatabase.objects.select_related("model")
    building = rows.filter(state="building").order_by("-pk").first()
    job = Job.objects.filter(kind=BUILD).select_related("created_by").order_by("-created_at").first()
    return Databases(rows.serving().first(), building, job)
