"""What the commands of anchors, training and scans share: finding the region, and running its job in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.common.errors import DomainError
from annotation.common.management.console import run_here, said
from annotation.common.models import Job, JobState
from annotation.sources.models import Region


class RegionCommand(BaseCommand):
    """A command that runs one job of a region here and now."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("region", help="name or number of the region")

    def region(self, name: str) -> Region:
        """The region by its name or number."""
        region = Region.objects.filter(name=name).first()
        if region is None and name.isdecimal():
            region = Region.objects.filter(pk=int(name)).first()
        if region is None:
            raise CommandError(f"there is no region {name}: make it with manage.py create_region NAME")
        return region

    def finish(self, start: Callable[[], Job | None]) -> dict[str, Any]:
        """Start a job, run it, and give its result; a refusal or failure ends the command with the reason."""
        try:
            job = start()
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        if job is None:
            raise CommandError("its job was cleared away; start it again")
        job = run_here(job, self.stderr)
        if job.state != JobState.SUCCEEDED:
            raise CommandError(said(job))
        return job.result
