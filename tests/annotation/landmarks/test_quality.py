"""Checks of access and of what comes from outside, by their names: landmarks, photos, tables, and the search."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from annotation.common.models import JobState
from annotation.common.services import jobs
from annotation.landmarks import engine
from annotation.landmarks.models import Landmark, LandmarkPhoto, SearchIndex
from annotation.landmarks.services import keep_up
from annotation.landmarks.services.update_index import read_region as read_one
from annotation.sources.models import Region
from annotation.sources.services.regions import delete_region
from mlcore.progress import SilentProgress
from tests.factories import RegionFactory, UserFactory
from tests.factories_landmarks import LandmarkFactory, LandmarkPhotoFactory
from tests.mlcore.imagery.photos import texture

pytestmark = pytest.mark.django_db
MISSING = 2**40
TABLE = "name,lat,lon\nTemple,27.6,85.5\n"


def uploaded(name: str = "a.jpg") -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.fromarray(texture()).save(file, "JPEG")
    return SimpleUploadedFile(name, file.getvalue())


@pytest.fixture
def editor():
    return UserFactory(role="editor")


def test_z2_uploads_into_a_region_that_one_may_not_see_are_refused_as_into_none(client_of, editor):
    client, theirs = client_of(editor), RegionFactory()
    for address, file in (
        ("/api/landmarks/import-csv/", lambda: {"file": SimpleUploadedFile("a.csv", TABLE.encode())}),
        ("/api/search/photo/", lambda: {"photo": uploaded()}),
        ("/api/landmark-photos/", lambda: {"photo": uploaded()}),
    ):
        answers = [client.post(address, {**file(), "region": one}, format="multipart") for one in (theirs.pk, MISSING)]
        assert [one.status_code for one in answers] == [404, 404], address
        assert answers[0].json() == {**answers[1].json(), "detail": answers[0].json()["detail"]}
    assert not Landmark.objects.exists() and not LandmarkPhoto.objects.exists()


def test_z4_what_is_not_a_persons_to_say_of_a_landmark_is_ignored(client_of, editor):
    mine, other = RegionFactory(members=[editor]), RegionFactory(members=[editor])
    row = LandmarkFactory(region=mine, source="map", key="way/1", tags={"name": "Temple"})
    body = {"name": "New", "region": other.pk, "source": "hand", "key": "way/2", "tags": {}, "edited": False,
            "created_by": editor.pk}  # fmt: skip
    assert client_of(editor).patch(f"/api/landmarks/{row.pk}/", body, format="json").status_code == 200
    row.refresh_from_db()
    assert (row.name, row.region, row.source, row.key, row.created_by) == ("New", mine, "map", "way/1", None)
    assert row.tags == {"name": "Temple"} and row.edited, "a person changed it, whatever they say"


def test_z4_what_is_not_a_persons_to_say_of_a_photo_is_ignored(client_of, editor):
    mine, other = RegionFactory(members=[editor]), RegionFactory(members=[editor])
    owner, foreign = UserFactory(), LandmarkFactory(region=other)
    row = LandmarkPhotoFactory(region=mine, landmark=LandmarkFactory(region=mine), owner=owner)
    before = LandmarkPhoto.objects.filter(pk=row.pk).values().get()
    body = {"caption": "the gate", "owner": editor.pk, "region": other.pk, "landmark": foreign.pk, "change": 1,
            "sha256": "0" * 64, "width": 1, "position_from": "person", "accuracy_m": 1, "camera": "mine"}  # fmt: skip
    assert client_of(editor).patch(f"/api/landmark-photos/{row.pk}/", body, format="json").status_code == 200
    after = LandmarkPhoto.objects.filter(pk=row.pk).values().get()
    assert after == {**before, "caption": "the gate"}


@pytest.mark.parametrize("address", ["/api/landmarks/", "/api/landmark-photos/"])
def test_z5_lists_know_their_own_filters_alone(client_of, editor, address):
    region = RegionFactory(members=[editor])
    for landmark in LandmarkFactory.create_batch(2, region=region):
        LandmarkPhotoFactory(region=region, landmark=landmark)
    client = client_of(editor)
    plain = client.get(address).json()["results"]
    asked = {"ordering": "created_by__password", "created_by__password__startswith": "a", "search": "x",
             "owner__password": "x", "region__members": 1}  # fmt: skip
    assert client.get(address, asked).json()["results"] == plain and len(plain) == 2
    assert client.get(f"/api/regions/{region.pk}/embeddings/", {"form": "../../etc/passwd"}).status_code == 400


def test_z6_a_session_without_its_token_changes_nothing(editor):
    region = RegionFactory(members=[editor])
    landmark = LandmarkFactory(region=region)
    photo = LandmarkPhotoFactory(region=region, landmark=landmark)
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(editor, backend="django.contrib.auth.backends.ModelBackend")
    answers = [
        client.post("/api/landmarks/", {"region": region.pk, "name": "A", "lon": 1, "lat": 1}, format="json"),
        client.patch(f"/api/landmarks/{landmark.pk}/", {"name": "A"}, format="json"),
        client.delete(f"/api/landmarks/{landmark.pk}/"),
        client.post("/api/landmarks/from-map/", {"region": region.pk}, format="json"),
        client.post("/api/landmarks/import-csv/", {"region": region.pk, "file": uploaded()}, format="multipart"),
        client.post("/api/landmark-photos/", {"photo": uploaded(), "landmark": landmark.pk}, format="multipart"),
        client.patch(f"/api/landmark-photos/{photo.pk}/", {"caption": "A"}, format="json"),
        client.delete(f"/api/landmark-photos/{photo.pk}/"),
        client.post("/api/search/photo/", {"photo": uploaded()}, format="multipart"),
        client.post(f"/api/regions/{region.pk}/embeddings/update/"),
    ]
    assert {one.status_code for one in answers} == {403}
    assert {"CSRF" in one.json()["detail"] for one in answers} == {True}
    assert Landmark.objects.get().name == landmark.name and LandmarkPhoto.objects.get().caption == ""


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 301, " ", ""])
def test_i7_texts_that_can_not_be_are_refused(client_of, person, text):
    answer = client_of(person).get("/api/search/", {"q": text.encode("utf-8", "surrogatepass")})
    assert answer.status_code == 400 or answer.json()["results"] == []


def test_i8_script_in_names_and_captions_comes_back_as_text(client_of, editor):
    evil = "<img src=x onerror=alert(1)>"
    region = RegionFactory(members=[editor])
    client = client_of(editor)
    made = client.post("/api/landmarks/", {"region": region.pk, "name": evil, "lon": 1, "lat": 1}, format="json").json()
    data = {"photo": uploaded(f"{evil}.jpg"), "landmark": made["id"], "caption": evil}
    photo = client.post("/api/landmark-photos/", data, format="multipart").json()
    assert (made["name"], photo["caption"]) == (evil, evil)
    page = client.get(f"/regions/{region.pk}/landmarks/")
    assert evil not in page.content.decode()


class Touches:
    """Touches a file where somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_i9_weights_that_are_a_pickle_are_refused_unread(read_region, person, settings, tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(pickle.dumps(Touches(canary := tmp_path / "canary")))
    settings.LANDMARKS_WEIGHTS = str(path)
    read_region(person)
    job = jobs.run_now(keep_up.start(user=None, wake=False))
    assert job.state == JobState.FAILED and job.error_code
    assert not canary.exists()


class Removes(SilentProgress):
    """Removes a region as soon as anything of it was read."""

    def __init__(self, region: Region) -> None:
        self.region: Region | None = region

    def report(self, fraction, message="", figures=None) -> None:
        if self.region is not None:
            region, self.region = self.region, None
            delete_region(user=None, region=region)


def test_c7_a_region_that_goes_while_it_is_read_leaves_nothing_behind(read_region, person, update):
    keep, gone = read_region(person), read_region(person)
    weights = engine.weights_in_use()
    index = engine.index_folder(keep_up.row_of(weights))
    read_one(index, engine.loaded(weights), gone, Removes(gone))
    assert engine.count_of(index, engine.TILES) == 4, "they were read from the file that was open"
    assert update()["tiles"] == 4
    index = engine.index_folder(SearchIndex.objects.serving().get())
    assert engine.count_of(index, engine.TILES) == 4 and engine.tiles_found(index.regions, keep.pk) == 4
