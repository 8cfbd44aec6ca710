"""The tag form by OSM's presets: a kind is found by words and keys, its fields come along, what is wrong says so."""

from __future__ import annotations

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from annotation.review.models import QueueItem
from tests.browser.keys import press
from tests.browser.screens import shot, shots
from tests.browser.test_accessibility import in_both
from tests.browser.test_little_room import PHONE, fits
from tests.browser.test_queue import decision_of, open_queue, saved, until

LAPTOP = {"width": 1366, "height": 768}


def tag_form(page: Page, stock, change: Change):
    """The form of this change, opened by its key."""
    QueueItem.objects.filter(pk=change.item_id).update(priority=2.0)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    press(page, ",")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def of_kind(stock, kind: str) -> Change:
    return next(change for change in stock.changes if change.kind == kind)


def test_a_new_greenhouse_is_found_filled_in_and_saved_by_keys_alone(new_page, stock):
    new = of_kind(stock, "add")
    page = new_page(stock.admin)
    dialog = tag_form(page, stock, new)
    kind = dialog.get_by_role("combobox", name="Kind of building")
    expect(kind).to_be_focused()
    page.keyboard.type("glass h")
    first = dialog.get_by_role("option").first
    expect(first).to_contain_text("Greenhouse")
    expect(first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(kind).to_have_value("Greenhouse")
    expect(dialog.get_by_role("listbox")).to_have_count(0)
    expect(dialog).to_contain_text("Plants grow in it")
    expect(dialog).to_contain_text("Edited in iD or JOSM: Name, Address.")
    page.keyboard.press("Tab")
    expect(dialog.get_by_label("Levels", exact=True)).to_be_focused()
    page.keyboard.type("1")
    page.keyboard.press("Tab")
    page.keyboard.type("3.5 m")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    shape = dialog.get_by_role("combobox", name="Roof Shape")
    shape.focus()
    page.keyboard.type("Gabled")
    expect(shape).to_have_value("gabled")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator("#tags-set")).to_contain_text("building=greenhouse")
    press(page, "a")
    saved(page)
    until(lambda: decision_of(new) == "accept")
    assert Change.objects.get(pk=new.pk).tags_set == {
        "building": "greenhouse", "building:levels": "1", "height": "3.5 m", "roof:shape": "gabled",
    }  # fmt: skip


def test_another_kind_takes_its_own_tags_along_and_leaves_the_rest(new_page, stock):
    page = new_page(stock.admin)
    dialog = tag_form(page, stock, of_kind(stock, "add"))
    kind = dialog.get_by_label("Kind of building")
    kind.fill("single townhouse")
    page.keyboard.press("Enter")
    dialog.get_by_label("Levels", exact=True).fill("2")
    dialog.get_by_role("button", name="Another tag").click()
    dialog.get_by_label("Key", exact=True).fill("ref:cadastre")
    dialog.get_by_label("Value", exact=True).fill("77")
    kind.fill("garage")
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Levels", exact=True)).to_have_value("2")
    dialog.get_by_label("Capacity").fill("-1")
    dialog.get_by_role("button", name="Set them").click()
    assert "At least 0" in dialog.get_by_label("Capacity").evaluate("one => one.validationMessage")
    dialog.get_by_label("Capacity").fill("1")
    dialog.get_by_role("button", name="Set them").click()
    shown = page.locator("#tags-set")
    expect(shown).to_contain_text("building=garage")
    for tag in ("building:levels=2", "capacity=1", "ref:cadastre=77"):
        expect(shown).to_contain_text(tag)
    expect(shown).not_to_contain_text("house=")
    press(page, ",")
    expect(kind).to_have_value("Garage")
    expect(dialog.get_by_label("Key", exact=True)).to_have_value("ref:cadastre")


def test_what_no_preset_has_is_set_as_typed_and_what_is_half_typed_is_not(new_page, stock):
    page = new_page(stock.admin)
    dialog = tag_form(page, stock, of_kind(stock, "add"))
    kind = dialog.get_by_label("Kind of building")
    kind.fill("hous")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    assert "Choose one of the list" in kind.evaluate("one => one.validationMessage")
    kind.fill("oasthouse")
    expect(dialog.get_by_role("listbox").get_by_role("option")).to_have_text(
        ["“oasthouse”, as typedbuilding=oasthouse"]
    )
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#tags-set")).to_contain_text("building=oasthouse")


