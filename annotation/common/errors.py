"""Errors of the application: each has a stable code, an HTTP status, and a text that names the remedy."""

from typing import Any


class DomainError(Exception):
    """Base of every error a caller can do something about; becomes `{code, detail}` in one handler.

    Attributes:
        code: stable, machine-readable name.
        status: HTTP status of the answer.
        data: anything the caller needs to mend it, such as the current version.
    """

    code = "error"
    status = 400

    def __init__(self, detail: str, **data: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.data = data


class InvalidError(DomainError):
    """The request or the file can't be used as it is."""

    code = "invalid"
    status = 400


class NotAllowedError(DomainError):
    """The person may see this but not do this."""

    code = "not_allowed"
    status = 403


class NotFoundError(DomainError):
    """There is no such thing, or none that this person may see."""

    code = "not_found"
    status = 404


class ConflictError(DomainError):
    """Somebody or something was faster; the text says what to do now."""

    code = "conflict"
    status = 409


class UnavailableError(DomainError):
    """A service this needs does not answer; try again."""

    code = "unavailable"
    status = 503
