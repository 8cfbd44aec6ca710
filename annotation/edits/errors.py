"""What keeps a changeset from being made or exported."""

from annotation.common.errors import ConflictError, InvalidError


class NothingAcceptedError(InvalidError):
    """There is no accepted change to put into a changeset."""

    code = "nothing_accepted"


class NotAcceptedError(InvalidError):
    """Some of the changes asked for are not accepted, or already in a changeset."""

    code = "not_accepted"


class RefusedItemsError(ConflictError):
    """Some edits can't be written as osmChange; each says why and what to do."""

    code = "refused_items"


class UnknownVersionsError(ConflictError):
    """Some objects' versions are unknown."""

    code = "unknown_versions"


class ConflictingEditsError(ConflictError):
    """The newest map says otherwise than some edits assume."""

    code = "conflicting_edits"


class NeverExportedError(ConflictError):
    """The file of an earlier export was asked for, and there was none."""

    code = "never_exported"


class TooManyChangesError(ConflictError):
    """More elements than one OSM changeset takes."""

    code = "too_many_changes"
