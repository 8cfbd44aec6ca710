"""Why nothing can be searched, or a landmark not be taken in."""

from annotation.common.errors import ConflictError, InvalidError


class NoSearchModelError(ConflictError):
    """There are no weights of a model that finds places."""

    code = "no_search_model"


class NotIndexedError(ConflictError):
    """What was asked for has no vectors yet."""

    code = "not_indexed"


class UnreadablePhotoError(InvalidError):
    """The file is no photograph that can be used."""

    code = "unreadable_photo"


class UnreadableTableError(InvalidError):
    """The file is no table of landmarks."""

    code = "unreadable_table"
