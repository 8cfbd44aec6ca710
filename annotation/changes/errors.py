"""What can go wrong with a change that was decided."""

from annotation.common.errors import ConflictError


class CountChangedError(ConflictError):
    """Other changes fit by now than those that a person said yes to."""

    code = "count_changed"


class ExportedError(ConflictError):
    """The change is on its way out in a changeset."""

    code = "exported"
