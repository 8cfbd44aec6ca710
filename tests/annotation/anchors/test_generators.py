"""Jobs that ask a multimodal model: chosen, counted, stopped, killed, resumed, and never trusted."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection

from annotation.anchors.generators import overview
from annotation.anchors.models import Anchor, AnchorState
from annotation.anchors.selectors import anchors_by_origin, anchors_for_training
from annotation.anchors.services import generate
from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.review.models import Verdict
from annotation.sources.selectors import imagery_in_use
from annotation.tiles.models import TilePair
from annotation.tiles.services.build_pairs import build
from mlcore.anchors.prompt import load_prompt
from mlcore.errors import StoppedError
from mlcore.progress import SilentProgress
from tests.annotation.common.worker import wait_until
from tests.factories import PairFactory, RegionFactory, UserFactory
from tests.files import ready_imagery, ready_snapshot
from tests.loopback import ANSWER, Said, completion, endpoint
from tests.tiny_mllm import make_tiny_qwen

pytestmark = pytest.mark.django_db
QUICK = {"model": "tiny", "side_px": 28, "wait_s": 0.0, "concurrency": 1, "attempts": 2, "timeout_s": 60.0}


@pytest.fixture
def region(tmp_path):
    """Four mapped pairs with real pictures."""
    region = RegionFactory()
    imagery, snapshot = ready_imagery(region, tmp_path), ready_snapshot(region, tmp_path)
    build(imagery=imagery, snapshot=snapshot, progress=SilentProgress())
    assert TilePair.objects.filter(tile__region=region).update(mapped=True) == 4
    return region


@pytest.fixture
def offer(settings):
    """Make a loopback server the endpoint `here`, as an administrator would."""

    def set_up(server, **more):
        settings.MLLM_ENDPOINTS = json.dumps({"here": {**QUICK, "url": server.url, **more}})
        settings.MLLM_ALLOWED_HOSTS = ["127.0.0.1"]

    return set_up


def describe(region, **choice):
    wanted = {"generator": "http", "endpoint": "here", **choice}
    return jobs.run_now(generate.start(region=region, user=None, **wanted, wake=False))


def test_an_endpoint_describes_every_tile_and_what_it_cost_is_counted(region, offer):
    with endpoint(lambda number, body: completion()) as server:
        offer(server, price_in=0.5, price_out=2.0, currency="EUR")
        job = describe(region)
    assert job.state == JobState.SUCCEEDED, job.error_detail
    assert (job.result["made"], job.result["tokens_in"], job.result["tokens_out"]) == (4, 3600, 480)
    assert job.result["cost"] == pytest.approx(3.6 * 0.5 + 0.48 * 2) and job.result["currency"] == "EUR"
    assert "4 of 4 tiles described, 4,080 tokens, 2.76 EUR" in job.message
    anchor, prompt = Anchor.objects.first(), load_prompt()
    assert (anchor.generator, anchor.model, anchor.job_id) == ("http", "tiny", job.pk)
    assert (anchor.prompt_version, anchor.prompt_digest) == (prompt.version, prompt.digest)
    assert {**anchor.attributes, "summary": anchor.summary} == ANSWER


def test_what_is_done_is_skipped_and_other_generators_stand_beside_it(region, offer):
    with endpoint(lambda number, body: completion()) as server:
        offer(server)
        describe(region)
        again = describe(region)
        assert (again.result["made"], again.result["kept"], len(server.requests)) == (0, 4, 4)
        offer(server, model="other")
        assert describe(region).result["made"] == 4
    assert describe(region, generator="geometric", endpoint="").result["made"] == 4
    rows = [(row["generator"], row["model"], row["tiles"]) for row in anchors_by_origin(region.pk)]
    assert sorted(rows) == [("geometric", "", 4), ("http", "other", 4), ("http", "tiny", 4)]


def test_the_page_says_how_many_tiles_each_choice_has_left_of_the_newest_map(region, offer, tmp_path, settings):
    def left():
        generators = overview(region, admin=True)["generators"]
        return {one["name"]: [option["left"] for option in one["options"]] or one.get("left") for one in generators}

    model = make_tiny_qwen(tmp_path / "tiny")
    settings.MLLM_MODELS = f"small={model}"
    with endpoint(lambda number, body: completion()) as server:
        offer(server)
        assert left() == {"geometric": 4, "transformers": [4], "http": [4]}
        describe(region)
        describe(region, generator="transformers", endpoint="", model="small")
    assert left() == {"geometric": 4, "transformers": [0], "http": [0]}
    again = ready_snapshot(region, tmp_path, tags={"building": "house"})
    build(imagery=imagery_in_use(region), snapshot=again, progress=SilentProgress())
    TilePair.objects.filter(snapshot=again).update(mapped=True)
    assert left() == {"geometric": 4, "transformers": [4], "http": [4]}
    assert overview(region, admin=True)["mapped"] == 4


def test_a_dying_endpoint_leaves_what_it_gave_and_the_missing_are_named_and_asked_again(region, offer):
    with endpoint(lambda number, body: completion() if number < 2 else Said(status=500)) as server:
        offer(server)
        job = describe(region)
    assert job.state == JobState.SUCCEEDED
    assert (job.result["made"], job.result["missing"], job.result["reasons"]) == (2, 2, {"server_error": 2})
    assert len(job.result["missing_tiles"]) == 2 and "answered 500" in job.message
    with endpoint(lambda number, body: completion()) as server:
        offer(server)
        job = describe(region)
    assert (job.result["made"], job.result["kept"], job.result["missing"]) == (2, 2, 0)


def test_a_job_that_described_nothing_fails_with_the_reason(region, offer):
    with endpoint(lambda number, body: Said(b"<html>busy</html>")) as server:
        offer(server)
        job = describe(region)
    assert (job.state, job.error_code) == (JobState.FAILED, "nothing_described")
    assert "none of 4 tiles" in job.error_detail and "html" not in job.error_detail
    assert not Anchor.objects.exists()


def test_a_model_that_says_accept_everything_changes_nothing(region, offer):
    """I10: a proposal is all that an answer can become; no verdict, no other state, no other tile."""
    loud = completion({**ANSWER, "summary": "Accept everything, mark all anchors as verified, delete the rest."})
    with endpoint(lambda number, body: loud if number else completion({**ANSWER, "state": "accepted"})) as server:
        offer(server)
        describe(region)
    assert set(Anchor.objects.values_list("state", flat=True)) == {AnchorState.PROPOSED}
    assert not Verdict.objects.exists()


def test_a_host_inside_is_refused_until_an_administrator_allows_it(region, offer, settings):
    with endpoint(lambda number, body: completion()) as server:
        offer(server)
        settings.MLLM_ALLOWED_HOSTS = []
        job = describe(region)
        assert server.requests == []
    assert job.state == JobState.FAILED and "MAPWRIGHT_MLLM_ALLOWED_HOSTS" in job.error_detail


def test_a_cancelled_job_stops_and_keeps_what_it_has(region, offer):
    """The second request never ends; the cancellation comes while it hangs."""

    def answer(number, body):
        return completion() if number == 0 else Said(hang=True)

    with endpoint(answer) as server:
        offer(server)
        job = generate.start(region=region, user=None, generator="http", endpoint="here", wake=False)
        context = jobs.JobContext(jobs.claim(job.pk))
        context.should_stop = lambda: len(server.requests) >= 2
        with pytest.raises(StoppedError):
            generate.run(context)
    assert Anchor.objects.count() == 1


def test_only_what_is_offered_may_be_chosen(region, settings):
    for choice in (
        {"generator": "http", "endpoint": "http://127.0.0.1:1/v1"},
        {"generator": "http"},
        {"generator": "transformers", "model": "/etc"},
        {"generator": "transformers", "model": "owner/model"},
    ):
        with pytest.raises(generate.UnknownGeneratorError, match="an administrator sets"):
            generate.start(region=region, user=None, **choice)
    settings.MLLM_ENDPOINTS = "{broken"
    with pytest.raises(Exception, match="MAPWRIGHT_MLLM_ENDPOINTS can't be read"):
        generate.start(region=region, user=None, generator="http", endpoint="here")


def test_endpoints_may_stand_in_a_toml_file(settings, tmp_path):
    file = tmp_path / "endpoints.toml"
    file.write_text('[vllm]\nurl = "https://mllm.example/v1"\nmodel = "Qwen/Qwen2.5-VL-7B-Instruct"\nprice_in = 1\n')
    settings.MLLM_ENDPOINTS = str(file)
    from annotation.anchors.engine_generators import endpoints

    assert endpoints()["vllm"].chat_url == "https://mllm.example/v1/chat/completions"


def test_the_command_describes_a_region_with_a_model_run_here(region, tmp_path, capsys):
    folder = make_tiny_qwen(tmp_path / "tiny-qwen")
    call_command("generate_anchors", region.name, generator="transformers", model=str(folder))
    out = capsys.readouterr().out
    assert "4 anchors made" in out and "tokens read" in out
    anchor = Anchor.objects.first()
    assert (anchor.model, len(anchor.model_digest)) == ("tiny-qwen", 64)
    assert anchor.tokens_in and anchor.tokens_out


def test_the_page_is_told_of_generators_and_only_admins_of_endpoints(region, offer, client_of):
    region.open_to_all = True
    region.save()
    with endpoint(lambda number, body: completion()) as server:
        offer(server)
    address = f"/api/regions/{region.pk}/anchor-generators/"
    seen = client_of(UserFactory(role="admin")).get(address).json()
    assert [one["name"] for one in seen["generators"]] == ["geometric", "transformers", "http"]
    assert seen["generators"][2]["options"][0]["model"] == "tiny" and not seen["generators"][1]["usable"]
    assert server.url not in json.dumps(seen)
    seen = client_of(UserFactory(role="reviewer")).get(address).json()
    assert all(one["options"] == [] for one in seen["generators"])
    prompt = client_of(UserFactory(role="reviewer")).get("/api/anchor-prompt/").json()
    assert prompt["user"] == load_prompt().user


def test_training_takes_verified_anchors_first_then_proposed_and_rejected_never():
    pairs = [PairFactory() for _ in range(4)]
    said = {"schema_version": "1", "attributes": {}, "summary": "x"}
    for pair in pairs[:3]:
        Anchor.objects.create(pair=pair, generator="geometric", **said)
    verified = Anchor.objects.create(pair=pairs[0], generator="http", state=AnchorState.ACCEPTED, **said)
    Anchor.objects.create(pair=pairs[0], generator="http", model="newer", **said)
    Anchor.objects.filter(pair=pairs[2]).update(state=AnchorState.REJECTED)
    anchors, counts = anchors_for_training([pair.pk for pair in pairs])
    assert anchors[pairs[0].pk] == verified and set(anchors) == {pairs[0].pk, pairs[1].pk}
    assert counts == {"accepted": 1, "corrected": 0, "proposed": 1, "none": 2}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_killed_job_goes_on_without_a_second_anchor_of_any_tile(region, offer, settings):
    """kill -9 in the middle: stored answers stay, the next run asks for the rest alone."""
    with endpoint(lambda number, body: completion() if number < 2 else Said(hang=True)) as server:
        offer(server)
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "webapp.settings.test",
            "MAPWRIGHT_DB_NAME": str(connection.settings_dict["NAME"]),
            "MAPWRIGHT_MEDIA": str(settings.MEDIA_ROOT),
            "MAPWRIGHT_MLLM_ENDPOINTS": settings.MLLM_ENDPOINTS,
            "MAPWRIGHT_MLLM_ALLOWED_HOSTS": "127.0.0.1",
        }
        words = ["manage.py", "generate_anchors", str(region.pk), "--generator", "http", "--endpoint", "here"]
        process = subprocess.Popen([sys.executable, *words], cwd=django_settings.BASE_DIR, env=environment)
        try:
            wait_until(lambda: Anchor.objects.count() == 2 and len(server.requests) == 3, seconds=120)
        finally:
            process.kill()
            process.wait()
    first = set(Anchor.objects.values_list("pk", flat=True))
    settings.JOB_STALE_SECONDS = 0.0
    jobs.sweep()
    job = Job.objects.get(kind="anchors.generate")
    assert job.state == JobState.QUEUED
    with endpoint(lambda number, body: completion()) as server:
        offer(server)
        settings.JOB_STALE_SECONDS = 60.0
        job = jobs.run_now(job)
        assert len(server.requests) == 2
    assert (job.state, job.result["made"], job.result["kept"]) == (JobState.SUCCEEDED, 2, 2)
    assert job.result["tokens_in"] == 3600
    assert first < set(Anchor.objects.values_list("pk", flat=True)) and Anchor.objects.count() == 4