def test_a_search_that_finds_nothing_points_at_no_option(new_page, stock):
    page = new_page(stock.admin)
    kind = tag_form(page, stock, of_kind(stock, "add")).get_by_label("Kind of building")
    kind.fill("hous")
    expect(kind).to_have_attribute("aria-activedescendant", "building-kinds-0")
    kind.fill("no such kind!")
    expect(kind).to_have_attribute("aria-expanded", "false")
    assert kind.get_attribute("aria-activedescendant") is None


def test_tags_that_make_it_more_than_a_building_are_shown_and_can_not_be_changed(new_page, stock):
    change = of_kind(stock, "modify")
    change.footprint.tags = {"building": "house", "operator": "The town", "roof:shape": "flat", "building:levels": "2"}
    change.footprint.save()
    page = new_page(stock.admin)
    dialog = tag_form(page, stock, change)
    expect(dialog.get_by_label("Kind of building")).to_have_value("House")
    expect(dialog.get_by_label("Operator")).to_be_disabled()
    expect(dialog.get_by_role("combobox", name="Roof Shape")).to_have_value("flat")
    dialog.get_by_role("combobox", name="Roof Shape").select_option("hipped")
    dialog.get_by_role("button", name="Set them").click()
    expect(page.locator("#tags-set")).to_have_text("Your tags: roof:shape=hipped")


def test_a_tag_of_the_map_is_taken_off_by_keys_and_an_address_corrected_but_not_dropped(new_page, stock):
    change = of_kind(stock, "modify")
    mapped = {
        "building": "house", "roof:shape": "flat", "building:colour": "red", "source:date": "2009",
        "addr:housenumber": "4", "name": "Mill",
    }  # fmt: skip
    change.footprint.tags = mapped
    change.footprint.save()
    page = new_page(stock.admin)
    dialog = tag_form(page, stock, change)
    roof = dialog.locator('[data-key="roof:shape"]')
    roof.get_by_role("button", name="Take off Roof Shape").press("Enter")
    expect(roof.get_by_role("combobox")).to_be_disabled()
    dialog.get_by_text("What else the map says").click()
    dialog.get_by_role("button", name="Take off source:date").press("Enter")
    expect(dialog.locator('[data-key="name"]')).to_have_text("nameMillstays")
    number = dialog.get_by_label("Value of addr:housenumber")
    number.fill("")
    dialog.get_by_role("button", name="Set them").click()
    assert "not taken off" in number.evaluate("one => one.validationMessage")
    number.fill("4a")
    shot(page, "take-off")
    dialog.get_by_role("button", name="Set them").click()
    shown = page.locator("#tags-set")
    for words in ("roof:shape taken off", "source:date taken off", "addr:housenumber=4a"):
        expect(shown).to_contain_text(words)
    press(page, ",")
    dialog.get_by_role("button", name="Keep source:date").press("Enter")
    expect(dialog.get_by_label("Value of source:date")).to_be_enabled()
    dialog.get_by_role("button", name="Set them").click()
    expect(shown).to_have_text("Your tags: roof:shape taken off addr:housenumber=4a".replace(" addr", "addr"))
    press(page, "a")
    until(lambda: decision_of(change) == "accept")
    assert Change.objects.get(pk=change.pk).tags_set == {"roof:shape": "", "addr:housenumber": "4a"}


