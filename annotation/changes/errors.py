"""What can go wrong with a change that was decided."""

from annotation.common.errors import ConflictError, InvalidError


class CountChangedError(ConflictError):
    """Other changes fit by now than those that a person said yes to."""

    code = "count_changed"


class NewerMapError(InvalidError):
    """A map that came in since the suggestion was opened has the building in another state."""

    code = "newer_map"


class ExportedError(ConflictError):
    """The change is on its way out in a changeset."""

    code = "exported"


class BuildingTakenError(ConflictError):
    """Somebody answered about the neighbouring building, or looks at it: it can't become one with another now."""

    code = "building_taken"
