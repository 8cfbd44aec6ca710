"""`manage.py main_job REGION`: pairs, anchors, training, scan and candidates of a region, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.common.errors import DomainError
from annotation.common.management.console import run_here, said
from annotation.common.models import JobState
from annotation.pipeline.services.start import start_main_job
from annotation.pipeline.services.start_first_look import look_without_training
from annotation.sources.models import Region


class Command(BaseCommand):
    help = "Run the main job of a region in this process; Ctrl-C stops at a checkpoint, a second call goes on from it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("region", help="name or number of the region")
        parser.add_argument("--preset", default="compact", help="size of the models")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--include-unmapped",
            action="store_true",
            help="also suggest buildings where the map is known to be incomplete",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["region"]
        region = Region.objects.filter(name=name).first()
        if region is None and name.isdecimal():
            region = Region.objects.filter(pk=int(name)).first()
        if region is None:
            raise CommandError(f"there is no region {name}: make it with manage.py start_region")
        look = look_without_training(region)
        if look is not None:
            self.stdout.write("the first look, which started by itself, goes before")
            run_here(look, self.stderr)
        try:
            job = start_main_job(
                region=region,
                user=None,
                preset=options["preset"],
                seed=options["seed"],
                include_unmapped=options["include_unmapped"],
                wake=False,
            )
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        job = run_here(job, self.stderr)
        if job.state != JobState.SUCCEEDED:
            raise CommandError(said(job))
        made, kept = (job.result["changes"][name] for name in ("made", "kept"))
        text = (
            f"{job.result['scored']} tiles scored, {made + kept} suspected changes wait in the queue of {region.name}"
        )
        text += f", {made} of them new." if kept else "."
        self.stdout.write(self.style.SUCCESS(text))
