"""Kinds of jobs that only tests have, and their runners by name."""

NAMES = ("count", "learn", "refuse", "burst", "commit", "die", "wait")
RUNNERS = {f"test.{name}": f"tests.annotation.common.runners.{name}" for name in NAMES}
