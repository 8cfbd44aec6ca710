"""`python -m tests.annotation.edits.upload_worker`: a process for each job id on the input; prints the process's id."""

import os
import signal
import sys

import django

django.setup()

from annotation.common.services import jobs  # noqa: E402

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            jobs.execute(line.strip())
        finally:
            os._exit(0)
    print(pid, flush=True)
