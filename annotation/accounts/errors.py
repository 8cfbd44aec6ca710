"""Errors of accounts."""

from annotation.common.errors import DomainError


class WrongCredentialsError(DomainError):
    """Nobody signs in with these."""

    code = "wrong_credentials"
    status = 400
