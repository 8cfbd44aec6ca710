"""Between anchor rows and the library's anchors; the only importer of mlcore in this stage."""

from collections.abc import Callable, Iterable

from annotation.anchors.models import Anchor
from annotation.common.errors import InvalidError
from annotation.sources.models import MapSnapshot
from annotation.tiles.engine import map_index, tile_address
from annotation.tiles.models import TilePair
from mlcore.anchors.geometric import describe_tile
from mlcore.anchors.schema import ATTRIBUTES, MAX_SUMMARY_WORDS, AnchorError, parse_anchor, review_form
from mlcore.anchors.schema import SCHEMA_VERSION as CORE_SCHEMA_VERSION
from mlcore.anchors.schema import Anchor as CoreAnchor
from mlcore.progress import Progress, SilentProgress, stop_if_asked

__all__ = [
    "ATTRIBUTE_NAMES",
    "GENERATORS",
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
Describe = Callable[[TilePair], CoreAnchor]


def geometric(snapshot: MapSnapshot) -> Describe:
    """The generator that computes every attribute from the map's vectors."""
    index = map_index(snapshot)
    return lambda pair: describe_tile(tile_address(pair.tile), index)


GENERATORS: dict[str, Callable[[MapSnapshot], Describe]] = {"geometric": geometric}


def anchor_rows(pairs: Iterable[TilePair], *, generator: str, describe: Describe) -> list[Anchor]:
    """Unsaved anchor rows of the pairs, in their order."""
    rows = []
    for pair in pairs:
        found = describe(pair)
        rows.append(
            Anchor(
                pair=pair,
                generator=generator,
                schema_version=SCHEMA_VERSION,
                attributes=dict(found.attributes),
                summary=found.summary,
            )
        )
    return rows


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
