"""Runners of jobs for tests: small pieces of work that wait, fail, commit or die on purpose."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from annotation.accounts.models import User
from annotation.common.engine import stop_if_asked
from annotation.common.errors import InvalidError
from annotation.common.services.jobs import JobContext


def count(context: JobContext) -> None:
    """Reports a figure per step."""
    for step in range(3):
        context.report((step + 1) / 3, f"step {step}", {"loss": 1.0 / (step + 1)})
        context.flush()
    context.set_result({"counted": 3})


def learn(context: JobContext) -> None:
    """Reports what a training does that goes on after its second epoch: the second once more, then the third."""
    for epoch in (2, 3):
        context.report(epoch / 3, f"epoch {epoch}", {"epoch": epoch, "loss": 1.0 / epoch})


def refuse(context: JobContext) -> None:
    raise InvalidError("the input can't be used: give another")


def burst(context: JobContext) -> None:
    raise ZeroDivisionError("by accident")


def commit(context: JobContext) -> None:
    """Leaves one row, in the transaction that ends the job."""
    with context.transaction(final=True):
        User.objects.create(username=context.params["name"])
        context.set_result({"made": context.params["name"]})


def die(context: JobContext) -> None:
    """Kills its own process the first `deaths` times, as the kernel does when memory runs out."""
    if context.job.attempts <= context.params["deaths"]:
        os.kill(os.getpid(), signal.SIGKILL)
    commit(context)


def wait(context: JobContext) -> None:
    """Says that it began, then works until it is told to stop, or until the file `go` exists."""
    Path(context.params["began"]).write_text(str(os.getpid()))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not Path(context.params["go"]).exists():
        stop_if_asked(context)
        time.sleep(0.02)
    commit(context)
