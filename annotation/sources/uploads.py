"""How uploads enter: streamed to disk, hashed on the way, refused early when too large."""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from annotation.sources.errors import DiskFullError, TooLargeError

RESERVE_BYTES = 64 * 2**20
FORM_BYTES = 2**20
"""What the other fields and the boundaries of the form may take."""


class HashingUploadHandler(TemporaryFileUploadHandler):
    """Writes every file to a temporary file and leaves its SHA-256 on it as `sha256`."""

    def handle_raw_input(
        self, input_data: Any, META: dict[str, Any], content_length: int, boundary: Any, encoding: str | None = None
    ) -> None:
        """Refuse by the announced length, before a byte is read."""
        if content_length > settings.MAX_UPLOAD_BYTES + FORM_BYTES:
            limit = settings.MAX_UPLOAD_BYTES / 2**20
            raise TooLargeError(f"uploads end at {limit:,.0f} MB here: send a smaller file, or import it on the server")
        free = shutil.disk_usage(settings.FILE_UPLOAD_TEMP_DIR or tempfile.gettempdir()).free
        if content_length + RESERVE_BYTES > free:
            raise DiskFullError("there is no room on the disk for this upload: free some space, then try again")

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.digest = hashlib.sha256()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.digest.update(raw_data)
        try:
            self.file.write(raw_data)
        except OSError as error:
            self.upload_interrupted()
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise DiskFullError("the disk filled up during the upload: free some space, then try again") from error
            raise

    def file_complete(self, file_size: int) -> Any:
        file = super().file_complete(file_size)
        if file is not None:
            file.sha256 = self.digest.hexdigest()  # type: ignore[attr-defined]
        return file
