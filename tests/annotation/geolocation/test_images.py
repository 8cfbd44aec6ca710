"""An image without a place comes in over HTTP, is found, confirmed and becomes imagery; or it is said why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from django.conf import settings
from django.urls import reverse

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.geolocation.models import UnplacedImage
from annotation.geolocation.services.images import image_folder
from annotation.sources.services.add_sources import add_snapshot
from annotation.sources.services.files import Upload
from annotation.sources.services.regions import create_region
from mlcore.geometry.webmercator import lonlat_to_mercator
from tests.annotation.geolocation.placing import confirm, located, off_m, send, shown
from tests.mlcore.imagery.photos import texture, write_photo
from tests.photos_of_town import HEIGHT, WIDTH, Frame, frame, write_frame

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("town of images")]


@pytest.fixture(autouse=True)
def few_looks(settings):
    """A picture that is nowhere is given up sooner."""
    settings.IMAGE_LOOKS = 24


def test_a_drone_frame_finds_its_place_and_becomes_imagery(client_of, editor, town_region, town, tmp_path):
    client, truth = client_of(editor), frame(town / "imagery.tif", at=(0.45, 0.55), heading_deg=-140)
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
        "region": town_region.pk,
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
    _looks_the_same(Path(settings.MEDIA_ROOT) / town_region.imagery_set.order_by("pk")[0].cog_path,
                    Path(settings.MEDIA_ROOT) / town_region.imagery_set.order_by("pk")[1].cog_path)  # fmt: skip


def _looks_the_same(reference: Path, made: Path) -> None:
    """Where both show ground they show the same: not upside down, not mirrored, not beside."""
    with rasterio.open(made) as data, rasterio.open(reference) as other:
        window = other.window(*data.bounds)
        seen = data.dataset_mask() > 0
        grey = other.read(1, window=window, out_shape=seen.shape, boundless=True).astype(float)
        agree = np.corrcoef(data.read(1)[seen].astype(float), grey[seen])[0, 1]
    assert agree > 0.9


@pytest.mark.parametrize("how", ["no exif", "upside down", "another place", "turned by its orientation"])
def test_upside_down_and_wrong_exif_come_out_right_or_are_said(client_of, editor, town_region, town, tmp_path, how):
    client, truth = client_of(editor), frame(town / "imagery.tif", at=(0.5, 0.45), heading_deg=20)
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
    (image,) = located(send(client, path, region=town_region.pk))
    told = shown(client, image)
    assert told["state"] == "candidates", told["error"]
    assert off_m(told["candidates"][0]["corners"], truth) < 0.6
    assert words in " ".join(told["warnings"]) and (words or not told["warnings"])


def test_frames_of_a_flight_help_each_other(client_of, editor, town_region, town, tmp_path, settings):
    """One look does not find a frame that says nothing of itself; where its neighbour lies tells where to look."""
    settings.IMAGE_LOOKS = 1
    client = client_of(editor)
    first, second = (frame(town / "imagery.tif", at=(0.4 + 0.1 * n, 0.6), heading_deg=60) for n in range(2))
    alone = located(send(client, write_frame(tmp_path / "b.jpg", second, told=False), region=town_region.pk))
    assert alone[0].state == "not_found" and alone[0].flight is None
    paths = [write_frame(tmp_path / "a.jpg", first), write_frame(tmp_path / "b.jpg", second, told=False)]
    images = located(send(client, *paths, region=town_region.pk))
    assert {one.state for one in images} == {"candidates"} and images[0].flight_id == images[1].flight_id is not None
    for image, truth in zip(images, (first, second), strict=True):
        assert off_m(shown(client, image)["candidates"][0]["corners"], truth) < 0.5


def test_an_image_is_placed_by_hand_where_nothing_was_found(client_of, editor, town_region, town, tmp_path):
    client, truth = client_of(editor), frame(town / "imagery.tif")
    image = located(send(client, write_photo(tmp_path / "a.png", texture(HEIGHT, WIDTH)), region=town_region.pk))[0]
    assert image.state == "not_found"
    body = {"region": town_region.pk, "licence": "CC0", "attribution": "Me"}
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
    wide = truth.corners.mean(axis=0) + 6 * (truth.corners - truth.corners.mean(axis=0))
    assert "1 m or finer" in confirm(client, image, **body, corners=wide.tolist()).json()["detail"]
    assert confirm(client, image, **body, corners=truth.corners.tolist()).status_code == 202
    image.refresh_from_db()
    assert jobs.run_now(image.job).state == JobState.SUCCEEDED
    image.refresh_from_db()
    assert image.state == "placed" and image.candidates.get(state="chosen").title == "placed by hand"


def test_where_there_is_only_a_map_the_map_is_searched(client_of, editor, town, tmp_path):
    region = create_region(user=None, name="Only a map", open_to_all=True)
    row = add_snapshot(user=None, region=region, file=Upload.from_path(town / "map.osm"), licence="ODbL 1.0",
                       attribution="OpenStreetMap contributors", wake=False).source  # fmt: skip
    assert jobs.run_now(row.job).state == JobState.SUCCEEDED
    client, truth = client_of(editor), frame(town / "imagery.tif", heading_deg=0, ground_m=0.2)
    (image,) = located(send(client, write_frame(tmp_path / "a.jpg", truth), region=region.pk))
    told = shown(client, image)
    assert told["state"] == "candidates", told["error"]
    best = told["candidates"][0]
    assert best["against"] == "map" and best["snapshot"]["id"] == row.pk and off_m(best["corners"], truth) < 3


def test_a_search_is_stopped_looked_for_again_with_a_hint_and_given_up(client_of, editor, town_region, town, tmp_path):
    client, truth = client_of(editor), frame(town / "imagery.tif")
    reply = send(client, write_frame(tmp_path / "a.jpg", truth, told=False), region=town_region.pk)
    image = UnplacedImage.objects.get()
    again = reverse("api-image-locate", args=[image.pk])
    assert client.post(again, {}, format="json").status_code == 409
    assert client.delete(reverse("api-image", args=[image.pk])).status_code == 409
    assert client.post(reverse("api-job-cancel", args=[image.job_id])).json()["state"] == "cancelled", reply.content
    assert client.post(again, {"lon": 5.0}, format="json").status_code == 400
    lon, lat = truth.middle
    hint = {"lon": lon, "lat": lat, "radius_m": 60, "region": town_region.pk}
    assert client.post(again, hint, format="json").status_code == 202
    image.refresh_from_db()
    assert jobs.run_now(image.job).state == JobState.SUCCEEDED
    assert shown(client, image)["candidates"][0]["why"][-1].endswith("you pointed at")
    given_up = client.post(reverse("api-image-reject", args=[image.pk]), {"reason": "blurred"}, format="json").json()
    assert given_up["state"] == "rejected" and given_up["candidates"][0]["reason"] == "blurred"
    assert client.delete(reverse("api-image", args=[image.pk])).status_code == 204
    assert not image_folder(image.pk).exists() and Job.objects.filter(kind="geolocation.locate").count() == 2


@pytest.mark.parametrize("form", ["picture", "qgis", "gcps", "world", "geotiff", "points-tiff", "geojson"])
def test_a_place_leaves_as_a_file_of_other_tools(client_of, editor, town_region, town, tmp_path, form):
    client, truth = client_of(editor), frame(town / "imagery.tif", heading_deg=75)
    (image,) = located(send(client, write_frame(tmp_path / "Ärger 1.jpg", truth), region=town_region.pk))
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
