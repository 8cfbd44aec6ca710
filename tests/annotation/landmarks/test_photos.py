"""Photos from the ground: where they were taken and look, evidence beside changes, and files that are no photos."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from annotation.landmarks.engine import photos as reader
from annotation.landmarks.models import LandmarkPhoto
from annotation.landmarks.services.photos import photo_file
from annotation.sources.models import RegionMember
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory
from tests.factories_landmarks import LandmarkFactory
from tests.files import room_for
from tests.mlcore.imagery.photos import gps, texture, write_photo
from tests.mlcore.imagery.test_photo import jpeg_bomb, png_bomb, sparse_tiff

pytestmark = pytest.mark.django_db
PHOTOS = "/api/landmark-photos/"


@pytest.fixture
def landmark(person):
    return LandmarkFactory(region=RegionFactory(members=[person]))


@pytest.fixture
def photo(tmp_path) -> Path:
    """Upright by its tag, as a phone is held; taken at 85.52 27.63, looking east."""
    position = gps(85.52, 27.63, GPSImgDirection=90.0, GPSImgDirectionRef="T")
    tags = {int(ExifTags.Base.Orientation): 6, int(ExifTags.Base.Artist): "Somebody"}
    return write_photo(tmp_path / "street.jpg", texture(), position=position, tags=tags)


def send(client, path: Path, address: str = PHOTOS, name: str = "", **fields):
    with path.open("rb") as file:
        upload = SimpleUploadedFile(name or path.name, file.read())
    return client.post(address, {"photo": upload, **fields}, format="multipart")


def test_a_photo_says_where_it_was_taken_and_looks_however_it_was_held(client_of, person, landmark, photo):
    answer = send(client_of(person), photo, landmark=landmark.pk)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["lon"], told["lat"]) == (pytest.approx(85.52, abs=1e-5), pytest.approx(27.63, abs=1e-5))
    assert told["direction_deg"] == pytest.approx(90) and told["position_from"] == "photo"
    assert (told["width"], told["height"]) == (90, 140) and told["created_by"] == person.username
    picture = client_of(person).get(told["image_url"])
    image = Image.open(io.BytesIO(b"".join(picture.streaming_content)))
    assert image.size == (90, 140) and not dict(image.getexif()) and "Somebody" not in str(image.info)


def test_what_a_person_says_goes_before_what_the_photo_says(client_of, person, landmark, photo):
    client = client_of(person)
    told = send(
        client, photo, landmark=landmark.pk, lon=85.6, lat=27.7, direction_deg=360, caption="from the gate"
    ).json()
    assert (told["lon"], told["direction_deg"], told["position_from"]) == (85.6, 0.0, "person")
    address = f"{PHOTOS}{told['id']}/"
    changed = client.patch(address, {"lon": None, "lat": None, "direction_deg": None}, format="json").json()
    assert (changed["lon"], changed["direction_deg"], changed["position_from"]) == (None, None, "")
    assert changed["caption"] == "from the gate"


def test_a_photo_beside_a_change_is_evidence_there(client_of, person, photo):
    change = ChangeFactory()
    RegionMember.objects.create(region=change.scan.region, user=person)
    client = client_of(person)
    made = send(client, photo, change=change.pk).json()
    assert (made["change"], made["landmark"], made["region"]) == (change.pk, None, change.scan.region_id)
    assert [row["id"] for row in client.get(PHOTOS, {"change": change.pk}).json()["results"]] == [made["id"]]
    assert send(client, photo, change=change.pk).json()["id"] == made["id"], "the same file comes once"
    change.delete()
    assert client.get(f"{PHOTOS}{made['id']}/").json()["change"] is None


def test_z2_a_photo_of_what_one_may_not_see_is_refused_as_of_nothing(client_of, person, photo):
    theirs, change = LandmarkFactory(), ChangeFactory()
    client = client_of(person)
    fields = [{"landmark": theirs.pk}, {"change": change.pk}, {"region": theirs.region_id}]
    for one in fields:
        foreign = send(client, photo, **one)
        absent = send(client, photo, **dict.fromkeys(one, 2**40))
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json()["code"] == absent.json()["code"] == "not_found"
    assert not LandmarkPhoto.objects.exists()


def test_a_photo_is_its_owners_and_the_editors(client_of, person, landmark, photo):
    made = send(client_of(person), photo, landmark=landmark.pk).json()
    address = f"{PHOTOS}{made['id']}/"
    other, editor = UserFactory(), UserFactory(role="editor")
    for one in (other, editor):
        RegionMember.objects.create(region=landmark.region, user=one)
    assert client_of(other).patch(address, {"caption": "mine"}, format="json").status_code == 403
    assert client_of(other).delete(address).status_code == 403
    assert client_of(editor).patch(address, {"caption": "the gate"}, format="json").status_code == 200


def test_a_removed_landmark_takes_its_photos_files_along(
    client_of, person, landmark, photo, django_capture_on_commit_callbacks
):
    made = send(client_of(person), photo, landmark=landmark.pk).json()
    path = photo_file(LandmarkPhoto.objects.get(pk=made["id"]))
    assert path.is_file()
    with django_capture_on_commit_callbacks(execute=True):
        landmark.delete()
    assert not path.exists() and not LandmarkPhoto.objects.exists()


@pytest.mark.parametrize("address", [PHOTOS, "/api/search/photo/"])
@pytest.mark.parametrize(
    "kind", ["bomb.png", "bomb.jpg", "sparse.tif", "text.jpg", "vrt.tif", "small.png", "empty.jpg"]
)
def test_i3_bombs_and_what_is_no_photo_are_refused(client_of, person, landmark, tmp_path, kind, address):
    """I1, I3: refused by content, whatever the name says, before anything is kept."""
    path = tmp_path / kind
    source = f"<SimpleSource><SourceFilename>{path}</SourceFilename></SimpleSource>"
    canary = f"<VRTDataset><VRTRasterBand>{source}</VRTRasterBand></VRTDataset>"
    made = {
        "bomb.png": lambda: path.write_bytes(png_bomb(50_000)),
        "bomb.jpg": lambda: path.write_bytes(jpeg_bomb()),
        "sparse.tif": lambda: sparse_tiff(path, 60_000),
        "text.jpg": lambda: path.write_text("no photo at all"),
        "vrt.tif": lambda: path.write_text(canary),
        "small.png": lambda: Image.fromarray(texture(20, 20)).save(path),
        "empty.jpg": lambda: path.write_bytes(b""),
    }
    made[kind]()
    fields = {"landmark": landmark.pk} if address == PHOTOS else {}
    answer = send(client_of(person), path, address, **fields)
    assert answer.status_code == 400, answer.content
    if kind != "empty.jpg":
        assert answer.json()["code"] == "unreadable_photo" and kind in answer.json()["detail"]
    assert not LandmarkPhoto.objects.exists()
    left = Path(settings.MEDIA_ROOT) / "regions" / str(landmark.region_id) / "landmark-photos"
    assert not left.exists() or not any(left.iterdir())


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500)
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def drawn(form: str) -> bytes:
    """A picture in this form."""
    file = io.BytesIO()
    Image.fromarray(texture(300, 400)).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("IMG_1.HEIC", lambda: HEIC, "a HEIC picture, as phones take them"),
        ("renamed.jpg", lambda: HEIC, "a HEIC picture, as phones take them"),
        ("a.svg", lambda: SVG, "an SVG drawing"),
        ("a.gif", lambda: drawn("GIF"), "a GIF picture"),
        ("a.webp", lambda: drawn("WEBP"), "a WebP picture"),
        ("a.pdf", lambda: b"%PDF-1.7 ...", "a PDF"),
        ("a.mp4", lambda: b"\0\0\0\x18ftypisom" + bytes(50), "a film"),
        ("half.jpg", lambda: drawn("JPEG")[:3000], "damaged or did not come whole"),
        ("begun.jpg", lambda: drawn("JPEG")[:100], "damaged or did not come whole"),
        ("third.png", lambda: drawn("PNG")[:9000], "damaged or did not come whole"),
        ("late.jpg", lambda: drawn("JPEG")[:-30], "damaged or did not come whole"),
    ],
)
def test_a_file_that_is_no_photo_is_refused_with_what_to_send_instead(
    client_of, person, landmark, tmp_path, name, content, said
):
    path = tmp_path / name
    path.write_bytes(content())
    answer = send(client_of(person), path, landmark=landmark.pk)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (400, "unreadable_photo")
    assert told["detail"].startswith(f"{name} is {said}") and "JPEG" in told["detail"]
    assert "gdal" not in told["detail"] and "GeoTIFF" not in told["detail"]
    assert not LandmarkPhoto.objects.exists()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "1", "I;16"])
def test_photos_of_every_kind_of_colour_are_read(client_of, person, landmark, tmp_path, mode):
    picture = Image.fromarray(texture(300, 400))
    path = tmp_path / ("print.jpg" if mode == "CMYK" else "scan.png")
    grey = np.asarray(picture.convert("L")).astype(np.uint16) * 256
    (Image.fromarray(grey) if mode == "I;16" else picture.convert(mode)).save(path)
    answer = send(client_of(person), path, landmark=landmark.pk)
    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (gps(0.0, 0.0), "the position 0, 0"),
        (gps(85.5, 27.6, GPSLatitude=(95.0, 0.0, 0.0)), "not on Earth"),
        (gps(85.5, 27.6, GPSLongitude=(271.0, 0.0, 0.0)), "not on Earth"),
        (gps(85.5, 27.6, GPSLatitude=(27.0, IFDRational(1, 0), 0.0)), "numbers that are none"),
    ],
)
def test_a_position_that_can_not_be_is_not_believed_and_told(client_of, person, landmark, tmp_path, where, said):
    path = write_photo(tmp_path / "odd.jpg", texture(), position=where)
    told = send(client_of(person), path, landmark=landmark.pk).json()
    assert (told["lon"], told["lat"], told["position_from"]) == (None, None, "")
    assert any(said in one for one in told["warnings"]), told["warnings"]
    row = LandmarkPhoto.objects.get()
    assert row.point is None and row.accuracy_m is None


@pytest.mark.parametrize("degrees", [400.0, IFDRational(1, 0)])
def test_a_direction_that_can_not_be_is_not_believed_and_told(client_of, person, landmark, tmp_path, degrees):
    where = gps(85.52, 27.63, GPSImgDirection=degrees, GPSImgDirectionRef="T")
    told = send(client_of(person), write_photo(tmp_path / "odd.jpg", texture(), position=where), landmark=landmark.pk)
    assert told.json()["lon"] == pytest.approx(85.52, abs=1e-5) and told.json()["direction_deg"] is None
    assert any("direction" in one for one in told.json()["warnings"])


@pytest.mark.parametrize("fields", [{"lon": 181, "lat": 0}, {"lon": 0, "lat": -91}, {"direction_deg": 400},
                                    {"direction_deg": "nan"}, {"lon": "inf", "lat": 1}])  # fmt: skip
def test_what_a_person_says_must_be_on_earth_too(client_of, person, landmark, photo, fields):
    assert send(client_of(person), photo, landmark=landmark.pk, **fields).status_code == 400


def test_a_photo_that_is_too_large_is_refused_unread(client_of, person, landmark, photo, settings):
    settings.MAX_PHOTO_BYTES = 100
    answer = send(client_of(person), photo, landmark=landmark.pk)
    assert answer.status_code == 400 and answer.json()["code"] == "unreadable_photo"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.jpg", "/abs/olute.jpg", "x" * 250 + ".jpg", "<script>.jpg", "a.exe"]
)
def test_i6_names_are_contained(client_of, person, landmark, photo, name):
    """I6: a name is only ever shown."""
    answer = send(client_of(person), photo, name="a.jpg" if "/" in name else name, landmark=landmark.pk)
    assert answer.status_code == 201
    row = LandmarkPhoto.objects.get()
    assert "/" not in row.original_name
    assert photo_file(row).resolve().is_relative_to((Path(settings.MEDIA_ROOT) / "regions").resolve())


@pytest.mark.parametrize("fields", [{}, {"lon": 1}, {"lon": 1e9, "lat": 1}, {"direction_deg": "north"}])
def test_fields_that_can_not_be_are_refused(client_of, person, landmark, photo, fields):
    named = {"landmark": landmark.pk} if fields else {}
    assert send(client_of(person), photo, **named, **fields).status_code == 400


def test_a_dropped_photo_is_searched_for_and_not_kept(client_of, person, read_region, update, photo):
    region = read_region(person)
    update()
    answer = send(client_of(person), photo, "/api/search/photo/", region="", count=3)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["kind"] == "photo" and len(told["results"]) == 3
    assert told["position"]["lat"] == pytest.approx(27.63, abs=1e-5) and told["position"]["direction_deg"] == 90
    assert {row["region"] for row in told["results"]} == {region.pk} and not LandmarkPhoto.objects.exists()


def test_a_black_photo_finds_nothing_and_is_told(client_of, person, tmp_path):
    path = write_photo(tmp_path / "night.jpg", np.full((200, 300, 3), 2, np.uint8))
    answer = send(client_of(person), path, "/api/search/photo/")
    assert answer.status_code == 400 and "black" in answer.json()["detail"]


@pytest.mark.parametrize(("address", "of"), [(PHOTOS, "landmark"), ("/api/search/photo/", "region")])
def test_f6_a_photo_that_fills_the_disk_is_refused_and_leaves_nothing(client_of, person, landmark, photo, address, of):
    content, client, before = photo.read_bytes(), client_of(person), files_of_media()
    told = {of: landmark.pk if of == "landmark" else landmark.region_id}
    with room_for(len(content) // 2):
        answer = send(client, photo, address, **told)
    assert answer.status_code == 507 and answer.json()["code"] == "disk_full", answer.content
    assert not LandmarkPhoto.objects.exists() and files_of_media() == before
    assert send(client, photo, landmark=landmark.pk).status_code == 201, "it is taken in once there is room"


def test_f6_a_photo_whose_copy_does_not_fit_is_refused_and_leaves_nothing(
    client_of, person, landmark, photo, monkeypatch
):
    """The process that reads the photo writes its copy, and no file of it may become as large."""
    client, before = client_of(person), files_of_media()
    with monkeypatch.context() as little:
        little.setattr(reader, "LIMITS", replace(reader.LIMITS, file_bytes=512))
        answer = send(client, photo, landmark=landmark.pk)
    assert answer.status_code >= 400 and answer.json()["detail"], answer.content
    assert not LandmarkPhoto.objects.exists() and files_of_media() == before
    assert send(client, photo, landmark=landmark.pk).status_code == 201


def files_of_media() -> set[Path]:
    """What lies below the media folder."""
    return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}
