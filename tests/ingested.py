"""Files that many tests import alike are ingested once a process: reading one apart takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from annotation.sources import ingestion
from mlcore.digests import sha256_of
from mlcore.ingestion.sandbox import run_ingest

_came: dict[tuple[Any, ...], tuple[Any, bytes]] = {}
"""What came of a file by what it holds and how it was read."""


@contextmanager
def ingested_once() -> Iterator[None]:
    """Imports of this process take what came of the same file before, to the byte."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingestion, "run_ingest", _once)
        yield


def _once(what: Any, source: Path, target: Path, **options: Any) -> Any:
    told = (what, sha256_of(source), source.suffix, repr(options.get("limits")))
    if told in _came:
        info, content = _came[told]
        target.write_bytes(content)
        return info
    info = run_ingest(what, source, target, **options)
    _came[told] = info, target.read_bytes()
    return info
