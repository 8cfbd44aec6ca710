"""Variables of the environment, which everything that a deployment may change is read from."""

import os


def env(name: str, default: str = "") -> str:
    """The variable MAPWRIGHT_<name>, or `default`."""
    return os.environ.get(f"MAPWRIGHT_{name}", default)
