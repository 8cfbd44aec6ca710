"""What leaves a changeset says what it is for, and other editors are a key away."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from annotation.edits.services import changesets
from tests.browser.screens import shots
from tests.browser.test_accessibility import SETTLED
from tests.factories_changes import save_decision

JOSM = "http://127.0.0.1:8111/**"
EXPORT_FAULTS = "axe.run('section[aria-label=Export]').then((told) => told.violations.map((one) => one.id))"


def test_every_exit_of_a_changeset_says_what_it_is_for(new_page, stock, axe):
    for change in stock.changes[:3]:
        save_decision(stock.admin, change)
    changeset = changesets.create(user=stock.admin, region=stock.region, comment="Houses").changeset
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    files = page.get_by_role("list", name="Files")
    expect(files.get_by_role("listitem")).to_have_count(7)
    for name in ("JOSM file", "MapRoulette", "GeoPackage", "osmChange for a copy"):
        line = files.get_by_role("listitem").filter(has=page.get_by_role("link", name=name))
        expect(line).to_contain_text("For " if name != "MapRoulette" else "A cooperative challenge")
        with page.expect_download() as got:
            line.get_by_role("link").press("Enter")
        assert got.value.path().stat().st_size > 100
    page.get_by_role("button", name="Open in another editor").press("Enter")
    load = page.get_by_role("button", name="Load in JOSM")
    expect(load).to_be_focused()
    asked: list[str] = []

    def josm(route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=200, body="OK", headers={"Access-Control-Allow-Origin": "*"})

    page.route(JOSM, josm)
    load.press("Enter")
    expect(page.locator("#notices")).to_contain_text("JOSM is asked to load")
    file = parse_qs(urlsplit(asked[0]).query)["url"][0]
    reply = new_page().context.request.get(file)  # a profile of its own: JOSM has no session
    assert reply.status == 200 and 'upload="false"' in reply.text()
    expect(page.get_by_role("link", name="Open in iD")).to_have_attribute("href", re.compile("comment=Houses"))
    shots(page, "changeset-exits", whole=True)
    page.evaluate(axe)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(SETTLED)
        assert page.evaluate(EXPORT_FAULTS) == [], scheme
    assert changeset.items.filter(operations__isnull=True).count() == 0


def test_the_list_of_changes_leaves_as_it_is_filtered(new_page, stock):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/?kind=remove")
    page.get_by_text("Export this list").press("Enter")
    with page.expect_download() as got:
        page.get_by_role("link", name="CSV").click()
    lines = got.value.path().read_text().splitlines()
    removals = [one for one in stock.changes if one.kind == "remove"]
    assert len(lines) == len(removals) + 1 and all(",remove," in line for line in lines[1:])
    shots(page, "changes-export")
