"""Points leave the control-point editor for QGIS and come back from a file as one step of the work."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from annotation.correspondences.models import Correspondences
from annotation.review.models import Batch, Verdict
from mlcore.correspondences.exchange import read_qgis_points
from tests.browser.keys import press
from tests.browser.matched import pairs_of, propose
from tests.browser.stock import Stock
from tests.browser.test_correspondences import metres_of, open_editor
from tests.browser.test_queue import saved
from tests.factories_correspondences import make_batch


@pytest.fixture
def row(stock: Stock) -> Correspondences:
    return propose(pairs_of(stock)[0])


@pytest.fixture
def batch(stock: Stock, row: Correspondences) -> Batch:
    return make_batch(stock.region, user=stock.admin)


def test_points_leave_for_qgis_and_come_back_as_a_step_that_is_saved(new_page, stock, batch, row, tmp_path: Path):
    page = new_page(stock.admin)
    open_editor(page, batch)
    with page.expect_download() as download:
        page.get_by_role("link", name="Proposed points for QGIS").click()
    path = tmp_path / "tile.points"
    download.value.save_as(path)
    points = read_qgis_points(path)
    assert len(points.enabled) == row.points.count() == 12
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-2]), encoding="utf-8")  # two points deleted in QGIS

    before = page.locator("#fit-rmse").inner_text()
    page.locator("#points-file").set_input_files(path)

    expect(page.locator("#accept-label")).to_have_text("Save corrected")
    expect(page.locator("#points .point-row")).to_have_count(10)
    assert metres_of(page.locator("#fit-rmse")) < 0.3
    page.get_by_role("button", name="Undo a step").click()
    expect(page.locator("#fit-rmse")).to_have_text(before)
    expect(page.locator("#points .point-row")).to_have_count(12)
    page.get_by_role("button", name="Redo a step").click()
    expect(page.locator("#points .point-row")).to_have_count(10)
    expect(page.locator("#points-qgis")).to_be_hidden()  # what is stored is not what the page shows any more
    page.reload()
    expect(page.locator("#accept-label")).to_have_text("Save corrected")
    expect(page.locator("#points .point-row")).to_have_count(10)
    press(page, "a")
    saved(page)
    verdict = Verdict.objects.get()
    assert (verdict.decision, len(verdict.payload["points"])) == ("adjust", 10)
    row.refresh_from_db()
    assert row.state == "corrected"


def test_a_file_without_points_is_refused_and_changes_nothing(new_page, stock, batch, row, tmp_path: Path, watch):
    watch.expect("400 (Bad Request)")
    page = new_page(stock.admin)
    open_editor(page, batch)
    path = tmp_path / "notes.points"
    path.write_text("nothing of the kind\n", encoding="utf-8")
    page.locator("#points-file").set_input_files(path)
    expect(page.get_by_role("alert").or_(page.locator(".notice"))).to_be_visible()
    expect(page.locator("#accept-label")).to_have_text("Accept as it is")
    expect(page.locator("#points .point-row")).to_have_count(12)
