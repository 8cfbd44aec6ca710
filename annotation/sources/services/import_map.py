"""Imports an uploaded map: every building and feature as a row, with the ids and versions that edits need."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction

from annotation.common.engine import SpanProgress
from annotation.common.services.jobs import JobContext
from annotation.common.signals import map_stored
from annotation.sources.ingestion import ingest_map, read_features
from annotation.sources.models import Footprint, MapFeature, MapSnapshot, SourceState
from annotation.sources.services.files import absolute, called, clear_folder, room_on_disk, source_folder
from annotation.sources.services.fit import notes_on_map
from annotation.sources.services.store_features import store_features


def run(context: JobContext) -> None:
    """Runner of `sources.import_map`; a second run of a finished import does nothing."""
    snapshot = MapSnapshot.objects.get(pk=context.params["source"])
    if snapshot.state == SourceState.READY:
        return
    upload, folder = absolute(snapshot.upload_path), source_folder(snapshot)
    lines = folder / f"features-{context.run_token}.jsonl"
    try:
        with room_on_disk(), called(upload, snapshot.original_name):
            clear_folder(folder, keep={upload.name})
            info = ingest_map(upload, lines, SpanProgress(context, 0.0, 0.7))
        snapshot.counts, snapshot.replication_sequence = dict(info.counts), info.replication_sequence
        if snapshot.taken_at is None and info.newest_timestamp:
            snapshot.taken_at = dt.datetime.fromisoformat(info.newest_timestamp)
        snapshot.state = SourceState.READY
        context.report(0.7, "storing features")
        with transaction.atomic():
            _remove_rows(snapshot)
            stored = store_features(snapshot, read_features(lines), context)
            snapshot.repairs, snapshot.warnings = list(info.repairs), notes_on_map(snapshot)
            # The job's row is held from here on only: while rows are copied it can be cancelled.
            with context.transaction(final=True):
                snapshot.save()
                heard: list[Any] = [said for _, said in map_stored.send(MapSnapshot, snapshot=snapshot)]
                words = [f"{stored} features of the map are stored", *(word for _, word in heard if word)]
                context.report(1.0, "; ".join(words))
                result: dict[str, Any] = {"snapshot": snapshot.pk, "features": stored, "unversioned": info.unversioned}
                context.set_result(reduce(or_, (facts for facts, _ in heard), result))
    finally:
        lines.unlink(missing_ok=True)


def _remove_rows(snapshot: MapSnapshot) -> None:
    for model in (Footprint, MapFeature):
        model.objects.filter(snapshot=snapshot).delete()
