"""Small pictures in the list of changes show the shape itself, as do the sources' page the fit of image and map."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.screens import shot


def test_the_list_draws_each_shape_and_not_its_box(new_page, stock):
    page = new_page(stock.admin)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"/regions/{stock.region.pk}/changes/")
        thumb = page.locator(".thumb svg").first
        expect(thumb.locator("path")).to_have_count(2)
        expect(thumb.locator("rect")).to_have_count(0)
        shot(page, f"thumbs-{scheme}", whole=True)
    ids = {str(change.pk): change for change in stock.changes}
    row = page.locator("tr[data-change]").first
    drawn = row.locator(".thumb path").first.get_attribute("d")
    change = ids[row.get_attribute("data-change")]
    assert drawn.count("L") + 1 == change.geometry.num_coords


def test_the_sources_page_tells_whether_image_and_map_fit(new_page, stock):
    page = new_page(stock.admin)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"/regions/{stock.region.pk}/sources/")
        expect(page.locator("#fit")).to_be_visible()
        expect(page.locator("#fit-facts")).to_contain_text("of the image")
        expect(page.locator("#fit-map path")).to_have_count(3)
        shot(page, f"fit-{scheme}")
    type(stock.imagery).objects.filter(pk=stock.imagery.pk).update(captured_on=None)
    page.reload()
    expect(page.locator("#fit-notes")).to_contain_text("The image has no date")
