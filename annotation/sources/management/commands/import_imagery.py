"""`manage.py import_imagery REGION FILE`: import a georeferenced image."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.common.errors import DomainError
from annotation.sources.management.source_command import SourceCommand
from annotation.sources.services.add_sources import add_imagery
from annotation.sources.services.files import Upload


class Command(SourceCommand):
    help = "Import a GeoTIFF into a region and wait until it is ready."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("region", help="name or number")
        parser.add_argument("file", type=Path)
        parser.add_argument("--licence", required=True, help="such as CC-BY-4.0")
        parser.add_argument("--attribution", required=True, help="who is to be named")
        parser.add_argument("--captured-on", type=dt.date.fromisoformat, help="day of the flight, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            added = add_imagery(
                user=None,
                region=self.region(options["region"]),
                file=Upload.from_path(options["file"]),
                licence=options["licence"],
                attribution=options["attribution"],
                captured_on=options["captured_on"],
                wake=False,
            )
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.import_now(added)
