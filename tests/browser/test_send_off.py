"""What leaves is chosen and looked at: accepted changes on a map, some of them in a changeset, single edits of it."""

from __future__ import annotations

from playwright.sync_api import expect

from annotation.edits.models import EditItem
from tests.browser.holding import Held
from tests.browser.screens import shot, shots
from tests.browser.test_queue import until
from tests.factories_changes import save_decision


def test_some_of_what_is_accepted_is_chosen_and_seen_on_the_map_before_it_leaves(new_page, stock):
    removal = next(one for one in stock.changes if one.kind == "remove")
    others = [one for one in stock.changes if one.kind != "remove"][:3]
    for change in (removal, *others):
        save_decision(stock.admin, change)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    expect(page.locator("#accepted-count")).to_have_text("4 changes, 4 chosen")
    expect(page.locator("#accepted-map .leaflet-tile-loaded").first).to_be_attached()
    page.locator(f"#take-{others[0].pk}").uncheck()
    expect(page.locator("#accepted-count")).to_have_text("4 changes, 3 chosen")
    shots(page, "edits-accepted")
    page.get_by_role("button", name="None").click()
    expect(page.get_by_role("button", name="Make the changeset")).to_be_disabled()
    page.get_by_role("button", name="What the map shows").click()
    expect(page.locator("#accepted-count")).to_have_text("4 changes, 4 chosen")
    page.locator(f"#take-{others[0].pk}").uncheck()
    page.get_by_label("Comment").fill("Houses")
    page.get_by_role("button", name="Make the changeset of 3 changes").click()
    card = page.locator(".changeset")
    expect(card.locator(".edits-map .leaflet-tile-loaded").first).to_be_attached()
    expect(page.locator("#accepted-count")).to_have_text("1 change, 1 chosen")
    taken = {removal.pk, others[1].pk, others[2].pk}
    assert set(EditItem.objects.values_list("change", flat=True)) == taken
    card.get_by_label(f"Keep {removal.footprint.key} as demolished").check()
    expect(card.get_by_label(f"Keep {removal.footprint.key} as demolished")).to_be_checked()
    until(lambda: EditItem.objects.get(change=removal).demolish)
    shots(page, "changeset", whole=True)
    card.get_by_role("button", name=f"Drop change {others[1].pk}").click()
    expect(page.locator("#notices")).to_contain_text("its change stays accepted")
    expect(card.locator("tbody tr")).to_have_count(2)


def test_a_changeset_is_made_once_and_only_of_what_is_known(new_page, stock):
    change = next(one for one in stock.changes if one.kind == "add")
    save_decision(stock.admin, change)
    page = new_page(stock.admin)
    known = Held(page, "**/changes/?*decision=accept*")
    page.goto(f"/regions/{stock.region.pk}/edits/")
    known.come()
    make = page.get_by_role("button", name="Make the changeset")
    page.get_by_label("Comment").fill("A house")  # the page's modules listen
    expect(make).to_be_disabled()
    known.let_go()
    expect(page.locator("#accepted-count")).to_have_text("1 change, 1 chosen")
    sent = Held(page, "**/changesets/", lambda request: request.method == "POST")
    make.click()
    sent.come()
    page.get_by_role("button", name="All", exact=True).click()  # draws the form anew
    expect(make).to_be_disabled()
    sent.let_go()
    expect(page.locator("#notices")).to_contain_text("is made")
    expect(make).to_be_disabled()


def test_nothing_is_offered_to_choose_once_everything_is_in_a_changeset(new_page, stock):
    save_decision(stock.admin, next(one for one in stock.changes if one.kind == "add"))
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_role("button", name="None", exact=True).click()
    expect(page.locator("#why-idle")).to_have_text("Choose at least one change above.")
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator("#why-idle")).to_be_hidden()
    expect(page.get_by_role("button", name="Make the changeset of 1 change")).to_have_accessible_description("")
    page.get_by_label("Comment").fill("A house")
    page.get_by_role("button", name="Make the changeset of 1 change").click()
    expect(page.locator("#accepted-count")).to_have_text("None. Accept some in the review first.")
    for name in ("All", "None", "What the map shows"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    expect(page.locator("#why-idle")).to_have_text("Nothing waits for a changeset.")
    shot(page, "edits-nothing-left")
