"""Imagery of other servers in the pages: switched by mouse or key, credited, remembered, dead without harm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from annotation.sources.base_layers import BaseLayer
from annotation.sources.services.base_layers import add_layer
from tests.annotation.geolocation.tile_server import Said, Served, png, tile_server
from tests.browser.keys import press
from tests.browser.screens import shot, shots
from tests.browser.stock import Stock
from tests.browser.test_queue import accept_old, open_queue, saved, until
from tests.factories import UserFactory

OTHER = "#map .leaflet-other-pane img.leaflet-tile-loaded"
OURS = "#map .leaflet-photo-pane img.leaflet-tile-loaded"


@pytest.fixture(autouse=True)
def the_tile_server_may_end_before_the_page(watch) -> None:
    """Tiles that are still under way then fail; the pages' own address is another one."""
    watch.expect("(http://127.0.0.1:")


@contextmanager
def serving(settings, status: int = 200) -> Iterator[Served]:
    """A tile server on this machine, allowed by name as an administrator would."""
    settings.LAYER_HOSTS = ["127.0.0.1"]
    with tile_server(
        lambda tile, number: Said(png(tile) if status == 200 else b"", status, {"Content-Type": "image/png"})
    ) as served:
        yield served


def offer(stock: Stock, template: str, **fields) -> BaseLayer:
    said = {"title": "Province 2024", "attribution": "The province", "licence": "CC BY 4.0", "osm_use": "allowed"}
    return add_layer(user=stock.admin, region=stock.region, template=template, **{**said, **fields})


@contextmanager
def layer_by_key(new_page, stock: Stock, settings, *, status: int = 200, **fields):
    """The queue with an imagery server offered and its layer asked for by key; the server, and the page."""
    with serving(settings, status) as served:
        offer(stock, served.template, **fields)
        page = new_page(stock.admin)
        open_queue(page, stock)
        expect(page.locator(OTHER)).to_have_count(0)
        assert served.asked == [], "nobody is asked before somebody looks"
        page.keyboard.press("8")
        yield served, page


def state(page: Page, wanted: str) -> None:
    expect(page.locator(".layer-state")).to_have_attribute("data-state", wanted)


def test_another_imagery_is_looked_at_by_a_key_credited_and_named_in_the_edit(new_page, stock, settings):
    fields = {"captured": "2024-05", "attribution_url": "https://province.example.org/"}
    with layer_by_key(new_page, stock, settings, **fields) as (served, page):
        state(page, "shown")
        expect(page.locator(OTHER).first).to_be_visible()
        expect(page.locator(OURS).first).to_be_attached()
        credit = page.locator(".layer-credit")
        expect(credit).to_contain_text("Province 2024: 2024-05")
        expect(credit).to_contain_text("may be used for OSM edits")
        link = credit.locator("a")
        assert link.get_attribute("href") == "https://province.example.org/"
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert all("Cookie" not in one and "/regions/" not in one.get("Referer", "") for one in served.headers)
        shots(page, "layers-queue")
        first = page.locator("#question").inner_text()
        press(page, "a")
        accept_old(page)
        saved(page)
        until(lambda: Change.objects.filter(looked_at=["Province 2024"]).count() == 1)
        assert first
        page.keyboard.press("7")
        state(page, "ours")
        expect(page.locator(OTHER)).to_have_count(0)
        expect(credit).to_have_count(0)


def test_what_was_not_looked_at_for_this_candidate_is_not_named(new_page, stock, settings):
    with layer_by_key(new_page, stock, settings) as (_, page):
        state(page, "shown")
        page.keyboard.press("8")
        state(page, "ours")
        press(page, "r")
        saved(page)
        press(page, "a")
        accept_old(page)
        saved(page)
        until(lambda: Change.objects.filter(item__decision="accept").exists())
        assert [one.looked_at for one in Change.objects.filter(item__decision="accept")] == [[]]


