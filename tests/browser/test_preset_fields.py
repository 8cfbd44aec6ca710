"""The inputs of the fields of OSM's presets: several values, what the map has of them, and what may not be emptied."""

from __future__ import annotations

from playwright.sync_api import expect

FIELDS = [
    {"type": "semiCombo", "key": "roof:material", "keys": [], "options": [{"value": "tile", "label": "Tiles"}]},
    {"type": "multiCombo", "key": "service:", "keys": [], "options": [{"value": "repair", "label": "Repair"}]},
    {"type": "manyCombo", "key": "", "keys": ["bus", "tram"], "options": []},
    {"type": "defaultCheck", "key": "covered", "keys": [], "options": []},
]
MADE = """async ([fields, tags, mapped]) => {
  const { fieldInput } = await import("mapwright/changes/preset-fields.js");
  const like = { label: "Field", placeholder: "", custom_values: true, min: null, max: null };
  const made = fields.map((one) => fieldInput({ ...like, ...one, label: one.type }, tags, mapped));
  document.querySelector("main").replaceChildren(...made.map(({ node }) => node));
  window.said = () => Object.assign({}, ...made.map(({ read }) => read()));
}"""


def test_fields_of_several_values_say_them_as_osm_writes_them(new_page, stock):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/{stock.changes[0].pk}/")
    expect(page.locator("#said li")).to_have_count(1)  # the page is drawn, and draws nothing more
    page.evaluate(MADE, [FIELDS, {"tram": "yes"}, {"bus": "yes"}])
    several = page.locator('[data-key="roof:material"] input')
    several.fill("tile")
    page.keyboard.press("Enter")
    page.keyboard.type("slate;tile")
    page.keyboard.press("Enter")
    several.fill("metal")
    page.get_by_label("Repair").check()
    page.get_by_label("defaultCheck").select_option("yes")
    assert page.evaluate("said()") == {
        "roof:material": "tile;slate;metal", "service:repair": "yes", "bus": "yes", "tram": "yes", "covered": "yes",
    }  # fmt: skip
    page.get_by_role("button", name="Remove Tiles").click()
    assert page.evaluate("said()")["roof:material"] == "slate;metal"


def test_values_of_the_map_are_all_removed_or_locked_while_taken_off_and_its_kind_is_not_emptied(new_page, stock):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/{stock.changes[0].pk}/")
    expect(page.locator("#said li")).to_have_count(1)
    part = {"type": "combo", "key": "building:part", "keys": [], "options": []}
    page.evaluate(MADE, [[FIELDS[0], part], {}, {"roof:material": "tile;slate", "building:part": "yes"}])
    page.get_by_role("button", name="Take off semiCombo").click()
    expect(page.get_by_role("button", name="Remove Tiles")).to_be_disabled()
    assert page.evaluate("said()")["roof:material"] is None
    page.get_by_role("button", name="Keep semiCombo").click()
    page.get_by_role("button", name="Remove Tiles").click()
    assert page.evaluate("said()") == {"roof:material": "slate", "building:part": "yes"}
    page.get_by_role("button", name="Remove slate").click()
    assert page.evaluate("said()")["roof:material"] is None
    kind = page.locator('[data-key="building:part"] input')
    kind.fill("")
    assert not kind.evaluate("one => one.checkValidity()")
