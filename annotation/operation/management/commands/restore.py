"""`manage.py restore FOLDER`: a backup back in use, proved before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.common.errors import DomainError
from annotation.operation.services import restore


class Command(BaseCommand):
    help = "Restore a backup as this installation's database and media files. Stop web servers and workers first."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="a backup, as deploy/backup made it")
        parser.add_argument("--check", action="store_true", help="only prove that it could be restored")
        parser.add_argument("--replace", action="store_true", help="move what is in use aside")
        parser.add_argument("--trust", action="store_true", help="take a backup that another installation sealed")

    def handle(self, *args: Any, **options: Any) -> None:
        folder, trust = options["folder"], options["trust"]
        try:
            if options["check"]:
                manifest, to_apply = restore.check(folder, trust=trust)
                self.stdout.write(f"{folder} of {manifest.made_at} is whole; {to_apply} migrations to apply after it")
                return
            done = restore.restore(folder, replace=options["replace"], trust=trust, say=self.stdout.write)
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"restored the backup of {done.manifest.made_at}: {len(done.manifest.media):,} files")
        if done.former_database:
            self.stdout.write(f"what was there before: the database {done.former_database}")
        if done.former_media:
            self.stdout.write(f"and the files in {done.former_media}; remove both once you miss nothing")
        if done.migrations_to_apply:
            self.stdout.write("it is of an older Mapwright: python manage.py migrate")
