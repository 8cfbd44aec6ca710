"""The search index: each tile is read once, what goes is forgotten, and another model has an index of its own."""

from __future__ import annotations

import pytest

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.consistency.models import TileScore
from annotation.landmarks import engine
from annotation.landmarks.models import LANDMARKS, IndexState, SearchIndex
from annotation.landmarks.services import keep_up
from annotation.learning.models import DataSet, ModelVersion, TrainingRun
from annotation.sources.services.files import absolute
from annotation.sources.services.regions import delete_region
from annotation.tiles.models import Tile, TilePair
from mlcore.digests import sha256_of
from mlcore.errors import StoppedError
from tests.factories import UserFactory
from tests.factories_changes import ScanFactory
from tests.factories_landmarks import LandmarkFactory, LandmarkPhotoFactory, search_weights
from tests.files import ready_imagery

pytestmark = pytest.mark.django_db


def serving() -> engine.IndexFolder:
    return engine.index_folder(SearchIndex.objects.serving().get())


def test_each_tile_is_read_once(read_region, update):
    read_region()
    assert update()["read"] == 4
    assert update()["read"] == 0
    read_region()
    done = update()
    assert (done["read"], done["tiles"]) == (4, 8)


def test_what_comes_and_goes_queues_an_update_once_there_is_an_index(read_region, update, tmp_path):
    region = read_region()
    assert not Job.objects.filter(kind="landmarks.update_index").exists(), "until somebody makes the first, nothing is"
    update()
    assert SearchIndex.objects.get().stale_since is None
    ready_imagery(region, tmp_path, seed=99)
    assert SearchIndex.objects.get().stale_since is not None
    assert Job.objects.unfinished().filter(kind="landmarks.update_index").count() == 1


def test_another_imagery_has_all_its_tiles_read_anew(read_region, update, tmp_path):
    region = read_region()
    update()
    tile = Tile.objects.filter(region=region).first()
    before = engine.vectors_of(serving(), [tile.pk])[tile.pk]
    pair = TilePair.objects.filter(tile__region=region).first()
    newer = ready_imagery(region, tmp_path, seed=77)
    TilePair.objects.bulk_create(
        TilePair(tile=one, imagery=newer, snapshot=pair.snapshot, valid_share=1.0, mapped=True)
        for one in Tile.objects.filter(region=region)
    )
    done = update()
    assert (done["read"], done["tiles"]) == (4, 4)
    assert not (engine.vectors_of(serving(), [tile.pk])[tile.pk] == before).all()


class StopAtOnce:
    """A progress that asks to stop as soon as something is reported."""

    def __init__(self) -> None:
        self.told = False

    def report(self, fraction, message="", figures=None) -> None:
        self.told = True

    def should_stop(self) -> bool:
        return self.told


def test_f1_what_is_stopped_goes_on_where_it_stood(read_region, update):
    """Nothing that was embedded is embedded again."""
    region = read_region(columns=8, rows=6)
    weights = engine.weights_in_use()
    assert weights is not None
    index = engine.index_folder(keep_up.row_of(weights))
    imagery = TilePair.objects.filter(tile__region=region).first().imagery
    tiles = engine.region_tiles(imagery, None, [1])
    with pytest.raises(StoppedError):
        engine.read_tiles(index, engine.loaded(weights), tiles, engine.known_tiles(region.pk), StopAtOnce())
    kept = engine.count_of(index, engine.TILES)
    assert 0 < kept < 48
    assert update()["read"] == 48 - kept


def test_a_region_that_is_removed_takes_its_vectors_along(read_region, update):
    keep, gone = read_region(), read_region()
    update()
    tiles = list(Tile.objects.filter(region=gone).values_list("pk", flat=True))
    delete_region(user=None, region=gone)
    assert update()["tiles"] == 4
    assert engine.vectors_of(serving(), tiles) == {}
    assert len(engine.vectors_of(serving(), list(Tile.objects.filter(region=keep).values_list("pk", flat=True)))) == 4


