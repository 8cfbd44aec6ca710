"""Settings of a worker process in tests: the test's database and broker, the test's runners, short patience."""

from tests.annotation.common.runner_names import RUNNERS
from webapp.settings.test import *  # noqa: F403
from webapp.settings.test import JOB_RUNNERS

JOB_RUNNERS = {**JOB_RUNNERS, **RUNNERS}
JOB_HEARTBEAT_SECONDS = 0.3
JOB_STALE_SECONDS = 2.0
