"""From a candidate to the tools of OpenStreetMap, and its link to a colleague."""

from __future__ import annotations

from playwright.sync_api import expect

from annotation.review.models import QueueItem
from tests.browser.screens import shot
from tests.browser.test_queue import open_queue

JOSM = "http://127.0.0.1:8111/**"


def test_a_candidate_leads_to_osm_to_id_and_to_josm_which_is_told_where_it_does_not_answer(new_page, stock, watch):
    watch.expect("ERR_CONNECTION_REFUSED")
    removal = next(one for one in stock.changes if one.kind == "remove")
    QueueItem.objects.exclude(pk=removal.item_id).update(state="withdrawn")
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.get_by_text("More about it").click()
    key = removal.footprint.key
    on_osm = page.get_by_role("link", name="On openstreetmap.org")
    expect(on_osm).to_have_attribute("href", f"https://www.openstreetmap.org/{key}")
    expect(page.get_by_role("link", name="History")).to_have_attribute(
        "href", f"https://www.openstreetmap.org/{key}/history"
    )
    lon, lat = removal.geometry.centroid.coords
    way = key.removeprefix("way/")
    edit = page.get_by_role("link", name="Edit in iD").get_attribute("href")
    assert edit.startswith(f"https://www.openstreetmap.org/edit?editor=id&way={way}#map=20/")
    assert [round(float(part), 4) for part in edit.split("/")[-2:]] == [round(lat, 4), round(lon, 4)]
    shot(page, "exits")
    page.route(JOSM, lambda route: route.abort("connectionrefused"))
    page.get_by_role("button", name="Open in JOSM").click()
    expect(page.locator("#notices")).to_contain_text("JOSM does not answer")
    page.unroute(JOSM)
    asked: list[str] = []

    def josm(route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=200, body="OK", headers={"Access-Control-Allow-Origin": "*"})

    page.route(JOSM, josm)
    page.get_by_role("button", name="Open in JOSM").click()
    expect(page.locator("#notices")).to_contain_text("JOSM loads the place")
    assert len(asked) == 1 and f"select=way{way}" in asked[0]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("#notices")).to_contain_text(f"/changes/{removal.pk}/")
    page.reload()
    expect(on_osm).to_be_visible()  # what was unfolded stays so
