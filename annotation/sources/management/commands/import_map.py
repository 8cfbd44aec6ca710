"""`manage.py import_map REGION FILE`: import a map extract."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import make_aware

from annotation.common.errors import DomainError
from annotation.sources.engine import area_from_file
from annotation.sources.management.source_command import SourceCommand
from annotation.sources.services.add_sources import add_snapshot
from annotation.sources.services.files import Upload


class Command(SourceCommand):
    help = "Import .osm, .osm.gz, .osm.pbf or GeoJSON into a region and wait until it is ready."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("region", help="name or number")
        parser.add_argument("file", type=Path)
        parser.add_argument("--area", type=Path, help="GeoJSON polygon of where the map is complete (else: everywhere)")
        parser.add_argument("--licence", default="ODbL-1.0")
        parser.add_argument("--attribution", default="© OpenStreetMap contributors")
        parser.add_argument("--taken-at", type=dt.datetime.fromisoformat, help="when the extract was made, ISO 8601")

    def handle(self, *args: Any, **options: Any) -> None:
        taken_at = options["taken_at"]
        try:
            added = add_snapshot(
                user=None,
                region=self.region(options["region"]),
                file=Upload.from_path(options["file"]),
                area=area_from_file(options["area"]) if options["area"] else None,
                licence=options["licence"],
                attribution=options["attribution"],
                taken_at=make_aware(taken_at) if taken_at and taken_at.tzinfo is None else taken_at,
                wake=False,
            )
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.import_now(added)
