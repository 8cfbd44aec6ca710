"""Tasks for Label Studio: pictures by their address, or in the file itself."""

import base64
import io
import json

import pytest
from PIL import Image

from tests.factories import PairFactory, RegionFactory, UserFactory
from tests.factories_anchors import AnchorFactory
from tests.files import ready_imagery, ready_snapshot

pytestmark = pytest.mark.django_db


def test_tasks_may_carry_their_pictures_so_that_any_label_studio_shows_them(client_of, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    region = RegionFactory(open_to_all=True)
    imagery, snapshot = ready_imagery(region, tmp_path), ready_snapshot(region, tmp_path)
    AnchorFactory(pair=PairFactory(region=region, imagery=imagery, snapshot=snapshot))
    client, url = client_of(UserFactory()), f"/api/regions/{region.pk}/label-studio.json"
    (task,) = json.loads(client.get(url, {"pictures": "inline"}).getvalue())
    for name, kind in (("image", "WEBP"), ("map", "PNG")):
        picture = Image.open(io.BytesIO(base64.b64decode(task["data"][name].split(",")[1])))
        assert (picture.format, picture.size) == (kind, (512, 512))
    (plain,) = json.loads(client.get(url).getvalue())
    assert plain["data"]["image"].startswith("http")
    assert client.get(url, {"pictures": "else"}).status_code == 400


def test_a_task_whose_image_is_gone_keeps_the_address_and_the_file_ends_well(client_of, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    region = RegionFactory(open_to_all=True)
    imagery, snapshot = ready_imagery(region, tmp_path), ready_snapshot(region, tmp_path)
    AnchorFactory(pair=PairFactory(region=region, imagery=imagery, snapshot=snapshot))
    gone = PairFactory(region=region)  # its imagery has no file
    AnchorFactory(pair=gone)
    answer = client_of(UserFactory()).get(f"/api/regions/{region.pk}/label-studio.json", {"pictures": "inline"})
    drawn, told = json.loads(answer.getvalue())
    assert drawn["data"]["image"].startswith("data:")
    assert f"/tiles/image/{gone.imagery_id}/" in told["data"]["image"]
