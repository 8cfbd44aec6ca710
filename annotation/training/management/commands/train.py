"""manage.py train REGION: train a region's models, here and now."""

from typing import cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.common.errors import DomainError
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.sources.models import Region
from annotation.training.services import start


class Command(BaseCommand):
    help = "Trains the consistency and change models of a region on its mapped tiles; a stopped training goes on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("region", type=int, help="id of the region")
        parser.add_argument("--preset", default="compact", help="size of the models")
        parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same models on one machine")

    def handle(self, *args, **options) -> None:
        region = Region.objects.filter(pk=options["region"]).first()
        if region is None:
            raise CommandError(f"no region {options['region']}")
        try:
            run = start.start(region=region, user=None, preset=options["preset"], seed=options["seed"], wake=False)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        job = run_now(
            cast(Job, run.job), echo=lambda fraction, message: self.stderr.write(f"{fraction:4.0%} {message}")
        )
        if job.state != JobState.SUCCEEDED:
            detail = job.error_detail or "stopped; start it again to go on"
            raise CommandError(f"{job.error_code or job.state}: {detail}")
        self.stdout.write(f"model {job.result['model']} is {job.result['state']}")
        for name, value in sorted(job.result["metrics"].items()):
            self.stdout.write(f"  {name} {value:.4g}")

    def echo(self, fraction: float, message: str) -> None:
        self.stderr.write(f"{fraction:4.0%} {message}")