def test_the_choice_is_kept_for_the_person_and_shown_on_the_regions_map(new_page, stock, settings):
    with serving(settings) as served:
        layer = offer(stock, served.template)
        page = new_page(stock.admin)
        page.goto(f"/regions/{stock.region.pk}/")
        expect(page.locator(OURS).first).to_be_attached()
        page.get_by_label("Imagery to look at").select_option(str(layer.pk))
        state(page, "shown")
        expect(page.locator(OTHER).first).to_be_visible()
        page.reload()
        state(page, "shown")
        open_queue(page, stock)
        state(page, "shown")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.goto(f"/regions/{stock.region.pk}/")
            state(page, "shown")
            shot(page, f"layers-region-{scheme}")


def test_a_dead_layer_says_so_and_leaves_our_imagery_in_place(new_page, stock, settings, watch):
    watch.expect("404")
    with layer_by_key(new_page, stock, settings, status=404) as (_, page):
        state(page, "dead")
        expect(page.locator(".layer-state")).to_contain_text("this is our imagery")
        expect(page.locator(OURS).first).to_be_visible()
        expect(page.locator(OTHER)).to_have_count(0)
        expect(page.locator(".layer-credit")).to_be_hidden()
        shot(page, "layers-dead")
        press(page, "a")
        accept_old(page)
        saved(page)
        until(lambda: Change.objects.filter(item__decision="accept").exists())
        assert not Change.objects.exclude(looked_at=[]).exists(), "it was not seen"


def test_what_may_not_be_used_for_edits_is_put_away_before_a_change_is_accepted(new_page, stock, settings):
    with layer_by_key(new_page, stock, settings, osm_use="forbidden", title="Street pictures") as (_, page):
        state(page, "shown")
        expect(page.locator(".layer-credit")).to_contain_text("not for OSM edits")
        press(page, "a")
        expect(page.locator("#notices")).to_contain_text("OSM may not be edited by Street pictures")
        state(page, "ours")
        assert not Change.objects.filter(item__state="decided").exists()
        press(page, "a")
        accept_old(page)
        saved(page)
        until(lambda: Change.objects.filter(item__decision="accept", looked_at=[]).exists())


def test_an_admin_offers_a_layer_and_sees_it_on_the_regions_ground(new_page, stock, settings, watch):
    watch.expect("400")
    with serving(settings) as served:
        page = new_page(stock.admin)
        page.goto(f"/regions/{stock.region.pk}/layers/")
        expect(page.locator("#layers")).to_contain_text("Nothing but our own imagery yet")
        page.get_by_label("Title").fill("Province 2024")
        page.get_by_label("Address", exact=True).fill("https://10.0.0.1/{z}/{x}/{y}.png")
        page.get_by_label("Attribution").fill("The province")
        page.get_by_label("Licence").fill("CC BY 4.0")
        page.get_by_label("Edits of OpenStreetMap by it").select_option("allowed")
        page.get_by_role("button", name="Offer the layer").click()
        expect(page.locator("#layer-form .error")).to_contain_text("no public name")
        page.get_by_label("Address", exact=True).fill(served.template)
        page.get_by_role("button", name="Offer the layer").click()
        card = page.locator("#layers li", has_text="Province 2024")
        expect(card).to_contain_text("may be used for OSM edits")
        card.get_by_role("button", name="Look at Province 2024").click()
        state(page, "shown")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            shot(page, f"layers-page-{scheme}", whole=True)
        card.get_by_role("button", name="Remove Province 2024").click()
        page.get_by_role("button", name="Remove it").click()
        expect(page.locator("#layers")).to_contain_text("Nothing but our own imagery yet")


def test_who_is_no_admin_sees_what_is_offered_and_no_form(new_page, stock, settings):
    with serving(settings) as served:
        offer(stock, served.template)
        stock.region.open_to_all = True
        stock.region.save()
        page = new_page(UserFactory())
        page.goto(f"/regions/{stock.region.pk}/layers/")
        expect(page.locator("#layers")).to_contain_text("Province 2024")
        expect(page.locator("#layer-form")).to_have_count(0)
        expect(page.get_by_role("button", name="Remove Province 2024")).to_have_count(0)
