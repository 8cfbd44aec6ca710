"""A disk that fills up: a clear refusal, and no part of a file is left or used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.common.services.jobs import run_now
from annotation.sources.errors import DiskFullError
from annotation.sources.models import Imagery
from annotation.sources.services.add_sources import add_imagery
from annotation.sources.services.files import Upload, source_folder
from tests import factories
from tests.files import room_for, write_geotiff

pytestmark = pytest.mark.django_db
RIGHTS = {"licence": "CC0-1.0", "attribution": "A test"}


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


def test_an_upload_that_fills_the_disk_leaves_nothing(client_of, media, tmp_path):
    """F6, of an upload."""
    editor = factories.UserFactory(role="editor")
    region = factories.RegionFactory(members=[editor])
    content = write_geotiff(tmp_path / "a.tif").read_bytes()
    client = client_of(editor)
    with room_for(len(content) // 2):
        answer = client.post(
            f"/api/regions/{region.pk}/imagery/", {"file": SimpleUploadedFile("a.tif", content), **RIGHTS}
        )
    assert answer.status_code == 507 and answer.json()["code"] == "disk_full"
    assert not Imagery.objects.exists() and not media.exists()


def test_a_file_that_does_not_fit_is_not_taken_in(media, tmp_path):
    file = Upload.from_path(write_geotiff(tmp_path / "a.tif"))
    with room_for(1000), pytest.raises(DiskFullError):
        add_imagery(user=None, region=factories.RegionFactory(), file=file, wake=False, **RIGHTS)
    assert [path for path in media.rglob("*") if path.is_file()] == []
    assert not Imagery.objects.exclude(upload_path="").exists()


def test_an_image_whose_copy_does_not_fit_ends_as_a_failed_source(tmp_path):
    file = Upload.from_path(write_geotiff(tmp_path / "a.tif"))
    added = add_imagery(user=None, region=factories.RegionFactory(), file=file, wake=False, **RIGHTS)
    with room_for(100_000):
        job = run_now(added.source.job)
    added.source.refresh_from_db()
    assert (job.state, added.source.state) == ("failed", "failed"), job.error_detail
    assert not source_folder(added.source).exists()
