"""`manage.py create_region NAME`: make a region; its grid comes from its first imagery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.common.errors import DomainError
from annotation.sources.engine import area_from_file
from annotation.sources.services.regions import create_region


class Command(BaseCommand):
    help = "Make a region. Its zoom and area come from its first imagery unless given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--zoom", type=int, choices=range(14, 23), metavar="14..22")
        parser.add_argument("--area", type=Path, help="GeoJSON polygon")
        parser.add_argument("--open", action="store_true", help="every signed-in person may see it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            area = area_from_file(options["area"]) if options["area"] else None
            region = create_region(
                user=None, name=options["name"], zoom=options["zoom"], area=area, open_to_all=options["open"]
            )
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(self.style.SUCCESS(f"Made region {region.name} (number {region.pk})."))
