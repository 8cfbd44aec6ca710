"""An image without a place comes in over HTTP, is found, confirmed and becomes imagery; or it is said why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.geolocation.models import UnplacedImage
from annotation.geolocation.services.images import image_folder
from annotation.sources.services.add_sources import add_imagery, add_snapshot
from annotation.sources.services.files import Upload
from annotation.sources.services.regions import create_region
from mlcore.geometry.webmercator import lonlat_to_mercator
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town
from tests.factories import RegionFactory, UserFactory
from tests.photos_of_town import HEIGHT, WIDTH, Frame, frame, write_frame

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("town of images")]


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    return write_town(generate_town(TownConfig(seed=4, columns=6, rows=6)), tmp_path_factory.mktemp("town"))


@pytest.fixture(autouse=True)
def few_looks(settings):
    """A picture that is nowhere is given up sooner."""
    settings.IMAGE_LOOKS = 24


@pytest.fixture
def person():
    return UserFactory(role="editor")


@pytest.fixture
def region(person, town):
    """The town with its imagery, open to all."""
    made = create_region(user=None, name="Wright's Town", open_to_all=True)
    row = add_imagery(user=None, region=made, file=Upload.from_path(town / "imagery.tif"), licence="CC0 1.0",
                      attribution="A survey", wake=False).source  # fmt: skip
    assert jobs.run_now(row.job).state == JobState.SUCCEEDED
    made.refresh_from_db()
    return made


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


def test_a_drone_frame_finds_its_place_and_becomes_imagery(client_of, person, region, town, tmp_path):
    client, truth = client_of(person), frame(town / "imagery.tif", at=(0.45, 0.55), heading_deg=-140)
    (image,) = located(send(client, write_frame(tmp_path / "DJI_0001.JPG.jpg", truth), licence="CC0", attribution="Me"))
    told = shown(client, image)
    assert (told["state"], told["warnings"], told["camera"]) == ("candidates", [], "DJI FC6310")
    assert told["prior"]["heading_deg"] == pytest.approx(220) and told["prior"]["kind"] == "xmp"
    best = told["candidates"][0]
    assert off_m(best["corners"], truth) < 0.5 and best["probability"] > 0.99
    assert best["heading_deg"] == pytest.approx(220, abs=1) and best["resolution_m"] == pytest.approx(0.25, rel=0.02)
    assert best["accuracy_m"] < 0.5 and best["imagery"]["attribution"] == "A survey"
    assert "compared points agree" in best["why"][0] and "compass" in best["why"][-1]
    assert client.get(told["preview"])["Content-Type"] == "image/webp"
    kept = "".join(str(value) for value in UnplacedImage.objects.filter(pk=image.pk).values()[0].values())
    assert "SECRET" not in kept and not list(image_folder(image.pk).glob("upload*"))

    body = {
        "candidate": best["id"],
        "region": region.pk,
        "licence": "CC0",
        "attribution": "Me",
        "captured_on": "2025-06-07",
    }
    assert confirm(client, image, **body).status_code == 202
    image.refresh_from_db()
    done = jobs.run_now(image.job)
    assert done.state == JobState.SUCCEEDED, done.error_detail
    image.refresh_from_db()
    assert image.state == "placed" and confirm(client, image, **body).status_code == 409
    assert jobs.run_now(image.imagery.job).state == JobState.SUCCEEDED
    imagery = client.get(reverse("api-imagery", args=[image.imagery_id])).json()
    assert (imagery["state"], imagery["captured_on"], imagery["attribution"]) == ("ready", "2025-06-07", "Me")
    west, south, east, north = imagery["bounds"]
    assert [west, south] == pytest.approx(truth.corners.min(axis=0).tolist(), abs=2e-5)
    assert [east, north] == pytest.approx(truth.corners.max(axis=0).tolist(), abs=2e-5)
    assert not list(image_folder(image.pk).glob("placed*"))
    _looks_the_same(Path(settings.MEDIA_ROOT) / region.imagery_set.order_by("pk")[0].cog_path,
                    Path(settings.MEDIA_ROOT) / region.imagery_set.order_by("pk")[1].cog_path)  # fmt: skip


def _looks_the_same(reference: Path, made: Path) -> None:
    """Where both show ground they show the same: not upside down, not mirrored, not beside."""
    with rasterio.open(made) as data, rasterio.open(reference) as other:
        window = other.window(*data.bounds)
        seen = data.dataset_mask() > 0
        grey = other.read(1, window=window, out_shape=seen.shape, boundless=True).astype(float)
        agree = np.corrcoef(data.read(1)[seen].astype(float), grey[seen])[0, 1]
    assert agree > 0.9


@pytest.mark.parametrize("how", ["no exif", "upside down", "another place", "turned by its orientation"])
def test_upside_down_and_wrong_exif_come_out_right_or_are_said(client_of, person, region, town, tmp_path, how):
    client, truth = client_of(person), frame(town / "imagery.tif", at=(0.5, 0.45), heading_deg=20)
    path, words = tmp_path / "a.jpg", ""
    if how == "no exif":
        write_frame(path, truth, told=False)
    elif how == "upside down":
        write_frame(path, truth, heading_deg=200)
        words = "upside down"
    elif how == "another place":
        write_frame(path, truth, lonlat=(truth.middle[0] + 0.3, truth.middle[1]))
        words = "km from where it says it was taken"
    else:  # stored on its head, with the tag that says so: its corners are those of what is looked at
        write_frame(path, Frame(truth.rgb[::-1, ::-1], truth.corners, truth.height_m, 200.0), tags={274: 3})
    (image,) = located(send(client, path, region=region.pk))
    told = shown(client, image)
    assert told["state"] == "candidates", told["error"]
    assert off_m(told["candidates"][0]["corners"], truth) < 0.6
    assert words in " ".join(told["warnings"]) and (words or not told["warnings"])


def test_frames_of_a_flight_help_each_other(client_of, person, region, town, tmp_path, settings):
    """One look does not find a frame that says nothing of itself; where its neighbour lies tells where to look."""
    settings.IMAGE_LOOKS = 1
    client = client_of(person)
    first, second = (frame(town / "imagery.tif", at=(0.4 + 0.1 * n, 0.6), heading_deg=60) for n in range(2))
    alone = located(send(client, write_frame(tmp_path / "b.jpg", second, told=False), region=region.pk))
    assert alone[0].state == "not_found" and alone[0].flight is None
    paths = [write_frame(tmp_path / "a.jpg", first), write_frame(tmp_path / "b.jpg", second, told=False)]
    images = located(send(client, *paths, region=region.pk))
    assert {one.state for one in images} == {"candidates"} and images[0].flight_id == images[1].flight_id is not None
    for image, truth in zip(images, (first, second), strict=True):
        assert off_m(shown(client, image)["candidates"][0]["corners"], truth) < 0.5


def test_what_is_not_here_or_shows_nothing_is_said(client_of, person, region, tmp_path):
    """A photo of a cat (made: fur and eyes), a black frame, an even grey; one bad file does not stop the others."""
    from tests.mlcore.imagery.photos import write_photo

    rng = np.random.default_rng(2)
    fur = np.uint8(np.clip(rng.normal(120, 25, (480, 640, 1)) + rng.normal(0, 8, (480, 640, 3)), 0, 255))
    black, grey = np.full((300, 400, 3), 3, np.uint8), np.full((300, 400, 3), 128, np.uint8)
    paths = [
        write_photo(tmp_path / name, rgb) for name, rgb in (("cat.jpg", fur), ("black.png", black), ("grey.png", grey))
    ]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no more")
    client = client_of(person)
    images = located(send(client, *paths, broken, region=region.pk))
    told = [(one.state, one.error_code, one.error_detail) for one in images]
    assert told[0][:2] == ("not_found", "not_here") and "by hand" in told[0][2]
    assert told[1][:2] == ("failed", "nothing_to_see") and "black" in told[1][2]
    assert told[2][:2] == ("failed", "nothing_to_see") and "even tone" in told[2][2]
    assert told[3][:2] == ("failed", "invalid_input") and "broken.jpg" in told[3][2] and "upload" not in told[3][2]


def test_an_image_is_placed_by_hand_where_nothing_was_found(client_of, person, region, town, tmp_path):
    from tests.mlcore.imagery.photos import texture, write_photo

    client, truth = client_of(person), frame(town / "imagery.tif")
    image = located(send(client, write_photo(tmp_path / "a.png", texture(HEIGHT, WIDTH)), region=region.pk))[0]
    assert image.state == "not_found"
    body = {"region": region.pk, "licence": "CC0", "attribution": "Me"}
    mirrored = truth.corners[[1, 0, 3, 2]].tolist()
    assert confirm(client, image, **body).status_code == 400
    assert "mirrored" in confirm(client, image, **body, corners=mirrored).json()["detail"]
    for wrong in (
        [[1, 2]],
        "here",
        [[0, 91]] * 4,
        [[float("1e308"), 0]] * 4,
        [[True, 0]] * 4,
        truth.corners[[0] * 4].tolist(),
    ):
        assert confirm(client, image, **body, corners=wrong).status_code == 400, wrong
    assert confirm(client, image, **body, corners=truth.corners.tolist()).status_code == 202
    image.refresh_from_db()
    assert jobs.run_now(image.job).state == JobState.SUCCEEDED
    image.refresh_from_db()
    assert image.state == "placed" and image.candidates.get(state="chosen").title == "placed by hand"


def test_where_there_is_only_a_map_the_map_is_searched(client_of, person, town, tmp_path):
    region = create_region(user=None, name="Only a map", open_to_all=True)
    row = add_snapshot(user=None, region=region, file=Upload.from_path(town / "map.osm"), licence="ODbL 1.0",
                       attribution="OpenStreetMap contributors", wake=False).source  # fmt: skip
    assert jobs.run_now(row.job).state == JobState.SUCCEEDED
    client, truth = client_of(person), frame(town / "imagery.tif", heading_deg=0, ground_m=0.2)
    (image,) = located(send(client, write_frame(tmp_path / "a.jpg", truth), region=region.pk))
    told = shown(client, image)
    assert told["state"] == "candidates", told["error"]
    best = told["candidates"][0]
    assert best["against"] == "map" and best["snapshot"]["id"] == row.pk and off_m(best["corners"], truth) < 3


def test_nothing_to_search_is_said(client_of, person, town, tmp_path):
    bare = RegionFactory(members=[person])
    (image,) = located(
        send(client_of(person), write_frame(tmp_path / "a.jpg", frame(town / "imagery.tif")), region=bare.pk)
    )
    assert (image.state, image.error_code) == ("not_found", "nothing_to_search")


def test_a_search_is_stopped_looked_for_again_with_a_hint_and_given_up(client_of, person, region, town, tmp_path):
    client, truth = client_of(person), frame(town / "imagery.tif")
    reply = send(client, write_frame(tmp_path / "a.jpg", truth, told=False), region=region.pk)
    image = UnplacedImage.objects.get()
    again = reverse("api-image-locate", args=[image.pk])
    assert client.post(again, {}, format="json").status_code == 409
    assert client.delete(reverse("api-image", args=[image.pk])).status_code == 409
    assert client.post(reverse("api-job-cancel", args=[image.job_id])).json()["state"] == "cancelled", reply.content
    assert client.post(again, {"lon": 5.0}, format="json").status_code == 400
    lon, lat = truth.middle
    hint = {"lon": lon, "lat": lat, "radius_m": 60, "region": region.pk}
    assert client.post(again, hint, format="json").status_code == 202
    image.refresh_from_db()
    assert jobs.run_now(image.job).state == JobState.SUCCEEDED
    assert shown(client, image)["candidates"][0]["why"][-1].endswith("you pointed at")
    given_up = client.post(reverse("api-image-reject", args=[image.pk]), {"reason": "blurred"}, format="json").json()
    assert given_up["state"] == "rejected" and given_up["candidates"][0]["reason"] == "blurred"
    assert client.delete(reverse("api-image", args=[image.pk])).status_code == 204
    assert not image_folder(image.pk).exists() and Job.objects.filter(kind="geolocation.locate").count() == 2


@pytest.mark.parametrize("form", ["picture", "qgis", "gcps", "world", "geotiff", "points-tiff", "geojson"])
def test_a_place_leaves_as_a_file_of_other_tools(client_of, person, region, town, tmp_path, form):
    client, truth = client_of(person), frame(town / "imagery.tif", heading_deg=75)
    (image,) = located(send(client, write_frame(tmp_path / "Ärger 1.jpg", truth), region=region.pk))
    best = image.candidates.get(rank=1)
    reply = client.get(reverse("api-image-place-file", args=[image.pk, best.pk, form]))
    assert reply.status_code == 200 and reply["Content-Disposition"].startswith("attachment")
    written = tmp_path / "written.tif"
    written.write_bytes(reply.content)
    to_ground = lonlat_to_mercator(truth.corners)
    if form == "geotiff":
        with rasterio.open(written) as data:
            assert data.crs.to_epsg() == 3857 and list(data.bounds)[:2] == pytest.approx(to_ground.min(axis=0), abs=1)
    elif form == "points-tiff":
        with rasterio.open(written) as data:
            assert len(data.gcps[0]) >= 20 and data.gcps[1].to_epsg() == 3857
    elif form == "world":
        a, d, b, e, c, f = map(float, reply.content.split())
        corner = np.array([c - a / 2 - b / 2, f - d / 2 - e / 2])
        assert np.linalg.norm(corner - to_ground[0]) < 1
    elif form == "picture":
        assert reply.content.startswith(b"\x89PNG")
    else:
        assert len(reply.content) > 500


@pytest.mark.parametrize("name", ["../../etc/passwd.jpg", "a\x00b.jpg", "/abs/olute.png", "x" * 300 + ".jpg"])
def test_i6_names_are_contained(client_of, person, region, town, tmp_path, name):
    """I6: a name is only ever shown."""
    path = write_frame(tmp_path / "a.jpg", frame(town / "imagery.tif"))
    file = SimpleUploadedFile("a.jpg", path.read_bytes())
    file._name = name
    reply = client_of(person).post(reverse("api-images"), {"files": [file], "region": region.pk}, format="multipart")
    assert reply.status_code in {202, 400}
    for image in UnplacedImage.objects.all():
        assert "/" not in image.original_name and "\0" not in image.original_name
        assert (Path(settings.MEDIA_ROOT) / image.path).resolve().is_relative_to(image_folder(image.pk).resolve())


@pytest.mark.parametrize("name", ["a.pdf", "a.gif", "a", "a.jpg.exe"])
def test_what_is_no_image_by_name_is_refused_whole(client_of, person, tmp_path, name):
    (tmp_path / "ok.jpg").write_bytes(b"x")
    (tmp_path / name).write_bytes(b"x")
    reply = send(client_of(person), tmp_path / "ok.jpg", tmp_path / name)
    assert reply.status_code == 400 and ".jpeg" in reply.json()["detail"] and not UnplacedImage.objects.exists()


def test_i3_bombs_end_as_images_that_are_not_usable(client_of, person, region, tmp_path):
    """I3: sparse TIFF, PNG bomb: an answer in seconds, nothing left of them."""
    from tests.mlcore.imagery.test_photo import jpeg_bomb, png_bomb, sparse_tiff

    (tmp_path / "b.png").write_bytes(png_bomb(50_000))
    (tmp_path / "c.jpg").write_bytes(jpeg_bomb())
    images = located(send(client_of(person), sparse_tiff(tmp_path / "a.tif"), tmp_path / "b.png", tmp_path / "c.jpg"))
    assert {(one.state, one.error_code) for one in images} == {("failed", "invalid_input")}
    assert all("pixels" in one.error_detail for one in images)


def test_a_list_takes_as_many_queries_however_long_it_is(client_of, person, django_assert_max_num_queries):
    from tests.factories_geolocation import UnplacedImageFactory

    UnplacedImageFactory.create_batch(7, owner=person)
    client = client_of(person)
    with django_assert_max_num_queries(6):
        assert len(client.get(reverse("api-images")).json()["results"]) == 7
    assert client.get(reverse("api-images"), {"state": "nonsense"}).status_code == 400
    assert client.get(reverse("api-images"), {"state": "placed"}).json()["results"] == []


def test_nobody_else_sees_or_confirms_an_image(client_of, person, region, town, tmp_path):
    (image,) = located(send(client_of(person), write_frame(tmp_path / "a.jpg", frame(town / "imagery.tif"))))
    stranger = client_of(UserFactory(role="editor"))
    best = image.candidates.get(rank=1)
    assert stranger.get(reverse("api-image", args=[image.pk])).status_code == 404
    body = {"candidate": best.pk, "region": region.pk, "licence": "x", "attribution": "x"}
    assert confirm(stranger, image, **body).status_code == 404
    other = located(send(stranger, write_frame(tmp_path / "b.jpg", frame(town / "imagery.tif", at=(0.4, 0.4)))))[0]
    assert confirm(stranger, other, **body).status_code == 404  # a place of somebody else's image
    closed = RegionFactory()
    mine = {**body, "candidate": other.candidates.get(rank=1).pk, "region": closed.pk}
    assert confirm(stranger, other, **mine).status_code == 404
