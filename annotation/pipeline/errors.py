"""What can go wrong where the stages are joined."""

from annotation.common.errors import ConflictError


class OwnModelError(ConflictError):
    """The region has a model of its own in use, which goes before the general one."""

    code = "own_model"
