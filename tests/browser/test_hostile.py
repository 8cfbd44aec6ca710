"""Script in every text that people, files and models can write: it is shown as text and never runs."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import Page, expect

from annotation.anchors.models import Anchor
from annotation.changes.models import Change
from annotation.common.models import Job
from annotation.edits.services.changesets import create
from annotation.landmarks.models import Landmark
from annotation.learning.models import TrainingRun
from annotation.review.models import QueueItem
from annotation.review.services.decide import Decision
from annotation.review.services.reassign import reassign
from annotation.sources.models import Footprint, Imagery, MapSnapshot, Region
from annotation.tiles.models import TilePair
from tests.browser.keys import press, seen
from tests.browser.stock import Stock, stock_region
from tests.factories import JobFactory, UserFactory
from tests.factories_anchors import ATTRIBUTES_AS_PROPOSED, make_batch, save, take
from tests.factories_changes import save_decision

IMG = '"><img src=x onerror="window.hacked=1">'
SCRIPT = "</script><script>window.hacked=1</script>"
LINK = "javascript:window.hacked=1//"
EVIL = f"{IMG}{SCRIPT}'{{{{7*7}}}}"


@pytest.fixture
def hostile(town, town_files, live_server) -> Stock:
    stock = stock_region(town, town_files)
    Region.objects.update(name=f"{SCRIPT}{IMG}")
    for model in (Imagery, MapSnapshot):
        model.objects.update(original_name=f"{EVIL}.tif", licence=EVIL[:110], attribution=EVIL, repairs=[EVIL, SCRIPT])
    Footprint.objects.update(tags={"building": EVIL, EVIL: SCRIPT, "website": LINK, "name": IMG})
    Change.objects.update(evidence={EVIL: EVIL, "area_m2": EVIL, "note": SCRIPT})
    Anchor.objects.update(summary=EVIL, generator=SCRIPT[:32], attributes={"building_density": EVIL, EVIL: IMG})
    job = JobFactory(
        scope_id=stock.region.pk, created_by=stock.admin, kind="learning.train", state="failed", message=EVIL,
        error_detail=f"{EVIL} {LINK}",
    )  # fmt: skip
    Job.objects.update(message=EVIL)
    TrainingRun.objects.update(job=job)
    stock.admin.username = f"{IMG}ada"
    stock.admin.save()
    accepted = stock.changes[0]
    save_decision(stock.admin, accepted)
    create(user=stock.admin, region=stock.region, comment=EVIL, source=EVIL, change_ids=[accepted.pk])
    save_decision(stock.admin, stock.changes[1])
    Landmark.objects.create(
        region=stock.region, name=EVIL, description=SCRIPT, point=stock.region.area.centroid, tags={"historic": EVIL}
    )
    return stock


def test_hostile_words_of_a_model_and_of_people_are_shown_on_the_bench_and_decide_nothing(new_page, hostile):
    """A model that answers HTML, or says to accept everything (I8, I10): text to read, no verdict without a person."""
    Anchor.objects.update(summary=f"Accept everything. {EVIL}", attributes={**ATTRIBUTES_AS_PROPOSED, "roof_hint": IMG})
    hostile.admin.username = "ada"
    hostile.admin.save()
    ben = UserFactory(username=f"{IMG}ben")
    batch = make_batch(hostile.region, user=hostile.admin, plan="random", number=3, second_share=1.0)
    batch.name = EVIL[:120]
    batch.save()
    page = new_page(hostile.admin)
    bench = f"/regions/{hostile.region.pk}/anchors/review/?batch={batch.pk}"
    page.goto(bench)
    expect(page.locator("#summary")).to_have_value(f"Accept everything. {EVIL}")
    expect(page.locator("#attributes")).to_contain_text("window.hacked")
    untouched(page)
    assert set(Anchor.objects.values_list("state", flat=True)) == {"proposed"}
    for _ in range(2):
        item = take(ben, batch)
        save(ben, item, Decision("reject", comment=EVIL))
    reassign(user=ben, item_id=(last := take(ben, batch)).pk, lease_token=last.lease_token, version=0,
             to=hostile.admin.pk, comment=EVIL, idempotency_key=uuid.uuid4())  # fmt: skip
    page.goto("about:blank")
    QueueItem.objects.filter(lease_holder=hostile.admin).update(lease_holder=None, lease_expires_at=None)
    page.goto(bench)
    expect(page.locator("#flagged")).to_contain_text("window.hacked")
    page.locator("#comment").fill(EVIL)
    page.keyboard.press("Escape")
    seen(page)
    press(page, "x")
    expect(page.locator("#tally")).to_have_text("1 decision")
    expect(page.locator("#saved-state")).to_have_attribute("data-state", "saved")
    untouched(page)
    region = f"/regions/{hostile.region.pk}"
    for path in (
        f"{region}/anchors/batches/",
        f"{region}/anchors/batches/{batch.pk}/",
        f"{region}/activity/?stage=anchors",
    ):
        page.goto(path)
        untouched(page)
        expect(page.locator("main")).to_contain_text("onerror")


def untouched(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("a[href^='javascript:']").count() == 0


def test_hostile_text_is_shown_and_never_runs(new_page, hostile):
    """I8."""
    page = new_page(hostile.admin)
    region = f"/regions/{hostile.region.pk}"
    tile = TilePair.objects.select_related("tile").get(pk=hostile.changes[0].pair_id).tile
    pages = ["/", f"{region}/", f"{region}/sources/", f"{region}/training/", f"{region}/changes/", f"{region}/edits/",
             f"{region}/tiles/{tile.z}/{tile.x}/{tile.y}/", "/jobs/", f"{region}/landmarks/",
             "/search/?q=onerror"]  # fmt: skip
    for path in pages:
        page.goto(path)
        untouched(page)
        expect(page.locator("main")).to_contain_text("window.hacked")
    page.goto(f"{region}/changes/review/")
    expect(page.locator("#subject")).to_contain_text("window.hacked")
    page.locator("#comment").fill(EVIL)
    page.locator("#question").click()
    seen(page)
    press(page, "r")
    expect(page.locator("#saved-state")).to_have_attribute("data-state", "saved")
    untouched(page)
