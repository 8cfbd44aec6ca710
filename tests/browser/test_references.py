"""The page of reference imagery: sets are registered, prepared, built, looked at, and removed."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.geolocation.models import FeatureDatabase, ReferenceSet
from tests.annotation.geolocation.locators import locator_file
from tests.browser.patience import patient
from tests.browser.screens import shot, shots
from tests.browser.test_accessibility import findings, in_both
from tests.factories import RegionFactory, UserFactory
from tests.factories_geolocation import ReferenceBaseFactory, ReferenceSetFactory
from tests.files import ready_imagery, write_geotiff

PAGE = "/reference-imagery/"


@pytest.fixture
def small(settings, monkeypatch, tmp_path):
    """Small bases, and a locator that nobody taught; of the worker as well, which starts after this."""
    weights = tmp_path / "locator.safetensors"
    locator_file(weights)
    for name, value in (("REFERENCE_BASE_PX", "512"), ("LOCATOR_WEIGHTS", str(weights))):
        monkeypatch.setenv(f"MAPWRIGHT_{name}", value)
    settings.REFERENCE_BASE_PX, settings.LOCATOR_WEIGHTS = 512, str(weights)


def test_an_admin_registers_a_set_adds_a_file_and_builds_features(small, live_server, worker, new_page, tmp_path):
    region = RegionFactory(name="Old town")
    ready_imagery(region, tmp_path)
    write_geotiff(tmp_path / "city.tif", 3, 3, seed=4)
    page = new_page(UserFactory(role="admin"))
    page.goto(PAGE)
    expect(page.get_by_text("No set yet.")).to_be_visible()
    expect(page.locator("#database-state")).to_have_text("Not built")
    page.keyboard.press("n")
    page.keyboard.type("City 2024")
    page.get_by_label("Licence").fill("CC BY 4.0")
    page.get_by_label("Attribution").fill("The city")
    page.get_by_role("button", name="Register the set").click()
    card = page.get_by_role("article", name="Set City 2024")
    expect(card).to_be_focused()
    expect(card.get_by_text("Registered", exact=True)).to_be_visible()
    card.get_by_text("Add a file").click()
    card.get_by_label("A GeoTIFF with its place in it").set_input_files(tmp_path / "city.tif")
    card.get_by_role("button", name="Upload the file").click()
    expect(card.get_by_text("Ready", exact=True)).to_be_visible(timeout=patient(60_000))
    expect(card.get_by_text("waiting for features")).to_be_visible()
    page.get_by_role("button", name="Build features").click()
    expect(page.locator("#database-state")).to_have_text("Up to date", timeout=patient(90_000))
    expect(page.get_by_role("article", name="Set Old town")).to_be_visible()
    expect(page.locator("#database")).to_contain_text("the locator that the setting")
    card.locator("summary", has_text="Bases").click()
    expect(card.locator("tbody tr").first).to_be_visible()
    row = FeatureDatabase.objects.serving().get()
    assert row.base_count == sum(one.bases.filter(state="ready").count() for one in ReferenceSet.objects.all()) > 1
    shot(page, "references-built", whole=True)
    card.get_by_role("button", name="Remove: City 2024").click()
    page.get_by_role("button", name="Remove it").click()
    expect(card).to_be_hidden()
    expect(page.locator("#database")).to_contain_text("1 base", timeout=patient(90_000))


def test_what_a_form_lacks_is_said_beside_its_field(live_server, new_page, watch):
    watch.expect("400")
    page = new_page(UserFactory(role="admin"))
    page.goto(PAGE)
    page.get_by_label("Tiles of a server: XYZ or WMTS").check()
    page.get_by_label("Name").fill("Orthophotos")
    page.get_by_label("Licence").fill("CC0 1.0")
    page.get_by_label("Attribution").fill("A state")
    page.get_by_label("Address of a tile").fill("http://tiles.example/{z}/{x}/{y}.png")
    page.get_by_label("Area").fill("somewhere")
    page.get_by_role("button", name="Register the set").click()
    expect(page.get_by_text("Give west, south, east and north in degrees")).to_be_visible()
    page.get_by_label("Area").fill("85.50, 27.60, 85.51, 27.61")
    page.get_by_role("button", name="Register the set").click()
    expect(page.get_by_text("begins with https://")).to_be_visible()
    page.get_by_label("Address of a tile").fill("https://tiles.example/{z}/{x}/{y}.png")
    page.get_by_label("Area").fill("80, 20, 90, 30")
    page.get_by_role("button", name="Register the set").click()
    expect(page.get_by_text("choose a smaller area or a lower zoom")).to_be_visible()
    shot(page, "references-refused", whole=True)
    assert not ReferenceSet.objects.exists()


def test_the_page_tells_every_state_to_everybody(live_server, new_page, axe, settings):
    settings.LOCATOR_WEIGHTS = "/nowhere/locator.safetensors"
    told = {"state": "failed", "error": "the server tiles.example answers 403 for tile 18/193341/110117"}
    ReferenceSetFactory(name="Orthophotos of the state", of_tiles=True, **told)
    ready = ReferenceSetFactory(name="City 2024", state="ready", open_to_all=True, resolution_m=0.5, base_count=3)
    for state in ("ready", "waiting", "failed"):
        ReferenceBaseFactory(set=ready, state=state, error="the file is gone" if state == "failed" else "")
    ReferenceBaseFactory(set=ReferenceSetFactory(of_region=True, region=RegionFactory(name="Old town"), state="ready"))
    page = new_page(UserFactory(role="admin"))
    page.goto(PAGE)
    expect(page.locator("#database-state")).to_have_text("No locator")
    expect(page.get_by_text("put a locator in use on a page of training")).to_be_visible()
    expect(page.get_by_role("button", name="Build features")).to_be_hidden()
    expect(page.get_by_role("article", name="Set Old town")).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("article", name="Set Old town")).to_be_focused()
    page.keyboard.press("j")
    expect(page.get_by_role("article", name="Set City 2024")).to_be_focused()
    page.get_by_role("article", name="Set City 2024").locator("summary", has_text="Bases").click()
    expect(page.get_by_text("Can't be read", exact=True)).to_be_visible()
    assert in_both(page, axe) == []
    shots(page, "references", whole=True)


def test_an_admin_says_who_sees_a_set(live_server, new_page, axe):
    ada, bo = (UserFactory(username=name, role="editor") for name in ("ada", "bo"))
    for number in range(8):
        UserFactory(username=f"person-x{number}")
    page = new_page(UserFactory(role="admin"))
    page.goto(PAGE)
    form = page.locator("#set-form")
    form.get_by_label("Name").fill("City 2024")
    form.get_by_label("Licence").fill("CC BY 4.0")
    form.get_by_label("Attribution").fill("The city")
    form.get_by_label("Find a person").fill("ad")
    expect(form.get_by_label("bo", exact=True)).to_be_hidden()
    form.get_by_label("ada", exact=True).check()
    form.get_by_role("button", name="Register the set").click()
    card = page.get_by_role("article", name="Set City 2024")
    expect(card).to_contain_text("admins and 1 person")
    expect(form.get_by_label("bo", exact=True)).to_be_visible()
    row = ReferenceSet.objects.get()
    assert list(row.viewers.all()) == [ada]
    card.locator("summary", has_text="Who sees it").click()
    card.get_by_label("ada", exact=True).uncheck()
    card.get_by_label("bo", exact=True).check()
    shot(page, "references-who-sees", whole=True)
    assert findings(page, axe) == []
    card.get_by_role("button", name="Save who sees it").click()
    expect(page.get_by_text("Who sees City 2024 is changed.")).to_be_visible()
    assert list(row.viewers.all()) == [bo]
    expect(card.get_by_label("bo", exact=True)).to_be_checked()
    card.get_by_label("Everybody who signs in may see it").check()
    expect(card.get_by_label("bo", exact=True)).to_be_hidden()
    card.get_by_role("button", name="Save who sees it").click()
    expect(card).to_contain_text("everybody who signs in")
    row.refresh_from_db()
    assert row.open_to_all and not row.viewers.exists()


def test_only_admins_are_led_there(live_server, new_page, watch):
    watch.expect("403")
    page = new_page(UserFactory(role="editor"))
    page.goto("/")
    expect(page.get_by_role("link", name="Reference", exact=True)).to_have_count(0)
    assert page.goto(PAGE).status == 403
