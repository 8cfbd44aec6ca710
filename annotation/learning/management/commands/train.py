"""`manage.py train REGION`: train a region's models, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from annotation.anchors.management.region_command import RegionCommand
from annotation.learning.services.start import start


class Command(RegionCommand):
    help = "Train the models of a region on its mapped tiles; a stopped training goes on from its checkpoint."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--preset", default="compact", help="size of the models")
        parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same models on one machine")

    def handle(self, *args: Any, **options: Any) -> None:
        region, preset, seed = self.region(options["region"]), options["preset"], options["seed"]
        done = self.finish(lambda: start(region=region, user=None, preset=preset, seed=seed, wake=False).job)
        self.stdout.write(self.style.SUCCESS(f"Model {done['model']} is {done['state']}."))
        for name, value in sorted(done["metrics"].items()):
            self.stdout.write(f"  {name} {value:.4g}")
