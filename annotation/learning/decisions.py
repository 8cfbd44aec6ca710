"""What people decided, as a data set freezes it.

Training stands below the stages whose suggestions people decide about. These stages name a provider in
`settings.LEARNING_DECISIONS`, as queues are named in `settings.REVIEW_STAGES`; nothing here imports them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from annotation.sources.models import Imagery, MapSnapshot

WORDS = ("accepted", "adjusted", "rejected")
KINDS = ("add", "remove", "modify", "shifted")


@dataclass(frozen=True)
class FrozenDecision:
    """One verdict in force on one candidate; shapes are WKB in hexadecimal, in degrees.

    Attributes:
        verdict: id of the event that is in force.
        decision: accepted, adjusted or rejected.
        tile: z, x, y of the candidate's tile.
        proposed: the suggested shape; of a removal, the shape in the map.
        final: the shape that a person accepted or drew; None for a removal and for what was rejected.
        footprint: the shape in the map; None for a new building.
    """

    verdict: int
    kind: str
    decision: str
    reason: str
    tile: tuple[int, int, int]
    proposed: str
    final: str | None = None
    footprint: str | None = None
    osm_type: str | None = None
    osm_id: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a data set keeps them."""
        return {**asdict(self), "tile": list(self.tile)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FrozenDecision:
        """What `to_dict` gave."""
        return cls(**{**values, "tile": tuple(values["tile"])})

    @property
    def content(self) -> list[Any]:
        """What the digest of a data set covers: everything but which event said it."""
        said = {name: value for name, value in self.to_dict().items() if name != "verdict"}
        return [said[name] for name in sorted(said)]


@dataclass(frozen=True)
class Answers:
    """What people said of the suggestions on one image.

    Attributes:
        decisions: oldest first.
        left_out: how many verdicts teach nothing, by why: "no_answer" (can't tell, bad imagery and the like),
            "map_changed" (the building was edited in the map since).
    """

    decisions: list[FrozenDecision] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)


Provider = Callable[[Imagery, MapSnapshot], Answers]


def people_said(imagery: Imagery, snapshot: MapSnapshot) -> Answers:
    """The answers of every stage that is named in `settings.LEARNING_DECISIONS`."""
    decisions: list[FrozenDecision] = []
    left_out: Counter[str] = Counter()
    for path in settings.LEARNING_DECISIONS.values():
        provider: Provider = import_string(path)
        answers = provider(imagery, snapshot)
        decisions += answers.decisions
        left_out.update(answers.left_out)
    return Answers(sorted(decisions, key=lambda one: one.verdict), dict(left_out))


def count_by_kind(decisions: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many frozen decisions there are of each word, by kind; kinds without any are left out."""
    counts: dict[str, dict[str, int]] = {}
    for one in decisions:
        of_kind = counts.setdefault(one["kind"], dict.fromkeys(WORDS, 0))
        of_kind[one["decision"]] += 1
    return {kind: counts[kind] for kind in KINDS if kind in counts}
