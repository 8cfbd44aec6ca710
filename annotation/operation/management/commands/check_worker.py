"""`manage.py check_worker`: whether the worker of this machine, or of a name, is alive; for containers."""

from __future__ import annotations

import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.common.services.workers import live_workers


class Command(BaseCommand):
    help = "Exit 0 where the worker of this machine gave a sign of life lately."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=socket.gethostname(), help="of which machine or container")

    def handle(self, *args: Any, **options: Any) -> None:
        here = [worker for worker in live_workers() if worker.name.rpartition("@")[2] == options["host"]]
        if not here:
            raise CommandError(f"no worker of {options['host']} gave a sign of life")
        for worker in here:
            self.stdout.write(f"{worker.name}: {', '.join(worker.queues)} on {worker.device or 'something'}")
