"""The tags that a changeset carries in OSM: filled in from the imagery, changed by people, held to OSM's lengths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.changes.models import Change
from annotation.common.errors import InvalidError
from annotation.edits.models import Changeset
from annotation.edits.osmchange.elements import MAX_TAG_CHARS
from annotation.edits.osmchange.write import GENERATOR
from annotation.edits.services.uploads.guard import refuse_if_uploaded
from annotation.review.services import audit
from annotation.sources.models import Imagery

HASHTAG = re.compile(r"#[^\s;,#]+")


@dataclass(frozen=True)
class Wished:
    """What a person gives; what is empty is filled in, or left out."""

    comment: str
    source: str = ""
    imagery_used: str = ""
    hashtags: str = ""
    created_by: str = ""
    review_requested: bool = False


def filled(wished: Wished, imagery: Imagery, used: str) -> dict[str, str]:
    """All tags of a new changeset.

    Args:
        imagery: the region's own that was looked at; used: it and what else was, as `imagery_used` has it.

    Raises:
        InvalidError: one is longer than OSM takes, or is no list of hashtags.
    """
    when = f", {imagery.captured_on}" if imagery.captured_on else ""
    return checked(
        {
            "comment": wished.comment,
            "created_by": wished.created_by or GENERATOR,
            "source": wished.source or f"{imagery.attribution}{when}"[:MAX_TAG_CHARS],
            "imagery_used": wished.imagery_used or used,
            "hashtags": wished.hashtags,
            "review_requested": "yes" if wished.review_requested else "",
        }
    )


def change(*, user: User, changeset: Changeset, **given: Any) -> Changeset:
    """Change tags of a changeset that did not leave for the map; the others stay.

    Raises:
        UploadedAlreadyError: it is in the map, or on its way there.
        InvalidError: as `filled`, or a tag that it needs is empty.
    """
    with transaction.atomic():
        locked = Changeset.objects.select_for_update(no_key=True, of=("self",)).get(pk=changeset.pk)
        refuse_if_uploaded(locked)
        if "review_requested" in given:
            given["review_requested"] = "yes" if given["review_requested"] else ""
        locked.tags = checked({**locked.tags, **given})
        for name in ("comment", "source", "created_by"):
            if not locked.tags.get(name):
                raise InvalidError(f"the tag {name} can't be empty: other mappers go by it")
        locked.comment, locked.source = locked.tags["comment"], locked.tags["source"]
        locked.save(update_fields=["comment", "source", "tags"])
        audit.record(
            actor=user, action="edits.tags", object_kind="changeset", object_id=locked.pk, scope_id=locked.region_id,
            tags=locked.tags,
        )  # fmt: skip
    return locked


def checked(tags: dict[str, str]) -> dict[str, str]:
    """The tags without the empty ones, hashtags as OSM's tools write them: `#one;#two`.

    Raises:
        InvalidError: a value has more than 255 characters, counted as OSM does; or is no list of hashtags.
    """
    kept = {key: value.strip() for key, value in tags.items() if value.strip()}
    if "hashtags" in kept:
        words = [word for word in re.split(r"[\s;,]+", kept["hashtags"]) if word]
        marked = [word if word.startswith("#") else f"#{word}" for word in words]
        wrong = [word for word in marked if not HASHTAG.fullmatch(word)]
        if wrong:
            raise InvalidError(f"{wrong[0][:40]} is no hashtag: write words such as #buildings, with spaces between")
        kept["hashtags"] = ";".join(dict.fromkeys(marked))
    for key, value in kept.items():
        if len(value) > MAX_TAG_CHARS:
            raise InvalidError(f"{key} has {len(value)} characters and OSM takes {MAX_TAG_CHARS}: shorten it")
    return {key: value for key, value in kept.items() if value}


def imagery_used(imagery: Imagery, changes: Sequence[Change]) -> str:
    """OSM's `imagery_used`: the region's own imagery, and what else the changes were really seen on, parted by `;`.

    What would go beyond the 255 characters of a tag is left out as a whole.
    """
    used = imagery.attribution[:255]
    for title in dict.fromkeys(title for change in changes for title in change.looked_at):
        if len(used) + 1 + len(title) <= 255 and title != imagery.attribution:
            used = f"{used};{title}"
    return used
