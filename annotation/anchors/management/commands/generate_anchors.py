"""`manage.py generate_anchors REGION`: describe every mapped tile of a region, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from annotation.anchors.management.region_command import RegionCommand
from annotation.anchors.services import generate


class Command(RegionCommand):
    help = "Generate semantic anchors for every mapped tile of a region that has none yet."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--generator", default="geometric", help="which generator describes the tiles")

    def handle(self, *args: Any, **options: Any) -> None:
        region, generator = self.region(options["region"]), options["generator"]
        done = self.finish(lambda: generate.start(region=region, user=None, generator=generator, wake=False))
        text = f"{done['made']} anchors made, {done['kept']} kept, {done['unmapped']} tiles not mapped."
        self.stdout.write(self.style.SUCCESS(text))
