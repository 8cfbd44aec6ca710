"""`manage.py train REGION`, or `manage.py train --kind matcher`: train a model, here and now."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from annotation.anchors.management.region_command import RegionCommand
from annotation.learning.models import REGION
from annotation.learning.services.start import start


def _setting(text: str) -> tuple[str, Any]:
    """ "evidence.epochs=20" -> ("evidence.epochs", 20)."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), json.loads(value)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} gives no number, true, false or list, such as 20 or [24, 48]") from error


class Command(RegionCommand):
    help = "Train a region's model, or one for all regions; a stopped training goes on from its checkpoint."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("region", nargs="?", default="", help="name or number; left out for a model of all regions")
        parser.add_argument("--kind", default=REGION, choices=list(settings.MODEL_KINDS), help="which kind of model")
        parser.add_argument("--preset", default="compact", help="size of the model, or length of the training")
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", type=_setting,
            help="a setting that is to differ from the preset, such as evidence.epochs=20; may be given again",
        )  # fmt: skip
        parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same models on one machine")

    def handle(self, *args: Any, **options: Any) -> None:
        region = self.region(options["region"]) if options["region"] else None
        wish = {name: options[name] for name in ("kind", "preset", "seed")}
        wish["settings"] = dict(options["set"])
        done = self.finish(lambda: start(region=region, user=None, wake=False, **wish).job)
        self.stdout.write(self.style.SUCCESS(f"Model {done['model']} is {done['state']}."))
        for name, value in sorted(done["metrics"].items()):
            self.stdout.write(f"  {name} {value:.4g}")
