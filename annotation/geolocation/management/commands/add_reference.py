"""`manage.py add_reference NAME FILE ...`: register GeoTIFFs as reference imagery, here and now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.anchors.management.region_command import RegionCommand
from annotation.common.errors import DomainError
from annotation.geolocation.models import ReferenceKind, ReferenceSet
from annotation.geolocation.services.register import add_file, create_set
from annotation.sources.services.files import Upload


class Command(RegionCommand):
    help = "Add GeoTIFFs to a set of reference imagery, which is made where there is none of this name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the set")
        parser.add_argument("files", nargs="+", type=Path)
        parser.add_argument("--licence", default="", help="of a new set, such as CC-BY-4.0")
        parser.add_argument("--attribution", default="", help="of a new set: who is to be named")
        parser.add_argument("--open", action="store_true", help="everybody who signs in may see it")

    def handle(self, *args: Any, **options: Any) -> None:
        of_set = ReferenceSet.objects.registered().filter(name=options["name"]).first() or self._new(options)
        try:
            for path in options["files"]:
                add_file(user=None, of_set=of_set, file=Upload.from_path(path), wake=False)
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        of_set.refresh_from_db()
        done = self.finish(lambda: of_set.job)
        for file in of_set.files.exclude(error=""):
            self.stderr.write(f"{file.original_name}: {file.error}")
        self.stdout.write(self.style.SUCCESS(f"{of_set.name} has {done['bases']} bases."))

    def _new(self, options: dict[str, Any]) -> ReferenceSet:
        if not (options["licence"] and options["attribution"]):
            raise CommandError("a new set needs --licence and --attribution: without them its imagery may not be used")
        return create_set(
            user=None, name=options["name"], kind=ReferenceKind.FILES, licence=options["licence"],
            attribution=options["attribution"], open_to_all=options["open"],
        )  # fmt: skip
