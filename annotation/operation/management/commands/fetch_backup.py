"""`manage.py fetch_backup [NAME]`: backups in the bucket, or one of them brought here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.common.errors import DomainError
from annotation.operation.services import offsite


class Command(BaseCommand):
    help = "List the backups of MAPWRIGHT_BACKUPS_S3, or fetch one; deploy/restore restores what was fetched."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="as listed; `latest`: the newest")
        parser.add_argument("--to", type=Path, default=Path(settings.BACKUP_ROOT), help="folder of all backups")
        parser.add_argument("--trust", action="store_true", help="take a backup that another installation sealed")

    def handle(self, *args: Any, **options: Any) -> None:
        if not offsite.is_set():
            raise CommandError("no bucket is set: MAPWRIGHT_BACKUPS_S3=s3://BUCKET/PREFIX")
        try:
            there = offsite.names()
            if not options["name"]:
                self.stdout.write("\n".join(there) or "no backup there")
                return
            name = there[0] if options["name"] == "latest" and there else options["name"]
            self.stdout.write(str(offsite.fetch(name, options["to"], trust=options["trust"])))
        except DomainError as error:
            raise CommandError(error.detail) from error
