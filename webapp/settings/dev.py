"""One machine: the private services under var/, served over plain HTTP on loopback."""

from webapp.settings.base import *  # noqa: F403
from webapp.settings.base import VAR_DIR, env


def _local_secret() -> str:
    """The secret that the set-up wrote, or a fixed one where there is no set-up (checks, type analysis)."""
    path = VAR_DIR / "secret_key"
    return path.read_text().strip() if path.exists() else "not-secret-only-for-checks-on-a-machine-without-set-up"


SECRET_KEY = env("SECRET_KEY") or _local_secret()
DEBUG = env("DEBUG") == "1"
