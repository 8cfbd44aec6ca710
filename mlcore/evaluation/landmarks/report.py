"""What was measured of landmarks, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLUMNS = ("r1", "r5", "r10", "r100", "map1k", "median_rank")
DISTANCES = ("within_1_km", "within_25_km", "within_200_km", "within_750_km", "within_2500_km", "median_km")


def markdown(told: Mapping[str, Any]) -> str:
    """Tables of whatever was measured."""
    lines: list[str] = []
    if "suite" in told:
        lines += _suite(told["suite"])
    if "published" in told:
        lines += ["## MMLandmarks", "", str(told["published"]["landmarks"]), ""]
        lines += _directions({"landmarks": told["published"]["directions"]})
        lines += [f"The paper: {name} {found['paper']}" for name, found in told["published"]["directions"].items()
                  if found.get("paper")]  # fmt: skip
    if "source" in told:
        lines += ["## Samples", "", *_directions(told["source"])]
    for name, one in told.get("ablations", {}).items():
        lines += [f"# {name.replace('_', ' ')}", "", *_suite(one, ("landmarks",))]
    for one in told.get("queries", ()):
        lines += _query(one)
    return "\n".join(lines) + "\n"


def _suite(told: Mapping[str, Any], methods: Sequence[str] | None = None) -> list[str]:
    land_use = {name: one for name, one in told["land_use"].items() if methods is None or name in methods}
    lines = ["## Held-out photos of land use", "", f"Never learnt: {', '.join(told['unseen_classes'])}.", ""]
    keys = [f"{what}_{which}" for what in ("text_to_class", "aerial_to_class") for which in ("seen", "unseen", "all")]
    rows = []
    for name, one in land_use.items():
        for key in keys:
            if found := one.get(key):
                rows.append([name, key, _share(found["share"], found["interval"]), _number(found["chance"]),
                             _number(found["queries"])])  # fmt: skip
    lines += _table(("method", "first is of the right class", "share", "chance", "queries"), rows)
    rows = [
        [name, key, *_cells(one[key])] for name, one in land_use.items() for key in one if key.startswith("aerial_same")
    ]
    lines += _table(("method", "an image finds its class", *COLUMNS), rows)
    lines += _directions({name: one["directions"] for name, one in land_use.items() if "directions" in one})
    if methods is None or "landmarks" in methods:
        rows = [
            [place, what.replace("_", " "), rule, _share(found["share"], found["interval"]), _number(found["queries"])]
            for place, one in told.get("absent", {}).items()
            for what, by_rule in one.items()
            for rule, found in by_rule.items()
        ]
        lines += _table(("words of what is there are kept, of what is not refused", "", "by", "share", "queries"), rows)
    for region, by_method in told["regions"].items():
        lines += [f"## Tiles of {region}", ""]
        for which in ("seen", "held_out"):
            some = {
                name: one[which] for name, one in by_method.items()
                if one.get(which) and (methods is None or name in methods)
            }  # fmt: skip
            if some:
                lines += [f"Asked from tiles that were {which.replace('_', ' ')}:", "", *_directions(some)]
    return lines


def _directions(by_method: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows, positions = [], []
    for method, directions in by_method.items():
        for name, found in directions.items():
            rows.append([method, name, *_cells(found), str(found["items"]), _number(found["chance"]["r1"]),
                         _number(found["chance"]["r10"]), _number(found.get("ratio_r10"))])  # fmt: skip
            if "within_1_km" in found["figures"]:
                positions.append([method, name, *(_number(found["figures"][key]) for key in DISTANCES)])
    head = ("method", "direction", *COLUMNS, "items", "chance r1", "chance r10", "r10 / chance")
    lines = _table(head, rows)
    return lines + (_table(("method", "direction", *DISTANCES), positions) if positions else [])


def _query(one: Mapping[str, Any]) -> list[str]:
    said = "" if one["meant"] else "  (under the floor: nothing found)"
    lines = [f"### {one['query']} — {one['where']}{said}", ""]
    lines += [f"{place}. {found['name']} {found['likeness']:.3f}" for place, found in enumerate(one["found"], start=1)]
    return [*lines, ""]


def _cells(found: Mapping[str, Any]) -> list[str]:
    return [_share(found["figures"].get(key), found["intervals"].get(key)) for key in COLUMNS]


def _share(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return ""
    return _number(value) + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value >= 100 or value == int(value) > 1 else f"{value:.3f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    made = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *made, ""] if made else []
