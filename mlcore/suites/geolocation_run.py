"""Every placer on the same queries of one suite, and what comes of it as one table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlcore.evaluation.geolocation.figures import (
    SCALES,
    TURNS_DEG,
    curve,
    figures,
    honesty,
    intervals,
    with_probabilities,
)
from mlcore.evaluation.geolocation.outcomes import Outcome, run_placer
from mlcore.evaluation.geolocation.placers import Placer
from mlcore.evaluation.geolocation.queries import Plan, digest
from mlcore.files import whole_file
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.suites.geolocation import Suite

COLUMNS = (
    "r1", "r5", "r10", "iou", "iou4", "reject_auroc", "brier", "calibrated_brier", "wrong_sure", "corner_m",
    "s_per_query", "queries", "foreign",
)  # fmt: skip
SAME_FLIGHT_ALONE = (
    "All queries show the very imagery of their base, turned, scaled, tilted, relit and blurred: no figure here speaks "
    "of another date or another sensor."
)


def run_placers(
    suite: Suite,
    placers: Sequence[Placer],
    out: Path,
    *,
    most: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> dict[str, list[Outcome]]:
    """Outcomes by placer; those that `out` keeps of the same queries and bases are not asked for again.

    Args:
        most: of a slow placer by name: so many queries of held-out places, and as many foreign ones.

    Raises:
        StoppedError: asked to stop; start it again to go on.
    """
    progress, found = progress or SilentProgress(), {}
    for number, placer in enumerate(placers):
        span = SpanProgress(progress, number / len(placers), (number + 1) / len(placers))
        plans, kept = plans_for(suite, (most or {}).get(placer.name)), out / f"outcomes-{placer.name}.json"
        found[placer.name] = run_placer(placer, plans, suite.sites, suite.reference, kept=kept, progress=span)
    return found


def plans_for(suite: Suite, most: int | None) -> list[Plan]:
    """All queries, or at most so many of held-out places and so many foreign ones."""
    return suite.plans if most is None else [*suite.held_out[:most], *suite.foreign[:most]]


def told(suite: Suite, outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, dict[str, Any]]:
    """Figures by placer: of held-out places and foreign queries, with 95 % intervals (`_low`, `_high`); `learnt`: of
    places that were learnt on; `same_flight`, `other_date`: apart, where there are both; `by_place`, and curves.

    `calibrated_...`: by probabilities that the score alone gives (`with_probabilities`).
    """
    learnt = {plan.name for plan in suite.learnt}
    table: dict[str, dict[str, Any]] = {}
    for name, every in outcomes.items():
        main = [one for one in every if one.query not in learnt]
        row: dict[str, Any] = dict(figures(main))
        for figure, span in intervals(main).items():
            row |= {f"{figure}_low": span.low, f"{figure}_high": span.high}
        row |= {f"calibrated_{key}": value for key, value in honesty(with_probabilities(main)).items()}
        if rest := [one for one in every if one.query in learnt]:
            row["learnt"] = figures(rest)
        kinds = {one.kind for one in main if one.relevant}
        if len(kinds) > 1 or "other_date" in kinds:
            row |= {kind: figures([one for one in main if one.kind == kind]) for kind in sorted(kinds)}
        places = dict.fromkeys(one.place for one in every if one.relevant)
        row["by_place"] = {place: figures([one for one in every if one.place == place]) for place in places}
        row["by_turn"], row["by_scale"] = curve(main, "turned_deg", TURNS_DEG), curve(main, "scale", SCALES)
        table[name] = row
    return table


def markdown(suite: Suite, table: Mapping[str, Mapping[str, Any]]) -> str:
    """The table as a page to read."""
    bases = suite.reference
    lines = [
        "# Where images lie", "",
        f"{len(bases)} bases; {len(suite.held_out)} queries of held-out places, {len(suite.learnt)} of places that "
        f"locators were taught on, {len(suite.foreign)} of no base. Protocol `{digest(suite.plans)[:16]}`.", "",
    ]  # fmt: skip
    if all(plan.kind != "other_date" for plan in suite.plans):
        lines += [SAME_FLIGHT_ALONE, ""]
    lines += ["| placer | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in table.items():
        lines.append(f"| {name} | " + " | ".join(_cell(row.get(column)) for column in COLUMNS) + " |")
    lines += ["", "| placer | place | r1 | iou | queries |", "|---|---|---|---|---|"]
    for name, row in table.items():
        for place, part in row["by_place"].items():
            cells = " | ".join(_cell(part.get(key)) for key in ("r1", "iou", "queries"))
            lines.append(f"| {name} | {place} | {cells} |")
    return "\n".join(lines) + "\n"


def write_tables(suite: Suite, table: Mapping[str, Mapping[str, Any]], out: Path) -> None:
    """geolocation.json and geolocation.md."""
    out.mkdir(parents=True, exist_ok=True)
    with whole_file(out / "geolocation.json") as scratch:
        scratch.write_text(json.dumps(table, indent=1), encoding="utf-8")
    with whole_file(out / "geolocation.md") as scratch:
        scratch.write_text(markdown(suite, table), encoding="utf-8")


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
