"""`manage.py generate_anchors REGION`: describe every mapped tile of a region, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from annotation.anchors.engine_generators import GENERATORS
from annotation.anchors.management.region_command import RegionCommand
from annotation.anchors.services import generate


class Command(RegionCommand):
    help = "Generate semantic anchors for every mapped tile of a region that has none yet from the same generator."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--generator", default="geometric", help=f"what describes the tiles: {', '.join(GENERATORS)}"
        )
        parser.add_argument("--endpoint", default="", help="http: name of an endpoint in MAPWRIGHT_MLLM_ENDPOINTS")
        parser.add_argument(
            "--model", default="", help="transformers: folder or hub name; http: another model of the endpoint"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        region = self.region(options["region"])
        choice = {name: options[name] for name in ("generator", "endpoint", "model")}
        done = self.finish(lambda: generate.start(region=region, user=None, **choice, listed=False, wake=False))
        text = f"{done['made']} anchors made, {done['kept']} kept, {done['unmapped']} tiles not mapped."
        self.stdout.write(self.style.SUCCESS(text))
        if done["tokens_in"] or done["tokens_out"]:
            price = f", {done['cost']:.2f} {done['currency']}".rstrip() if done["cost"] else ""
            self.stdout.write(f"{done['tokens_in']} tokens read, {done['tokens_out']} written{price}.")
        if done["missing"]:
            tiles = ", ".join(done["missing_tiles"]) + (" ..." if done["missing"] > len(done["missing_tiles"]) else "")
            self.stdout.write(self.style.WARNING(f"{done['missing']} tiles are missing ({done['detail']}): {tiles}"))
