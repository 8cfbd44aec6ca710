"""Errors of backups: each says what to do instead."""

from annotation.common.errors import DomainError


class BackupError(DomainError):
    """The backup could not be made; nothing that was there before is gone."""

    code = "backup_failed"
    status = 500


class RefusedError(DomainError):
    """The backup is not restored, and nothing was touched."""

    code = "restore_refused"
    status = 409


class RestoreError(DomainError):
    """The restore broke off; what was served before is untouched."""

    code = "restore_failed"
    status = 500
