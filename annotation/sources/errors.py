"""Errors of regions and sources."""

from annotation.common.errors import ConflictError, DomainError, InvalidError


class NoSourcesError(InvalidError):
    """Imagery or map is missing."""

    code = "no_sources"


class TooLargeError(DomainError):
    """The upload is larger than this server takes."""

    code = "too_large"
    status = 413


class DiskFullError(DomainError):
    """There is no room for the file."""

    code = "disk_full"
    status = 507


class InUseError(ConflictError):
    """Something was made from it."""

    code = "in_use"


class NotReadyError(ConflictError):
    """Its import has not ended, or ended without a result."""

    code = "not_ready"


class NameTakenError(ConflictError):
    """Another region has the name."""

    code = "name_taken"


class LayerAddressError(InvalidError):
    """A browser may not be sent to this address, or it is none of tiles."""

    code = "layer_address"


class LayerIndexError(ConflictError):
    """The list of layers that the installation names can't be read."""

    code = "layer_index"