def test_a_newer_scan_has_the_scores_read_again_and_no_tile(read_region, update):
    region = read_region()
    update()
    pair = TilePair.objects.filter(tile__region=region).first()
    scan = ScanFactory(region=region, imagery=pair.imagery, snapshot=pair.snapshot)
    TileScore.objects.create(scan=scan, pair=pair, disc=0, proto=0, final=0, difference=0, probability=0.25)
    assert update()["read"] == 0
    low = engine.Narrowed(score_max=0.5)
    near, _ = engine.nearest_tiles(serving().regions, [region.pk], low, (85.5, 27.6), 10)
    assert near.tolist() == [pair.tile_id]


def test_landmarks_and_their_photos_are_read_and_forgotten(read_region, update):
    region = read_region()
    temple = LandmarkFactory(region=region)
    LandmarkPhotoFactory(region=region, landmark=temple, with_file=True)
    LandmarkPhotoFactory(region=region, landmark=temple)  # its file is gone
    assert (update()["landmarks"], update()["photos"]) == (1, 1)
    temple.delete()
    assert (update()["landmarks"], update()["photos"]) == (0, 0)


def test_a_model_that_comes_into_use_has_an_index_of_its_own(read_region, update, settings):
    read_region()
    update()
    first = SearchIndex.objects.serving().get()
    path = search_weights(seed=5)
    data_set = DataSet.objects.create(kind=LANDMARKS, digest="1" * 64)
    run = TrainingRun.objects.create(kind=LANDMARKS, data_set=data_set, preset="tiny")
    ModelVersion.objects.create(
        kind=LANDMARKS, run=run, path=path.relative_to(settings.MEDIA_ROOT).as_posix(), sha256=sha256_of(path),
        state="active",
    )  # fmt: skip
    assert Job.objects.unfinished().filter(kind="landmarks.update_index").exists()
    assert SearchIndex.objects.serving().get() == first, "the one before answers meanwhile"
    Job.objects.all().delete()
    assert update()["read"] == 4
    assert SearchIndex.objects.serving().get().model_digest == sha256_of(path)
    first.refresh_from_db()
    assert first.state == IndexState.RETIRED and engine.index_folder(first).folder.is_dir()


def test_a_damaged_image_of_one_region_leaves_the_others(read_region, update, settings):
    whole, damaged = read_region(), read_region()
    imagery = TilePair.objects.filter(tile__region=damaged).first().imagery
    absolute(imagery.cog_path).unlink()
    done = update()
    assert (done["tiles"], done["failed"]) == (4, 1)
    assert Tile.objects.filter(region=whole).count() == 4


def test_without_weights_it_is_said_what_is_missing(client_of, read_region, settings, tmp_path):
    editor = UserFactory(role="editor")
    region = read_region(editor)
    settings.LANDMARKS_WEIGHTS = str(tmp_path / "none.safetensors")
    client = client_of(editor)
    answer = client.post(f"/api/regions/{region.pk}/embeddings/update/")
    assert answer.status_code == 409 and answer.json()["code"] == "no_search_model"
    state = client.get(f"/api/regions/{region.pk}/embeddings/state/").json()
    assert not state["may_update"] and "MAPWRIGHT_LANDMARKS_WEIGHTS" in state["remedy"]


def test_the_page_has_the_region_read_and_sees_how_far_it_is(client_of, read_region):
    editor = UserFactory(role="editor")
    region = read_region(editor)
    client = client_of(editor)
    before = client.get(f"/api/regions/{region.pk}/embeddings/state/").json()
    assert (before["tiles"], before["embedded"], before["whole"]) == (4, 0, False) and before["remedy"]
    answer = client.post(f"/api/regions/{region.pk}/embeddings/update/")
    assert answer.status_code == 202
    again = client.post(f"/api/regions/{region.pk}/embeddings/update/")
    assert again.json()["job"]["id"] == answer.json()["job"]["id"], "one at a time"
    assert jobs.run_now(Job.objects.get(pk=answer.json()["job"]["id"])).state == JobState.SUCCEEDED
    after = client.get(f"/api/regions/{region.pk}/embeddings/state/").json()
    assert (after["embedded"], after["whole"], after["remedy"]) == (4, True, "") and after["model"]
