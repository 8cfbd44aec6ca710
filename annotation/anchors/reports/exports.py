"""Anchors and answers as rows of files: MSTcons-style JSON, Label Studio tasks, CSV."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from annotation.anchors.answers import ADJUDICATION, Answer
from annotation.anchors.engine import ATTRIBUTE_NAMES, in_schema_order, review_form
from annotation.anchors.models import Anchor, AnchorState
from annotation.anchors.selectors import usable_anchors
from annotation.common.engine import MlcoreError
from annotation.common.errors import DomainError
from annotation.sources.engine import style_digest
from annotation.sources.models import Region
from annotation.tiles.engine import tile_address
from annotation.tiles.models import TilePair
from annotation.tiles.services.draw import image_tile, map_tile

logger = logging.getLogger(__name__)

PICTURE_PX = 512
CHUNK = 1000
ANCHOR_HEADER = ("anchor", "z", "x", "y", "generator", "model", "prompt_version", "state", *ATTRIBUTE_NAMES, "summary")
ANSWER_HEADER = (
    "batch", "anchor", "z", "x", "y", "generator", "model", "prompt_version", "round", "decision", "reason", "reviewer",
    "seconds", "at", "changed", *ATTRIBUTE_NAMES, "summary", "proposed_summary", "comment",
)  # fmt: skip


def speaking_anchors(region: Region) -> QuerySet[Anchor]:
    """The anchor that speaks for each pair of the region: verified before proposed, rejected never."""
    rows = usable_anchors().filter(pair__tile__region=region).distinct("pair_id")
    return rows.select_related("pair__tile", "pair__imagery", "pair__snapshot")


def mstcons_rows(region: Region) -> Iterator[dict[str, Any]]:
    """One object per pair as in the MSTcons benchmark: the 11 attributes and the summary, and their pair."""
    for anchor in speaking_anchors(region).iterator(chunk_size=CHUNK):
        tile, pair = anchor.pair.tile, anchor.pair
        yield {
            "id": f"{tile.z}_{tile.x}_{tile.y}",
            "image": f"image/{tile.z}/{tile.x}/{tile.y}.webp",
            "map": f"map/{tile.z}/{tile.x}/{tile.y}.png",
            **in_schema_order(anchor.said_attributes),
            "summary": anchor.said_summary,
            "source": {
                "generator": anchor.generator,
                "model": anchor.model,
                "prompt_version": anchor.prompt_version,
                "schema_version": anchor.schema_version,
                "state": anchor.state,
                "imagery_sha256": pair.imagery.sha256,
                "map_sha256": pair.snapshot.sha256,
            },
        }


def anchor_rows(region: Region) -> Iterator[Sequence[Any]]:
    """Every anchor of the region as a row of CSV, rejected ones too."""
    anchors = Anchor.objects.filter(pair__tile__region=region).select_related("pair__tile").order_by("pk")
    for anchor in anchors.iterator(chunk_size=CHUNK):
        tile, said = anchor.pair.tile, anchor.said_attributes
        yield (
            anchor.pk, tile.z, tile.x, tile.y, anchor.generator, anchor.model, anchor.prompt_version, anchor.state,
            *(said.get(name, "") for name in ATTRIBUTE_NAMES), anchor.said_summary,
        )  # fmt: skip


def answer_rows(answers: Iterable[Answer]) -> Iterator[Sequence[Any]]:
    """Answers as rows of CSV."""
    for one in answers:
        yield (
            one.batch_id, one.anchor_id, one.z, one.x, one.y, one.generator, one.model, one.prompt_version,
            _round(one), one.decision, one.reason, one.reviewer,
            one.seconds, one.at.isoformat(), " ".join(changed(one)),
            *(one.attributes.get(name, "") for name in ATTRIBUTE_NAMES), one.summary, one.proposed_summary, one.comment,
        )  # fmt: skip


def answer_objects(answers: Iterable[Answer]) -> Iterator[dict[str, Any]]:
    """Answers as JSON objects."""
    for one in answers:
        yield {
            "batch": one.batch_id,
            "anchor": one.anchor_id,
            "tile": {"z": one.z, "x": one.x, "y": one.y},
            "generator": one.generator,
            "model": one.model,
            "prompt_version": one.prompt_version,
            "round": _round(one),
            "decision": one.decision,
            "reason": one.reason,
            "comment": one.comment,
            "reviewer": one.reviewer,
            "seconds": one.seconds,
            "at": one.at,
            "proposed": {**in_schema_order(one.proposed), "summary": one.proposed_summary},
            "verified": {**in_schema_order(one.attributes), "summary": one.summary},
            "changed": changed(one),
        }


def changed(answer: Answer) -> list[str]:
    """Attributes the person changed, and "summary"."""
    names = [name for name in ATTRIBUTE_NAMES if answer.attributes.get(name) != answer.proposed.get(name)]
    return [*names, "summary"] if answer.summary != answer.proposed_summary else names


def label_studio_tasks(region: Region, base_url: str, *, inline: bool = False) -> Iterator[dict[str, Any]]:
    """Proposed anchors as Label Studio tasks, each with the generator's words as its prediction.

    Verified and rejected ones are left out: annotations of them are not taken back.

    Args:
        base_url: of this server, whose tiles a browser sees only when it is signed in here.
        inline: pictures in the file itself instead of addresses; they are seen anywhere.
    """
    anchors = Anchor.objects.filter(pair__tile__region=region, state=AnchorState.PROPOSED).order_by("pk")
    related = ("pair__tile", "pair__imagery", "pair__snapshot")
    for anchor in anchors.select_related(*related).iterator(chunk_size=CHUNK):
        pictures = _pictures(anchor.pair, base_url, inline=inline)
        yield {
            "data": {"anchor_id": anchor.pk, **pictures},
            "predictions": [
                {
                    "model_version": " ".join(filter(None, (anchor.generator, anchor.model, anchor.prompt_version))),
                    "result": _results(anchor.attributes, anchor.summary),
                }
            ],
        }


def _pictures(pair: TilePair, base_url: str, *, inline: bool) -> dict[str, str]:
    """A file that is half sent can't turn into an error: a picture that can't be drawn is told by its address."""
    if inline:
        try:
            return _drawn(pair)
        except (DomainError, MlcoreError) as error:
            logger.warning("pair %s is exported with addresses, its pictures can't be drawn: %s", pair.pk, error)
    return _addresses(pair, base_url)


def _addresses(pair: TilePair, base_url: str) -> dict[str, str]:
    address = f"{pair.tile.z}/{pair.tile.x}/{pair.tile.y}"
    return {
        "image": f"{base_url}/tiles/image/{pair.imagery_id}/{address}.webp?size={PICTURE_PX}",
        "map": f"{base_url}/tiles/map/{pair.snapshot_id}/{address}.png?size={PICTURE_PX}",
    }


def _drawn(pair: TilePair) -> dict[str, str]:
    address = tile_address(pair.tile)
    image = image_tile(pair.imagery, address, PICTURE_PX)
    chart = map_tile(pair.snapshot, address, PICTURE_PX, style_digest())
    return {
        "image": f"data:image/webp;base64,{b64encode(image).decode()}",
        "map": f"data:image/png;base64,{b64encode(chart).decode()}",
    }


def _results(attributes: dict[str, str], summary: str) -> list[dict[str, Any]]:
    choices = [
        {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [value]}}
        for name, value in in_schema_order(attributes).items()
    ]
    return [
        *choices,
        {"from_name": "summary", "to_name": "image", "type": "textarea", "value": {"text": [summary]}},
    ]


def label_studio_config() -> str:
    """The labelling interface that belongs to the tasks."""
    lines = ["<View>", '  <View style="display:flex">', '    <Image name="image" value="$image"/>',
             '    <Image name="map" value="$map"/>', "  </View>"]  # fmt: skip
    for attribute in review_form():
        lines.append(f'  <Header value="{attribute["label"]}: {attribute["question"]}" size="6"/>')
        lines.append(f'  <Choices name="{attribute["name"]}" toName="image" choice="single-radio" showInLine="true">')
        lines += [f'    <Choice value="{value}"/>' for value, _ in attribute["choices"]]
        lines.append("  </Choices>")
    lines.append('  <Header value="Summary, at most 40 words" size="6"/>')
    lines.append('  <TextArea name="summary" toName="image" maxSubmissions="1" editable="true"/>')
    return "\n".join([*lines, "</View>", ""])


def _round(answer: Answer) -> str:
    return "settling" if answer.stage == ADJUDICATION else "review"
