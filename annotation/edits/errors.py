"""What keeps a changeset from being made or exported."""

from annotation.common.errors import ConflictError, InvalidError, UnavailableError


class NothingAcceptedError(InvalidError):
    """There is no accepted change to put into a changeset."""

    code = "nothing_accepted"


class NotAcceptedError(InvalidError):
    """Some of the changes asked for are not accepted, or already in a changeset."""

    code = "not_accepted"


class NoVerdictError(ConflictError):
    """An edit that no person decided was about to leave."""

    code = "no_verdict"


class RefusedItemsError(ConflictError):
    """Some edits can't be written as osmChange; each says why and what to do."""

    code = "refused_items"


class UnknownVersionsError(ConflictError):
    """Some objects' versions are unknown."""

    code = "unknown_versions"


class ConflictingEditsError(ConflictError):
    """The newest map says otherwise than some edits assume."""

    code = "conflicting_edits"


class NoConflictError(ConflictError):
    """Nothing newer speaks against the edit, so there is nothing to lay it over."""

    code = "no_conflict"


class NewerStateError(ConflictError):
    """The map's state is another one than the person looked at."""

    code = "newer_state"


class NotRebasedError(ConflictError):
    """The edit can't be laid over the map's newer state; the text says why, and dropping it remains."""

    code = "not_rebased"


class NeverExportedError(ConflictError):
    """The file of an earlier export was asked for, and there was none."""

    code = "never_exported"


class TooManyChangesError(ConflictError):
    """More elements than one OSM changeset takes."""

    code = "too_many_changes"


class UploadedAlreadyError(ConflictError):
    """The changeset is on its way to the map, or in it."""

    code = "uploaded_already"


class NotUploadableError(ConflictError):
    """Something stands against an upload; each reason says what to do."""

    code = "not_uploadable"


class UnsettledError(ConflictError):
    """What became of an upload can't be told by reading alone; `choose` says that an admin may state it."""

    code = "unsettled"


class UploadOffError(ConflictError):
    """Uploads are switched off here."""

    code = "upload_off"


class ServerAddressError(InvalidError):
    """The address of the map's server can't be used."""

    code = "server_address"


class ForbiddenServerError(InvalidError):
    """The map's server leads to an address that may not be asked."""

    code = "forbidden_host"


class SignInFailedError(InvalidError):
    """The map's server did not let the person in."""

    code = "sign_in_failed"


class SignedOutError(ConflictError):
    """Nobody is signed in at the map's server, or the sign-in may not do this."""

    code = "signed_out"


class ServerError(UnavailableError):
    """The map's server gives no usable answer; what it asks to wait is `retry_after_s`."""

    code = "map_server"

    def __init__(self, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NotSentError(ServerError):
    """No connection came about: the server knows nothing of what was asked."""


class NoAnswerError(ServerError):
    """An answer did not come, or was none: what was asked may have taken effect."""


class BusyServerError(ServerError):
    """The server took nothing and asks to wait."""

    code = "map_server_busy"


class UnreadableAnswerError(NoAnswerError):
    """What came back is no answer of the API."""


class ChangesetClosedError(ConflictError):
    """The changeset takes no edits any more."""

    code = "changeset_closed"


class MapConflictError(ConflictError):
    """The map changed under an edit: nothing of the diff was taken."""

    code = "map_conflict"


class RefusedByServerError(InvalidError):
    """The server takes this never; nothing of it was taken."""

    code = "refused_by_server"
