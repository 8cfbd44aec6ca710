"""`manage.py start_region`: from two files, or from nothing, to a queue of suspected changes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from annotation.common.engine import MlcoreError
from annotation.common.errors import DomainError
from annotation.common.management.console import ProgressLine, run_here, said
from annotation.common.models import Job, JobState
from annotation.learning.errors import NoGeneralModelError
from annotation.learning.services.general import enough_mapped
from annotation.pipeline.demo import NAME, SilentProgress, demo_files
from annotation.pipeline.errors import OwnModelError
from annotation.pipeline.services.start import MAIN_JOB, start_main_job
from annotation.pipeline.services.start_first_look import FIRST_LOOK, look_without_training, start_first_look
from annotation.sources.engine import area_from_file
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.services.add_sources import add_imagery, add_snapshot
from annotation.sources.services.files import Upload
from annotation.sources.services.regions import create_region


class Command(BaseCommand):
    help = (
        "Make a region of an image and a map, import them, take a first look and run the main job; the same files are "
        "done once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="use a synthetic town")
        parser.add_argument("--name", help="name of the region (else the image's)")
        parser.add_argument("--imagery", type=Path, help="GeoTIFF")
        parser.add_argument("--map", type=Path, help=".osm, .osm.gz, .osm.pbf or GeoJSON")
        parser.add_argument("--area", type=Path, help="GeoJSON polygon of where the map is complete (else: everywhere)")
        parser.add_argument("--zoom", type=int, choices=range(14, 23), metavar="14..22", help="zoom of the grid")
        parser.add_argument("--licence", default="not stated", help="of the image")
        parser.add_argument("--attribution", default="not stated", help="who is to be named for the image")
        parser.add_argument("--captured-on", type=dt.date.fromisoformat, help="day of the flight, YYYY-MM-DD")
        parser.add_argument("--preset", help="size of the models (compact; the demo: quick)")
        parser.add_argument(
            "--leave-training", action="store_true", help="end after the first look; a worker trains and scans again"
        )
        parser.add_argument("--include-unmapped", action="store_true", help="also look where the map is incomplete")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["demo"]:
                self._use_demo(options)
            if not options["imagery"] or not options["map"]:
                raise CommandError("give --imagery FILE and --map FILE, or --demo")
            options["preset"] = options["preset"] or "compact"
            self._start(options)
        except (DomainError, MlcoreError, OSError) as error:
            raise CommandError(str(error)) from error

    def _use_demo(self, options: dict[str, Any]) -> None:
        if options["imagery"] or options["map"]:
            raise CommandError("--demo brings its own image and map; leave out --imagery and --map")
        line = ProgressLine(self.stderr)
        files = demo_files(_Reporter(line))
        line.end()
        options |= {"imagery": files.imagery, "map": files.map, "captured_on": files.captured_on}
        options["preset"] = options["preset"] or "quick"
        options |= {"name": options["name"] or NAME, "licence": "CC0-1.0", "attribution": "Mapwright's synthetic town"}

    def _start(self, options: dict[str, Any]) -> None:
        name = options["name"] or options["imagery"].stem[:120]
        area = area_from_file(options["area"]) if options["area"] else None
        image, chart = Upload.from_path(options["imagery"]), Upload.from_path(options["map"])
        region = Region.objects.filter(name=name).first() or create_region(
            user=None, name=name, zoom=options["zoom"], open_to_all=options["demo"], first_look=False
        )
        imagery = add_imagery(
            user=None,
            region=region,
            file=image,
            licence=options["licence"],
            attribution=options["attribution"],
            captured_on=options["captured_on"],
            wake=False,
        ).source
        snapshot = add_snapshot(
            user=None,
            region=region,
            file=chart,
            licence="CC0-1.0" if options["demo"] else "ODbL-1.0",
            attribution=options["attribution"] if options["demo"] else "© OpenStreetMap contributors",
            area=area,
            wake=False,
        ).source
        done = self._done(region, imagery, snapshot, options)
        if done is not None:
            self.stdout.write(f"{name} is ready: these very files were worked through already.")
            return
        for source in (imagery, snapshot):
            self._import(source)
        looked = self._first_look(region, imagery, snapshot, options)
        if looked and not enough_mapped(imagery, snapshot, options["preset"]):
            self.stdout.write(f"{name} is ready: too little is mapped to train a model of its own.")
            return
        leave = options["leave_training"]
        job = start_main_job(
            region=region,
            user=None,
            preset=options["preset"],
            include_unmapped=options["include_unmapped"],
            wake=leave,
        )
        if leave:
            self.stdout.write("A model of this region is trained meanwhile; what it finds replaces the first look.")
            return
        self._finish(run_here(job, self.stderr), "main job")
        job.refresh_from_db()
        counts = job.result["changes"]
        text = f"{name} is ready: {job.result['scored']} tiles scored, {counts['made']} suspected changes to decide."
        self.stdout.write(self.style.SUCCESS(text))

    def _first_look(self, region: Region, imagery: Imagery, snapshot: MapSnapshot, options: dict[str, Any]) -> bool:
        """Fill the queue by the general model, once; whether it is filled.

        What stops it is said, and stops nothing else: a model of the region is trained all the same.
        """
        about = {"imagery": imagery.pk, "snapshot": snapshot.pk}
        ended = Job.objects.for_scope(region.pk).filter(kind=FIRST_LOOK, state=JobState.SUCCEEDED)
        if ended.filter(params__contains=about, result__has_key="changes").exists():
            return True
        include = options["include_unmapped"]
        try:
            running = look_without_training(region)
            job = running or start_first_look(region=region, user=None, include_unmapped=include, wake=False)
        except (NoGeneralModelError, OwnModelError) as error:
            self.stdout.write(f"no first look: {error}")
            return False
        self.stdout.write("first look, by the general model as it ships")
        job = run_here(job, self.stderr)
        if job.state == JobState.CANCELLED:
            self._finish(job, "first look")
        if job.state != JobState.SUCCEEDED or "changes" not in job.result:
            self.stdout.write(f"no first look: {job.result.get('skipped') or said(job)}")
            return False
        text = f"{job.result['changes']['made']} suspected changes of an untuned model can be decided now: "
        self.stdout.write(self.style.SUCCESS(text + reverse("queue", args=[region.pk])))
        return True

    def _done(self, region: Region, imagery: Imagery, snapshot: MapSnapshot, options: dict[str, Any]) -> Job | None:
        """The main job that did all this before."""
        params = {name: options[name] for name in ("preset", "include_unmapped")}
        params |= {"imagery": imagery.pk, "snapshot": snapshot.pk}
        done = Job.objects.for_scope(region.pk).filter(kind=MAIN_JOB, state=JobState.SUCCEEDED)
        return done.filter(params__contains=params).first()

    def _import(self, source: Imagery | MapSnapshot) -> None:
        if source.state == "ready" or source.job is None:
            return
        self.stdout.write(f"importing {source.original_name}")
        self._finish(run_here(source.job, self.stderr), "import")

    def _finish(self, job: Job, what: str) -> None:
        if job.state != JobState.SUCCEEDED:
            raise CommandError(f"the {what} ended without a result ({said(job)})")


class _Reporter(SilentProgress):
    """Progress of the demo's making, on the console."""

    def __init__(self, line: ProgressLine) -> None:
        self._line = line

    def report(self, fraction: float, message: str = "", figures: Any = None) -> None:
        self._line(fraction, message)
