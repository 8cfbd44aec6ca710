"""manage.py generate_anchors REGION: describe every mapped tile of a region, here and now."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.anchors.services import generate
from annotation.common.errors import DomainError
from annotation.common.models import JobState
from annotation.common.services.jobs import run_now
from annotation.sources.models import Region


class Command(BaseCommand):
    help = "Generates semantic anchors for every mapped tile of a region that has none yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("region", type=int, help="id of the region")
        parser.add_argument("--generator", default="geometric", help="which generator describes the tiles")

    def handle(self, *args, **options) -> None:
        region = Region.objects.filter(pk=options["region"]).first()
        if region is None:
            raise CommandError(f"no region {options['region']}")
        try:
            job = generate.start(region=region, user=None, generator=options["generator"], wake=False)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        job = run_now(job, echo=lambda fraction, message: self.stderr.write(f"{fraction:4.0%} {message}"))
        if job.state != JobState.SUCCEEDED:
            detail = job.error_detail or "stopped; start it again to go on"
            raise CommandError(f"{job.error_code or job.state}: {detail}")
        done = job.result
        self.stdout.write(f"{done['made']} anchors made, {done['kept']} kept, {done['unmapped']} tiles not mapped")
