"""Tests: real PostGIS and Redis, cheap password hashes, files under a directory of their own."""

import os
import tempfile
from pathlib import Path

# Processes that test side by side have a Redis database each, and so have the workers and servers they start.
FIRST_REDIS_DB = int(os.environ.setdefault("MAPWRIGHT_FIRST_REDIS_DB", os.environ.get("MAPWRIGHT_REDIS_DB", "15")))
os.environ["MAPWRIGHT_REDIS_DB"] = str(
    FIRST_REDIS_DB - int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
)

from webapp.settings.base import *  # noqa: F403, E402
from webapp.settings.base import DATABASES, env  # noqa: E402

SECRET_KEY = "only-for-tests"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = Path(env("MEDIA") or tempfile.mkdtemp(prefix="mapwright-test-"))
FILE_UPLOAD_TEMP_DIR = None
# Tests of other things import without being looked at.
FIRST_LOOK = env("FIRST_LOOK", "0") == "1"
DATABASES["default"]["CONN_MAX_AGE"] = 0
# A machine that has other work starts a connection late, and each request of a test has one of its own.
DATABASES["default"]["OPTIONS"] |= {"connect_timeout": 60}  # type: ignore[operator]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
