"""`manage.py export_correspondences REGION OUT.zip`: the verified pairs of a region, with their homographies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.anchors.management.region_command import RegionCommand
from annotation.common.errors import DomainError
from annotation.correspondences.engine import whole_file
from annotation.correspondences.services.archive import archive
from annotation.sources.services.files import room_on_disk


class Command(RegionCommand):
    help = "Write every verified pair of a region's image and map in use as a ZIP in MapData's layout."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("out", type=Path, help="the ZIP to write")

    def handle(self, *args: Any, **options: Any) -> None:
        region, out = self.region(options["region"]), options["out"]
        try:
            pieces = archive(region)
            with room_on_disk(), whole_file(out) as scratch, scratch.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        except OSError as error:
            raise CommandError(f"{out} can't be written ({error.strerror}): choose another place") from error
        self.stdout.write(self.style.SUCCESS(f"{out}: {out.stat().st_size / 1e6:.1f} MB of pairs."))
