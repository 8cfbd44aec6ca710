"""`manage.py update_search`: read all tiles and landmarks that the search lacks, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from annotation.anchors.management.region_command import RegionCommand
from annotation.landmarks.services.keep_up import start


class Command(RegionCommand):
    help = "Bring the search up to all tiles and landmarks that are there; only what is new is read."

    def add_arguments(self, parser: CommandParser) -> None:
        """It is of no region."""

    def handle(self, *args: Any, **options: Any) -> None:
        done = self.finish(lambda: start(user=None, wake=False))
        self.stdout.write(
            self.style.SUCCESS(f"{done['tiles']} tiles and {done['landmarks']} landmarks can be searched: "
                               f"{done['read']} tiles were read.")
        )  # fmt: skip
