"""Tests: real PostGIS and Redis, cheap password hashes, files under a directory of their own."""

import tempfile
from pathlib import Path

from webapp.settings.base import *  # noqa: F403
from webapp.settings.base import DATABASES, env

SECRET_KEY = "only-for-tests"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = Path(env("MEDIA") or tempfile.mkdtemp(prefix="mapwright-test-"))
FILE_UPLOAD_TEMP_DIR = None
DATABASES["default"]["CONN_MAX_AGE"] = 0
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
