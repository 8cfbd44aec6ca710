"""Between anchor rows and the library's anchors; the only importer of mlcore in this stage."""

from collections.abc import Sequence
from dataclasses import asdict

from annotation.anchors.models import Anchor
from annotation.common.errors import InvalidError
from annotation.common.models import Job
from annotation.tiles.models import TilePair
from mlcore.anchors.generators.base import Origin, Outcome
from mlcore.anchors.schema import ATTRIBUTES, MAX_SUMMARY_WORDS, AnchorError, parse_anchor, review_form
from mlcore.anchors.schema import SCHEMA_VERSION as CORE_SCHEMA_VERSION
from mlcore.anchors.schema import Anchor as CoreAnchor
from mlcore.progress import Progress, SilentProgress, stop_if_asked

__all__ = [
    "ATTRIBUTE_NAMES",
    "MAX_SUMMARY_WORDS",
    "SCHEMA_VERSION",
    "Progress",
    "SilentProgress",
    "anchor_rows",
    "checked_anchor",
    "core_anchor",
    "in_schema_order",
    "review_form",
    "stop_if_asked",
]

ATTRIBUTE_NAMES = tuple(ATTRIBUTES)
SCHEMA_VERSION = str(CORE_SCHEMA_VERSION)


def anchor_rows(
    pairs: Sequence[TilePair], *, outcomes: Sequence[Outcome], origin: Origin, job: Job | None = None
) -> list[Anchor]:
    """Unsaved anchor rows of the pairs whose tile was described, in their order."""
    return [
        Anchor(
            pair=pair,
            **asdict(origin),
            schema_version=SCHEMA_VERSION,
            attributes=dict(outcome.anchor.attributes),
            summary=outcome.anchor.summary,
            tokens_in=outcome.tokens_in,
            tokens_out=outcome.tokens_out,
            job=job,
        )
        for pair, outcome in zip(pairs, outcomes, strict=True)
        if outcome.anchor is not None
    ]


def in_schema_order(attributes: dict[str, str]) -> dict[str, str]:
    """Stored attributes in the order of the schema, which the database does not keep."""
    return {name: attributes[name] for name in ATTRIBUTES if name in attributes}


def checked_anchor(attributes: object, summary: object) -> tuple[dict[str, str], str]:
    """What a person made of an anchor, in the schema's order, or InvalidError that names the field at fault."""
    if not isinstance(attributes, dict):
        raise InvalidError("attributes must be an object of the 11 attributes")
    try:
        anchor = parse_anchor({**attributes, "summary": summary})
    except AnchorError as error:
        raise InvalidError(str(error), field=error.field) from error
    return anchor.attributes, anchor.summary


def core_anchor(row: Anchor) -> CoreAnchor:
    """The library's anchor of a stored row, validated against the schema again."""
    return parse_anchor({**row.said_attributes, "summary": row.said_summary})
