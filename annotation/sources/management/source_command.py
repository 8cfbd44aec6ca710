"""What the import commands share: finding the region, showing progress, ending with the reason of a failure."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.sources.models import Region
from annotation.sources.services.add_sources import Added


class SourceCommand(BaseCommand):
    """A command that takes a file into a region and waits until it is imported."""

    def region(self, name: str) -> Region:
        """The region by its name or number."""
        region = Region.objects.filter(name=name).first()
        if region is None and name.isdecimal():
            region = Region.objects.filter(pk=int(name)).first()
        if region is None:
            raise CommandError(f"there is no region {name}: make it with manage.py create_region NAME")
        return region

    def import_now(self, added: Added[Any]) -> None:
        """Run the import here; a file that the region had already is left as it is."""
        source = added.source
        if added.reused and (source.job is None or source.job.finished):
            self.stdout.write(f"The region has this very file already: {source} (number {source.pk}).")
            return
        job = run_now(source.job, echo=self._show)
        self._check(job)
        source.refresh_from_db()
        self.stdout.write(self.style.SUCCESS(f"Imported {source} (number {source.pk})."))
        for warning in source.warnings:
            self.stdout.write(self.style.WARNING(f"  Note: {warning}"))
        for repair in source.repairs:
            self.stdout.write(f"  {repair}")

    def _show(self, fraction: float, message: str) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{fraction:4.0%} {message[:70]:<70}", ending="\r")

    def _check(self, job: Job) -> None:
        if job.state != JobState.SUCCEEDED:
            raise CommandError(f"the import ended without a result ({job.error_code or job.state}): {job.error_detail}")
