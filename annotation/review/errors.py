"""What can go wrong in a queue; every conflict says what to do with the draft."""

from annotation.common.errors import ConflictError, InvalidError, NotAllowedError


class LeaseLostError(ConflictError):
    """The lease ran out or went to somebody else; nothing was saved and the draft is the client's to keep."""

    code = "lease_lost"


class VersionConflictError(ConflictError):
    """The item changed since it was read."""

    code = "version_conflict"


class AlreadyDecidedError(ConflictError):
    """Somebody decided the item first."""

    code = "already_decided"


class WithdrawnError(ConflictError):
    """A newer run replaced the item, or its batch was closed."""

    code = "withdrawn"


class OutdatedError(ConflictError):
    """What the item is about changed while somebody held it; nobody gets it before it is renewed."""

    code = "outdated"


class NotDecidedError(ConflictError):
    """There is no decision to take back."""

    code = "not_decided"


class KeyReusedError(InvalidError):
    """An idempotency key stands for one save of one item."""

    code = "idempotency_key_reused"


class BatchClosedError(ConflictError):
    """The batch takes no more answers."""

    code = "batch_closed"


class NotIndependentError(NotAllowedError):
    """Two answers on one subject must come from two people."""

    code = "not_independent"


class SettledError(ConflictError):
    """A third person settled what two answered differently."""

    code = "settled"
