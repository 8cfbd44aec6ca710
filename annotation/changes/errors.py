"""What can go wrong with a change that was decided."""

from annotation.common.errors import ConflictError


class ExportedError(ConflictError):
    """The change is on its way out in a changeset."""

    code = "exported"
