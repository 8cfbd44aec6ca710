"""manage.py scan REGION: score every tile of a region, here and now."""

from typing import cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.common.errors import DomainError
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.consistency.services import start
from annotation.sources.models import Region
from annotation.training.models import ModelVersion


class Command(BaseCommand):
    help = "Scores how well image and map agree on every tile of a region, with the model in use or another one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("region", type=int, help="id of the region")
        parser.add_argument("--model", type=int, help="id of a model of the region; without it the one in use")
        parser.add_argument("--include-unmapped", action="store_true", help="also tiles where the map is incomplete")

    def handle(self, *args, **options) -> None:
        region = Region.objects.filter(pk=options["region"]).first()
        if region is None:
            raise CommandError(f"no region {options['region']}")
        try:
            scan = start.start(
                region=region,
                user=None,
                model=self.model(options["model"]),
                include_unmapped=options["include_unmapped"],
                wake=False,
            )
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        job = run_now(
            cast(Job, scan.job), echo=lambda fraction, message: self.stderr.write(f"{fraction:4.0%} {message}")
        )
        if job.state != JobState.SUCCEEDED:
            detail = job.error_detail or "stopped; start it again to go on"
            raise CommandError(f"{job.error_code or job.state}: {detail}")
        self.stdout.write(f"scan {scan.pk}: {job.result['scored']} tiles scored")

    def model(self, model_id: int | None) -> ModelVersion | None:
        if model_id is None:
            return None
        model = ModelVersion.objects.filter(pk=model_id).first()
        if model is None:
            raise CommandError(f"no model {model_id}")
        return model

    def echo(self, fraction: float, message: str) -> None:
        self.stderr.write(f"{fraction:4.0%} {message}")
