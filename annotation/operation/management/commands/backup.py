"""`manage.py backup`: database and media files into a folder of their own, and old ones away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.common.errors import DomainError
from annotation.operation.services import backup, offsite, restore, retention


class Command(BaseCommand):
    help = "Back up the database and the media files while everything runs; the newest backups are kept."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=Path(settings.BACKUP_ROOT), help="folder of all backups")
        parser.add_argument("--keep", type=int, default=settings.BACKUP_KEEP, help="how many of the newest stay")
        parser.add_argument(
            "--keep-weekly", type=int, default=settings.BACKUP_KEEP_WEEKLY, help="of how many weeks the last one stays"
        )
        parser.add_argument(
            "--accept-lost", action="store_true", help="remove older backups although they hold files that are gone"
        )
        parser.add_argument("--check", action="store_true", help="read the backup again and compare every digest")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = backup.make(options["to"], self.stdout.write)
            if options["check"]:
                restore.check(made.folder)
        except DomainError as error:
            raise CommandError(error.detail) from error
        rows = sum(table.rows for table in made.manifest.tables.values())
        self.stdout.write(
            f"{made.folder}: {rows:,} rows, {len(made.manifest.media):,} files, {made.manifest.bytes / 1e6:,.1f} MB"
        )
        for path in made.manifest.absent:
            self.stderr.write(f"a row names {path}, which was not in the media folder")
        whole = not made.lost or options["accept_lost"]
        if offsite.is_set():
            self._send(made, options, prune=whole)
        if not whole:
            raise CommandError(
                f"the backup was made, but {len(made.lost)} files that older ones hold are gone from the media folder, "
                f"such as {made.lost[0]}: nothing older is removed. Is a disk not mounted? Bring them back from an "
                "older backup, or say --accept-lost where they are no loss"
            )
        for name in retention.prune(options["to"], options["keep"], options["keep_weekly"]):
            self.stdout.write(f"removed {name}")

    def _send(self, made: backup.Backup, options: dict[str, Any], *, prune: bool) -> None:
        try:
            sent = offsite.send(made, options["keep"], options["keep_weekly"], prune=prune)
        except DomainError as error:
            raise CommandError(f"the backup was made but not sent: {error.detail}") from error
        self.stdout.write(f"sent {sent.files:,} new files, {sent.bytes / 1e6:,.1f} MB, to {settings.BACKUP_S3}")
        for name in sent.removed:
            self.stdout.write(f"removed {name} there")
