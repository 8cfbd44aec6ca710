"""What tests of images without a place do again and again: send, look for, look at, confirm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.common.models import JobState
from annotation.common.services import jobs
from annotation.geolocation.models import UnplacedImage
from mlcore.geometry.webmercator import lonlat_to_mercator
from tests.photos_of_town import Frame


def send(client, *paths: Path, **fields):
    files = [SimpleUploadedFile(path.name, path.read_bytes()) for path in paths]
    return client.post(reverse("api-images"), {"files": files, **fields}, format="multipart")


def located(reply) -> list[UnplacedImage]:
    assert reply.status_code == 202, reply.content
    rows = UnplacedImage.objects.filter(pk__in=[one["id"] for one in reply.json()])
    done = jobs.run_now(rows[0].job)
    assert done.state == JobState.SUCCEEDED, done.error_detail
    return list(rows.order_by("pk"))


def shown(client, image) -> dict:
    return client.get(reverse("api-image", args=[image.pk])).json()


def off_m(corners, truth: Frame) -> float:
    """The farthest that a corner lies off, in metres of the ground."""
    away = lonlat_to_mercator(np.array(corners)) - lonlat_to_mercator(truth.corners)
    return float(np.linalg.norm(away, axis=1).max() * np.cos(np.radians(truth.middle[1])))


def confirm(client, image, **body):
    return client.post(reverse("api-image-confirm", args=[image.pk]), body, format="json")
