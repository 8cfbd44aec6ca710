"""Signed links that open one file of a changeset, or the tiles of its imagery, without a session, for a few minutes.

JOSM and iD fetch files themselves and can't sign in. A link says whose it is: it opens what that person may see at the
moment it is used, and nothing once they may not.
"""

from __future__ import annotations

from django.core import signing

from annotation.accounts.models import Role, User
from annotation.accounts.permissions import has_role
from annotation.common.errors import NotFoundError
from annotation.edits import selectors
from annotation.edits.models import Changeset
from annotation.sources.models import Imagery
from annotation.sources.selectors import get_imagery

FILE_SECONDS = 15 * 60
TILES_SECONDS = 12 * 3600
FILE, TILES = "mapwright.edits.file", "mapwright.edits.tiles"
GONE = "this link is not valid, or no longer: make a new one on the edits page"


def file_token(user: User, changeset: Changeset) -> str:
    """Opens the JOSM file of the changeset as it was exported, for a quarter of an hour."""
    return signing.dumps([user.pk, changeset.pk], salt=FILE)


def tiles_token(user: User, imagery: Imagery) -> str:
    """Opens the tiles of the imagery for half a day."""
    return signing.dumps([user.pk, imagery.pk], salt=TILES)


def changeset_of(token: str) -> Changeset:
    """The changeset that a file's link opens.

    Raises:
        NotFoundError: the link is forged or too old, or its person may not have the file any more.
    """
    user, number = _opened(token, FILE, FILE_SECONDS)
    if not has_role(user, Role.EDITOR):
        raise NotFoundError(GONE)
    return selectors.get_changeset(user, number)


def imagery_of(token: str) -> Imagery:
    """The imagery whose tiles a link opens; errors as for `changeset_of`."""
    user, number = _opened(token, TILES, TILES_SECONDS)
    return get_imagery(user, number)


def _opened(token: str, salt: str, seconds: int) -> tuple[User, int]:
    try:
        person, number = signing.loads(token, salt=salt, max_age=seconds)
    except signing.BadSignature as error:
        raise NotFoundError(GONE) from error
    user = User.objects.filter(pk=person, is_active=True).first()
    if user is None:
        raise NotFoundError(GONE)
    return user, number
