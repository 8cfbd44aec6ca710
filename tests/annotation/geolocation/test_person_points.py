"""A person places an image by control points: they are fitted and judged, kept, and leave again as they were set."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from annotation.common.models import JobState
from annotation.common.services import jobs
from annotation.geolocation.engine.person_points import spread_of
from annotation.geolocation.models import UnplacedImage
from annotation.geolocation.services.images import PICTURE, image_folder
from mlcore.geometry.webmercator import lonlat_to_mercator, mercator_to_lonlat
from mlcore.imagery.photo import prepare_photo
from tests.annotation.geolocation.placing import confirm
from tests.factories import RegionFactory
from tests.factories_geolocation import PlacementCandidateFactory, UnplacedImageFactory
from tests.mlcore.imagery.photos import texture, write_photo

pytestmark = pytest.mark.django_db
MIDDLE, STEP = np.array([9518930.0, 3202000.0]), 0.5
RIGHTS = {"licence": "CC0", "attribution": "Me"}


def ground_of(xy, *, turn_deg=30.0, shear=0.0, mirrored=False, perspective=0.0):
    """Degrees of pixels of a picture that lies turned."""
    angle = np.radians(turn_deg)
    south = 1 if mirrored else -1
    matrix = STEP * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ [[1, shear], [0, 1]]
    xy = np.asarray(xy, float)
    local = (xy * [1, south]) @ matrix.T / (1 + perspective * xy[:, 1:])
    return mercator_to_lonlat(MIDDLE + local)


def listed(xy, lonlat, checks=(), off=()):
    use = {**dict.fromkeys(checks, "check"), **dict.fromkeys(off, "off")}
    return [
        {"number": n, "image": list(map(float, one)), "lonlat": list(map(float, place)), "use": use.get(n, "fit")}
        for n, (one, place) in enumerate(zip(xy, lonlat, strict=True), 1)
    ]


XY = np.array([[40, 30], [600, 40], [590, 450], [50, 440], [320, 240], [200, 100], [450, 350], [130, 300]], float)


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


@pytest.fixture
def image(editor, region, tmp_path):
    row = UnplacedImageFactory(owner=editor, region=region, width=640, height=480, state="candidates")
    target = image_folder(row.pk) / PICTURE
    target.parent.mkdir(parents=True, exist_ok=True)
    prepare_photo(
        write_photo(tmp_path / "a.png", texture(480, 640)), target, target.with_name("preview.webp"), timezone.now()
    )
    return row


def fit(client, image, points, model="auto"):
    return client.post(reverse("api-image-fit", args=[image.pk]), {"model": model, "points": points}, format="json")


@pytest.mark.parametrize(
    ("how", "model"), [({}, "similarity"), ({"shear": 0.15}, "affine"), ({"perspective": 2e-4}, "homography")]
)
def test_the_simplest_model_that_the_points_support_is_taken(client_of, editor, image, how, model):
    noisy = ground_of(XY + np.random.default_rng(1).normal(0, 0.3, XY.shape), **how)
    told = fit(client_of(editor), image, listed(XY, noisy, checks=[8])).json()
    assert told["model"] == model and told["accepted"] and told["refusal"] == ""
    truth = ground_of([[0, 0], [640, 0], [640, 480], [0, 480]], **how)
    away = lonlat_to_mercator(np.array(told["corners"])) - lonlat_to_mercator(truth)
    assert np.linalg.norm(away, axis=1).max() < 1.0
    assert 0.01 < told["fit_rmse_m"] < 0.5 and 0 < told["check_rmse_m"] < 0.6 and 0 < told["accuracy_m"] < 0.6
    assert np.shape(told["covariance"]) == (8, 8)


def test_each_point_is_measured_in_metres_on_the_ground(client_of, editor, image):
    lonlat = ground_of(XY)
    moved = lonlat_to_mercator(lonlat[7]) + np.array([4.0, 0])
    lonlat[7] = mercator_to_lonlat(moved)
    told = fit(client_of(editor), image, listed(XY, lonlat, checks=[8]), "similarity").json()
    scale = np.cos(np.radians(lonlat[7][1]))
    assert told["points"][7]["off_m"] == pytest.approx([-4 * scale, 0], abs=1e-4)
    assert told["points"][7]["residual_m"] == pytest.approx(told["check_rmse_m"]) == pytest.approx(4 * scale, abs=1e-4)
    assert told["fit_rmse_m"] < 1e-4


def test_a_check_point_and_one_that_is_off_move_nothing(client_of, editor, image):
    lonlat = ground_of(XY)
    lonlat[4:6] += 0.001
    told = fit(client_of(editor), image, listed(XY, lonlat, checks=[5], off=[6])).json()
    assert told["fit_rmse_m"] < 1e-3 and told["check_rmse_m"] > 50


def test_two_points_place_it_and_nothing_says_how_well(client_of, editor, image):
    told = fit(client_of(editor), image, listed(XY[:2], ground_of(XY[:2]))).json()
    assert told["model"] == "similarity" and told["accuracy_m"] is told["covariance"] is told["check_rmse_m"] is None


@pytest.mark.parametrize(
    ("how", "model", "words"),
    [({"mirrored": True}, "affine", "mirrored"), ({"shear": 1.3}, "affine", "sheared more than a photograph")],
)
def test_what_no_photograph_shows_is_measured_and_not_accepted(client_of, editor, region, image, how, model, words):
    points = listed(XY, ground_of(XY, **how))
    client = client_of(editor)
    told = fit(client, image, points, model).json()
    assert not told["accepted"] and words in told["refusal"]
    reply = confirm(client, image, points={"model": model, "points": points}, **RIGHTS)
    assert reply.status_code == 400 and words in reply.json()["detail"]


@pytest.mark.parametrize(
    ("points", "model", "words"),
    [
        (listed(XY[:1], ground_of(XY[:1])), "auto", "needs 2 points"),
        (listed(XY[:3], ground_of(XY[:3])), "homography", "needs 4 points"),
        (listed(XY[:2] * 5, ground_of(XY[:2])), "auto", "off the picture"),
        (listed(np.repeat(XY[:1], 3, 0), ground_of(np.repeat(XY[:1], 3, 0))), "auto", "one place"),
        ([], "auto", "empty"),
        (listed(XY, ground_of(XY)) * 2, "auto", "one number"),
        ([{"number": 1, "image": [1, True], "lonlat": [1, 2]}], "auto", "pixels"),
        ([{"number": 1, "image": [1, 2], "lonlat": [1, 89]}], "auto", "80 N"),
        (listed(XY, ground_of(XY)), "spline", "valid choice"),
    ],
)
def test_points_that_say_nothing_are_refused_with_the_remedy(client_of, editor, image, points, model, words):
    reply = fit(client_of(editor), image, points, model)
    assert reply.status_code == 400 and words in json.dumps(reply.json()), reply.json()


def test_confirmed_points_are_kept_and_leave_as_they_were_set(client_of, editor, region, image, tmp_path):
    proposed = PlacementCandidateFactory(image=image, base=None)
    points = listed(XY, ground_of(XY), checks=[7], off=[8])
    client = client_of(editor)
    both = {"points": {"points": points}, "corners": [[0, 1], [1, 1], [1, 0], [0, 0]]}
    assert "not both" in json.dumps(confirm(client, image, **both, **RIGHTS).json())
    reply = confirm(client, image, candidate=proposed.pk, points={"points": points}, **RIGHTS)
    assert reply.status_code == 202, reply.json()
    (told,) = reply.json()["candidates"]
    assert (told["by_points"], told["decided_by"], told["state"]) == (8, editor.username, "chosen")
    assert told["decided_at"] and told["corners"][0] == pytest.approx(ground_of([[0, 0]])[0].tolist(), abs=1e-7)
    start = client.get(reverse("api-image-place-points", args=[image.pk, proposed.pk])).json()
    assert [{key: one[key] for key in points[0]} for one in start["points"]] == points and start["model"] == "auto"

    def file(form):
        reply = client.get(reverse("api-image-place-file", args=[image.pk, proposed.pk, form]))
        assert reply.status_code == 200, reply.content
        return reply.content

    rows = file("qgis").decode().splitlines()
    assert len(rows) == 2 + len(points) and rows[-1].split(",")[4] == "0"
    assert file("gcps").decode().count("-gcp ") == 6  # those of the fit: the format has no others
    a, d, b, e, c, f = map(float, file("world").split())
    upper_left = np.array([c - a / 2 - b / 2, f - d / 2 - e / 2])
    assert upper_left == pytest.approx(lonlat_to_mercator(ground_of([[0, 0]])[0]), abs=1e-3)

    again = client.post(
        reverse("api-image-points", args=[image.pk]),
        {"file": SimpleUploadedFile("a.png.points", file("qgis")), "crs": "EPSG:3857"},
        format="multipart",
    )
    assert again.status_code == 200, again.content
    back = again.json()["points"]
    assert [one["use"] for one in back] == [*["fit"] * 6, "off", "off"]  # QGIS knows no check points
    assert np.array([one["image"] for one in back]) == pytest.approx(XY, abs=0.01)
    assert np.array([one["lonlat"] for one in back]) == pytest.approx(ground_of(XY), abs=1e-7)

    image.refresh_from_db()
    done = jobs.run_now(image.job)
    assert done.state == JobState.SUCCEEDED, done.error_detail
    image = UnplacedImage.objects.get(pk=image.pk)
    with rasterio.open(f"{settings.MEDIA_ROOT}/{image.imagery.upload_path}") as data:
        said = json.loads(data.tags()["MAPWRIGHT_PROVENANCE"])
    assert [one["use"] for one in said["control_points"]] == [one["use"] for one in points]
    assert said["model"] == "similarity" and said["fit_rmse_m"] < 1e-3 and said["decided_at"]


def test_points_alone_place_an_image_that_nobody_found(client_of, editor, region, image):
    body = {"points": {"model": "affine", "points": listed(XY, ground_of(XY))}, **RIGHTS}
    assert confirm(client_of(editor), image, **body).status_code == 202
    assert image.candidates.get().adjusted["fitted"] == "affine"


def test_a_place_starts_with_its_best_spread_points(client_of, editor, image):
    places = np.random.default_rng(2).uniform(0, 400, (60, 2))
    rows = [[x, y, x + 10, y + 20, 0.5 + 0.4 * (n == 0)] for n, (x, y) in enumerate(places.tolist())]
    candidate = PlacementCandidateFactory(image=image, base=None, points=rows)
    client = client_of(editor)
    told = client.get(reverse("api-image-place-points", args=[image.pk, candidate.pk])).json()
    assert len(told["points"]) == 60 and len(told["shown"]) == 12 and told["shown"][0] == 1
    chosen = [one for one in told["points"] if one["number"] in told["shown"]]
    assert [one["use"] for one in chosen].count("check") == 3
    hull = np.ptp([one["image"] for one in chosen], axis=0)
    assert (hull > 330).all()
    reply = fit(client, image, [{key: one[key] for key in ("number", "image", "lonlat", "use")} for one in chosen])
    assert reply.json()["fit_rmse_m"] < 1e-3


def test_the_surest_of_two_neighbours_stands_for_both():
    assert spread_of(np.array([[0, 0], [1, 0], [100, 0.0]]), np.array([0.9, 0.2, 0.5]), 2) == [0, 2]
    assert spread_of(np.zeros((0, 2)), np.zeros(0)) == []


def test_files_that_are_no_points_of_this_picture_are_refused(client_of, editor, image):
    def send(text, **fields):
        return client_of(editor).post(
            reverse("api-image-points", args=[image.pk]),
            {"file": SimpleUploadedFile("a.points", text.encode()), **fields}, format="multipart",
        )  # fmt: skip

    head = "mapX,mapY,pixelX,pixelY,enable\n"
    for text, words in (
        ("hello", "points"),
        (head + "1,2,3,-4,1\n", "reference system"),
        (head + "1,2,9000,-4,1\n", "outside of the image"),
        ("-gcp 9000 4 1 2 -gcp 1 2 1 2", "off the picture"),
    ):
        reply = send(text, **({} if "system" in words else {"crs": "EPSG:4326"}))
        assert reply.status_code == 400 and words in reply.json()["detail"], reply.json()


def test_the_picture_is_shown_whole_and_upright(client_of, editor, image):
    reply = client_of(editor).get(reverse("api-image-picture", args=[image.pk]), {"v": "1"})
    assert reply["Content-Type"] == "image/jpeg" and "immutable" in reply["Cache-Control"]
    assert reply.content.startswith(b"\xff\xd8")