def test_what_is_emptied_is_taken_off_and_what_stays_is_said(new_page, stock):
    change = of_kind(stock, "modify")
    mapped = {"building": "house", "house": "detached", "roof:shape": "flat", "height": "9", "building:name": "Mill"}
    change.footprint.tags = mapped
    change.footprint.save()
    page = new_page(stock.admin)
    dialog = tag_form(page, stock, change)
    dialog.get_by_role("combobox", name="Roof Shape").select_option("")
    dialog.locator('[data-key="height"] input').fill("")
    shot(page, "emptied")
    dialog.get_by_label("Kind of building").fill("garage")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("The map keeps house: take it off in iD or JOSM")
    for key, value in (("house", "detached"), ("building:name", "Mill")):
        expect(dialog.locator(f'[data-key="{key}"]')).to_have_text(f"{key}{value}stays")
    dialog.get_by_role("button", name="Set them").click()
    expect(page.locator("#tags-set")).to_contain_text("building=garage")
    for words in ("roof:shape taken off", "height taken off"):
        expect(page.locator("#tags-set")).to_contain_text(words)


def test_a_wrong_value_in_a_folded_field_is_unfolded_and_said(new_page, stock):
    page = new_page(stock.admin)
    dialog = tag_form(page, stock, of_kind(stock, "add"))
    more = dialog.locator("summary")
    more.click()
    dialog.get_by_label("Roof Colour").fill("#12")
    more.click()
    dialog.get_by_role("button", name="Set them").click()
    expect(dialog.get_by_label("Roof Colour")).to_be_focused()
    assert "A colour" in dialog.get_by_label("Roof Colour").evaluate("one => one.validationMessage")


def test_without_the_package_common_values_are_offered_and_the_form_says_so(new_page, stock, watch, tmp_path):
    watch.expect("503")
    with override_settings(PRESETS_DIR=tmp_path):
        page = new_page(stock.admin)
        dialog = tag_form(page, stock, of_kind(stock, "add"))
        expect(dialog).to_contain_text("presets are not installed")
        dialog.get_by_label("Kind of building").fill("house")
        dialog.get_by_label("Levels above the ground").fill("2")
        page.keyboard.press("Enter")
        expect(page.locator("#tags-set")).to_contain_text("building=house")


def test_without_the_package_mapped_levels_are_taken_off_and_stay_off(new_page, stock, watch, tmp_path):
    watch.expect("503")
    change = of_kind(stock, "modify")
    change.footprint.tags = {"building": "house", "building:levels": "3"}
    change.footprint.save()
    with override_settings(PRESETS_DIR=tmp_path):
        page = new_page(stock.admin)
        dialog = tag_form(page, stock, change)
        dialog.get_by_role("button", name="Take off Levels").click()
        shot(page, "plain-levels")
        dialog.get_by_role("button", name="Set them").click()
        shown = page.locator("#tags-set")
        expect(shown).to_have_text("Your tags: building:levels taken off")
        press(page, ",")
        expect(dialog.get_by_role("button", name="Keep Levels")).to_be_visible()
        dialog.get_by_label("Kind of building").fill("garage")
        page.keyboard.press("Enter")
        expect(shown).to_contain_text("building=garage")
        expect(shown).to_contain_text("building:levels taken off")


def test_words_of_the_persons_own_language_find_and_name_a_kind(browser, live_server, stock, new_page):
    page = new_page(stock.admin)
    page.add_init_script("Object.defineProperty(navigator, 'language', { get: () => 'de-AT' })")
    dialog = tag_form(page, stock, of_kind(stock, "add"))
    dialog.get_by_label("Kind of building").fill("treibhaus")
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Kind of building")).to_have_value("Gewächshaus")
    expect(dialog.get_by_label("Geschosse", exact=True)).to_be_visible()


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_search_and_fields_are_read_on_a_laptop_and_on_a_phone(new_page, stock, axe, size):
    page = new_page(stock.admin)
    page.set_viewport_size(size)
    dialog = tag_form(page, stock, of_kind(stock, "add"))
    dialog.get_by_label("Kind of building").fill("house")
    shots(page, f"presets-search-{size['width']}")
    assert fits(page) and in_both(page, axe) == []
    page.keyboard.press("Enter")
    dialog.locator("summary").click()
    dialog.get_by_label("Roof Colour").fill("firebrick")
    dialog.get_by_label("Roof Colour").scroll_into_view_if_needed()
    shots(page, f"presets-fields-{size['width']}")
    assert fits(page) and dialog.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert in_both(page, axe) == []
