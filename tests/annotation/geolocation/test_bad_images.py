"""Images that are no images, show nothing, are bombs, or are somebody else's: each gets its answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.geolocation.models import UnplacedImage
from annotation.geolocation.services.images import image_folder
from tests.annotation.geolocation.placing import confirm, located, send
from tests.factories import RegionFactory, UserFactory
from tests.factories_geolocation import UnplacedImageFactory
from tests.mlcore.imagery.photos import write_photo
from tests.mlcore.imagery.test_photo import jpeg_bomb, png_bomb, sparse_tiff
from tests.photos_of_town import frame, write_frame

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("town of images")]


@pytest.fixture(autouse=True)
def few_looks(settings):
    """A picture that is nowhere is given up sooner."""
    settings.IMAGE_LOOKS = 6


def test_what_is_not_here_or_shows_nothing_is_said(client_of, editor, town_region, tmp_path):
    """A photo of a cat (made: fur and eyes), a black frame, an even grey; one bad file does not stop the others."""
    rng = np.random.default_rng(2)
    fur = np.uint8(np.clip(rng.normal(120, 25, (480, 640, 1)) + rng.normal(0, 8, (480, 640, 3)), 0, 255))
    black, grey = np.full((300, 400, 3), 3, np.uint8), np.full((300, 400, 3), 128, np.uint8)
    paths = [
        write_photo(tmp_path / name, rgb) for name, rgb in (("cat.jpg", fur), ("black.png", black), ("grey.png", grey))
    ]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no more")
    client = client_of(editor)
    images = located(send(client, *paths, broken, region=town_region.pk))
    told = [(one.state, one.error_code, one.error_detail) for one in images]
    assert told[0][:2] == ("not_found", "not_here") and "by hand" in told[0][2]
    assert told[1][:2] == ("failed", "nothing_to_see") and "black" in told[1][2]
    assert told[2][:2] == ("failed", "nothing_to_see") and "even tone" in told[2][2]
    assert told[3][:2] == ("failed", "invalid_input") and "broken.jpg" in told[3][2] and "upload" not in told[3][2]


def test_a_file_that_waits_on_the_disk_is_taken_from_a_form_without_a_region(client_of, editor, tmp_path, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    photo = write_photo(tmp_path / "frame.jpg", np.zeros((200, 300, 3), np.uint8))
    assert photo.stat().st_size > 1000

    reply = send(client_of(editor), photo, photo, region="")

    assert reply.status_code == 202 and [one["region"] for one in reply.json()] == [None, None]


def test_nothing_to_search_is_said(client_of, editor, town, tmp_path):
    bare = RegionFactory(members=[editor])
    (image,) = located(
        send(client_of(editor), write_frame(tmp_path / "a.jpg", frame(town / "imagery.tif")), region=bare.pk)
    )
    assert (image.state, image.error_code) == ("not_found", "nothing_to_search")


@pytest.mark.parametrize("name", ["../../etc/passwd.jpg", "a\x00b.jpg", "/abs/olute.png", "x" * 300 + ".jpg"])
def test_i6_names_are_contained(client_of, editor, town_region, town, tmp_path, name):
    """I6: a name is only ever shown."""
    path = write_frame(tmp_path / "a.jpg", frame(town / "imagery.tif"))
    file = SimpleUploadedFile("a.jpg", path.read_bytes())
    file._name = name
    reply = client_of(editor).post(
        reverse("api-images"), {"files": [file], "region": town_region.pk}, format="multipart"
    )
    assert reply.status_code in {202, 400}
    for image in UnplacedImage.objects.all():
        assert "/" not in image.original_name and "\0" not in image.original_name
        assert (Path(settings.MEDIA_ROOT) / image.path).resolve().is_relative_to(image_folder(image.pk).resolve())


@pytest.mark.parametrize("name", ["a.pdf", "a.gif", "a", "a.jpg.exe"])
def test_what_is_no_image_by_name_is_refused_whole(client_of, editor, tmp_path, name):
    (tmp_path / "ok.jpg").write_bytes(b"x")
    (tmp_path / name).write_bytes(b"x")
    reply = send(client_of(editor), tmp_path / "ok.jpg", tmp_path / name)
    assert reply.status_code == 400 and ".jpeg" in reply.json()["detail"] and not UnplacedImage.objects.exists()


def test_i3_bombs_end_as_images_that_are_not_usable(client_of, editor, town_region, tmp_path):
    """I3: sparse TIFF, PNG bomb: an answer in seconds, nothing left of them."""
    (tmp_path / "b.png").write_bytes(png_bomb(50_000))
    (tmp_path / "c.jpg").write_bytes(jpeg_bomb())
    images = located(send(client_of(editor), sparse_tiff(tmp_path / "a.tif"), tmp_path / "b.png", tmp_path / "c.jpg"))
    assert {(one.state, one.error_code) for one in images} == {("failed", "invalid_input")}
    assert all("pixels" in one.error_detail for one in images)


def test_a_list_takes_as_many_queries_however_long_it_is(client_of, editor, django_assert_max_num_queries):
    UnplacedImageFactory.create_batch(7, owner=editor)
    client = client_of(editor)
    with django_assert_max_num_queries(6):
        assert len(client.get(reverse("api-images")).json()["results"]) == 7
    assert client.get(reverse("api-images"), {"state": "nonsense"}).status_code == 400
    assert client.get(reverse("api-images"), {"state": "placed"}).json()["results"] == []


def test_nobody_else_sees_or_confirms_an_image(client_of, editor, town_region, town, tmp_path):
    (image,) = located(send(client_of(editor), write_frame(tmp_path / "a.jpg", frame(town / "imagery.tif"))))
    stranger = client_of(UserFactory(role="editor"))
    best = image.candidates.get(rank=1)
    assert stranger.get(reverse("api-image", args=[image.pk])).status_code == 404
    body = {"candidate": best.pk, "region": town_region.pk, "licence": "x", "attribution": "x"}
    assert confirm(stranger, image, **body).status_code == 404
    other = located(send(stranger, write_frame(tmp_path / "b.jpg", frame(town / "imagery.tif", at=(0.4, 0.4)))))[0]
    assert confirm(stranger, other, **body).status_code == 404  # a place of somebody else's image
    closed = RegionFactory()
    mine = {**body, "candidate": other.candidates.get(rank=1).pk, "region": closed.pk}
    assert confirm(stranger, other, **mine).status_code == 404
