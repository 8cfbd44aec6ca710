"""`manage.py scan REGION`: score every tile of a region, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation.anchors.management.region_command import RegionCommand
from annotation.consistency.services.start import start
from annotation.learning.models import ModelVersion


class Command(RegionCommand):
    help = "Score how well image and map agree on every tile of a region, with the model in use or another one."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--model", type=int, help="number of a model of the region; without it the one in use")
        parser.add_argument("--include-unmapped", action="store_true", help="also tiles where the map is incomplete")

    def handle(self, *args: Any, **options: Any) -> None:
        region, model, unmapped = (
            self.region(options["region"]), self.model(options["model"]), options["include_unmapped"]
        )  # fmt: skip
        done = self.finish(
            lambda: start(region=region, user=None, model=model, include_unmapped=unmapped, wake=False).job
        )
        self.stdout.write(self.style.SUCCESS(f"Scan {done['scan']}: {done['scored']} tiles scored."))

    def model(self, model_id: int | None) -> ModelVersion | None:
        """The model of that number; None asks for the one in use."""
        if model_id is None:
            return None
        model = ModelVersion.objects.filter(pk=model_id).first()
        if model is None:
            raise CommandError(f"there is no model {model_id}: look at the region's page of training")
        return model
