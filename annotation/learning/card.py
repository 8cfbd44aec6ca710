"""The card of a model, in Markdown: what it is, what it learnt from, how it was measured, and under which licences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from annotation.learning.kinds import ModelKind, kind_of
from annotation.learning.models import Evaluation, ModelVersion

WORDS = {
    "better": "better", "worse": "worse", "unclear": "no clear difference", "too_few": "too few to tell", "alone": "",
}  # fmt: skip


def model_card(version: ModelVersion, evaluation: Evaluation | None) -> str:
    """The card as Markdown; text that people typed can't form markup or break out of its line."""
    run, about, kind = version.run, version.about, kind_of(version.kind)
    parts = [
        f"# Model {version.pk} of {_plain(version.region.name) if version.region else 'all regions'}",
        kind.description,
        "## File",
        _table(
            [
                ("Name", _plain(version.name) or "none"),
                ("Notes", _plain(version.notes) or "none"),
                ("Format", "safetensors"),
                ("SHA-256", f"`{version.sha256}`"),
                ("Made", version.created_at.isoformat(timespec="seconds")),
                ("Kind", kind.title),
                ("Preset", f"`{_plain(run.preset)}`"),
                ("Seed", str(run.seed)),
                ("State", version.state),
            ]
        ),
        "## Learnt from",
        _table(_origin(about)),
        "## Measured",
        _comparison(evaluation, kind),
        "Figures of the training itself:",
        _table(((name, f"{value:.4g}") for name, value in sorted(version.metrics.items())), ("Figure", "Value")),
        *_besides(kind.told(about)),
        "## Settings",
        "```json\n" + json.dumps(run.config, indent=1, sort_keys=True) + "\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _origin(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("Data digest", f"`{_plain(about.get('data_digest', 'unknown'))}`"),
        ("Tiles", str(about.get("tiles", "unknown"))),
        ("People's decisions", _decisions(about.get("decisions", {}))),
    ]
    if "images" in about:
        rows[1:] = [("Images", f"{about['images']}, of {about.get('places', 0)} regions")]
    if "people" in about:
        rows.append(("Verified by", f"{about['people']} people, in {about.get('places', 0)} regions"))
    if "start" in about:
        rows.append(("Went on from", f"weights `{_plain(about['start'].get('sha256', 'unknown'))}`"))
    if "file" in about:
        rows.append(("Came as the file", _plain(about["file"].get("name", ""))))
    for source in about.get("sources", [about]):
        rows += _licences(source)
    return rows


def _licences(sources: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Licence, attribution, date and digest of an image and a map."""
    rows = []
    for name, told, date in (("Imagery", "imagery", "captured_on"), ("Map", "map", "taken_at")):
        if (source := sources.get(told)) is None:
            continue
        rows += [
            (f"{name}: licence", _plain(source.get("licence") or "not stated")),
            (f"{name}: attribution", _plain(source.get("attribution") or "not stated")),
            (f"{name}: date", _plain(source.get(date) or "not stated")),
            (f"{name}: SHA-256", f"`{_plain(source.get('sha256') or 'unknown')}`"),
        ]
    return rows


def _besides(rows: list[tuple[str, str]]) -> list[str]:
    """What models of its kind have that others lack."""
    return ["## What it does", _table((_plain(what), _plain(value)) for what, value in rows)] if rows else []


def _decisions(counts: Mapping[str, Mapping[str, int]]) -> str:
    said = [
        f"{kind}: " + ", ".join(f"{number} {word}" for word, number in of_kind.items() if number)
        for kind, of_kind in counts.items()
    ]
    return "; ".join(said) or "none"


def _comparison(evaluation: Evaluation | None, kind: ModelKind) -> str:
    if evaluation is None or evaluation.finished_at is None:
        return "Not held beside another model yet."
    built_in = kind.built_in() if kind.built_in is not None else "no other"
    other = f"model {evaluation.against_id}" if evaluation.against_id else built_in
    names = kind.figures
    rows = [
        (
            names.get(one["name"], one["name"]),
            _interval(one["first"]),
            _interval(one["second"]),
            WORDS.get(one["word"], one["word"]),
        )
        for one in evaluation.figures
    ]
    return (
        f"On the frozen set `{evaluation.frozen_sha256[:16]}` ({kind.ground(evaluation.counts)}), beside {other}; "
        "95 % intervals over geographic blocks:\n\n"
        + _table(rows, ("Figure", "This model", "The other", "This one is"))
    )


def _interval(values: Mapping[str, float] | None) -> str:
    if values is None:
        return "-"
    return f"{values['value']:.3f} ({values['low']:.3f} to {values['high']:.3f})"


def _table(rows: Iterable[tuple[str, ...]], head: tuple[str, ...] = ("What", "Value")) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines])


def _plain(value: object) -> str:
    """One line of text in which nothing is markup."""
    text = " ".join(str(value).split())
    return "".join(f"&#{ord(sign)};" if sign in "|<>`*_[]\\&" else sign for sign in text)
