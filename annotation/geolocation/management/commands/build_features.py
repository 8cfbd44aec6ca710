"""`manage.py build_features`: describe all reference imagery, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from annotation.anchors.management.region_command import RegionCommand
from annotation.geolocation.services.keep_up import start


class Command(RegionCommand):
    help = "Build the features that images without a place are looked for in; only what is new is described."

    def add_arguments(self, parser: CommandParser) -> None:
        """It is of no region."""

    def handle(self, *args: Any, **options: Any) -> None:
        done = self.finish(lambda: start(user=None, wake=False))
        self.stdout.write(
            self.style.SUCCESS(f"{done['bases']} bases can be searched: {done['added']} new, {done['removed']} gone.")
        )
