"""The page of a region's landmarks: added by hand, read from a table, taken from the map's own names."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.common.models import Job
from annotation.common.services.jobs import run_now
from annotation.landmarks.models import Landmark, LandmarkPhoto
from annotation.sources.services.files import absolute
from tests.browser.searched import looked_at
from tests.browser.stock import Stock
from tests.browser.test_queue import until
from tests.factories import UserFactory
from tests.factories_landmarks import search_weights
from tests.mlcore.imagery.photos import write_photo
from tests.photos_of_town import frame


@pytest.fixture
def stock(stock: Stock, settings) -> Stock:
    """The stocked region, with weights that could read it in."""
    settings.LANDMARKS_WEIGHTS = str(search_weights())
    return stock


def open_page(page: Page, stock: Stock) -> None:
    page.goto(f"/regions/{stock.region.pk}/landmarks/")
    expect(page.locator("#landmarks li").first).to_be_visible()
    expect(page.locator("#index-state")).to_contain_text("0 of 16")
    page.wait_for_load_state("networkidle")


def lines(page: Page):
    return page.locator(".landmark")


def latest(kind: str) -> Job:
    until(lambda: Job.objects.filter(kind=kind).exists())
    return Job.objects.filter(kind=kind).latest("created_at")


def name_a_building(stock: Stock) -> None:
    """Let the file of the region's map name one of its buildings."""
    path = absolute(stock.snapshot.upload_path)
    building = '<tag k="building"'
    named = path.read_text().replace(
        building, f'<tag k="name" v="Saint Mary"/><tag k="historic" v="church"/>{building}', 1
    )
    path.with_name("named.osm").write_text(named)
    stock.snapshot.upload_path = str(Path(stock.snapshot.upload_path).with_name("named.osm"))
    stock.snapshot.save()


def test_a_landmark_is_placed_described_photographed_changed_and_removed(
    new_page, stock, town_files, axe, tmp_path, watch
):
    watch.expect("400 (Bad Request)")
    good = write_photo(tmp_path / "mill.jpg", frame(town_files / "imagery.tif").rgb)
    bad = tmp_path / "broken.jpg"
    bad.write_bytes(b"no picture")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/")
    page.get_by_role("link", name="Landmarks").click()
    expect(page.locator("#landmarks")).to_contain_text("No landmark yet")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("n")
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#landmark-form .error")).to_contain_text("Give the landmark a name.")
    page.get_by_label("Name").fill("Old mill")
    page.get_by_label("Description").fill("A red mill beside a white bridge")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#landmark-form .error")).to_contain_text("or click on the map")
    page.locator("#map").click(position={"x": 400, "y": 300})
    expect(page.get_by_label("Latitude")).not_to_have_value("")
    before = page.get_by_label("Longitude").input_value()
    page.get_by_label("Where the landmark is").focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_label("Longitude")).not_to_have_value(before)
    page.get_by_label("Photos of it").set_input_files([good, bad])
    assert looked_at(page, axe, "landmark-form", ("1366", "390")) == []
    page.get_by_role("button", name="Save").click()
    expect(lines(page)).to_have_count(1)
    expect(lines(page)).to_contain_text("Old mill")
    expect(lines(page).locator("img")).to_be_visible()
    expect(page.locator("#notices")).to_contain_text("broken.jpg was not taken")
    assert LandmarkPhoto.objects.get().landmark == Landmark.objects.get()
    expect(page.locator("#map .found-mark-landmark")).to_have_count(1)
    page.get_by_role("button", name="Close the message").click()
    assert looked_at(page, axe, "landmarks", ("1366", "1024", "390")) == []

    page.get_by_role("button", name="Change Old mill").click()
    page.get_by_label("Name").fill("The old mill")
    page.get_by_role("button", name="Remove this photo").click()
    expect(page.locator("#form-photos")).to_be_hidden()
    page.get_by_role("button", name="Save").click()
    expect(lines(page)).to_contain_text("The old mill")
    assert Landmark.objects.get().name == "The old mill"
    page.get_by_role("button", name="Change The old mill").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Remove it").click()
    expect(lines(page)).to_have_count(0)
    assert not Landmark.objects.exists()


def test_a_photo_that_does_not_arrive_leaves_one_landmark_and_is_sent_again(
    new_page, stock, town_files, tmp_path, watch
):
    watch.expect("ERR_INTERNET_DISCONNECTED")
    rgb = frame(town_files / "imagery.tif").rgb
    first, second = write_photo(tmp_path / "first.jpg", rgb), write_photo(tmp_path / "second.jpg", rgb[::-1])
    page = new_page(stock.admin)
    open_page(page, stock)
    page.keyboard.press("n")
    page.get_by_label("Name").fill("Old mill")
    page.locator("#map").click(position={"x": 400, "y": 300})
    page.get_by_label("Photos of it").set_input_files([first, second])
    sent: list[str] = []

    def second_is_lost(route) -> None:
        sent.append(route.request.url)
        if len(sent) == 2:
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route("**/api/landmark-photos/", second_is_lost)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#notices")).to_contain_text("Old mill is saved, but 1 photo of it did not arrive")
    expect(page.locator("#form-title")).to_have_text("Old mill")
    expect(page.locator("#landmark-form .chosen")).to_contain_text("second.jpg")
    expect(page.locator("#form-photos img")).to_have_count(1)
    expect(lines(page)).to_have_count(1)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#landmark-form")).to_be_hidden()
    expect(lines(page).locator("img")).to_be_visible()
    assert Landmark.objects.count() == 1 and LandmarkPhoto.objects.count() == 2 and len(sent) == 3
    page.keyboard.press("n")
    expect(page.locator("#form-title")).to_have_text("A new landmark")
    expect(page.locator("#landmark-form .chosen")).to_be_empty()


def test_a_link_opens_a_landmark_that_many_newer_ones_follow(new_page, stock, watch):
    watch.expect("404 (Not Found)")
    middle = stock.region.area.centroid
    old = Landmark.objects.create(region=stock.region, name="Old mill", point=middle)
    newer = (Landmark(region=stock.region, name=f"House {number}", point=middle) for number in range(100))
    Landmark.objects.bulk_create(newer)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/landmarks/#landmark-{old.pk}")
    expect(page.locator(f"#landmark-{old.pk} .landmark-name")).to_be_focused()
    expect(lines(page)).to_have_count(101)
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("button", name="More")).to_be_hidden()
    expect(lines(page)).to_have_count(101)
    old.delete()
    page.reload()
    expect(page.locator("#notices")).to_contain_text("not here any more")
    expect(lines(page)).to_have_count(100)


def test_a_table_is_read_and_says_which_lines_it_left_out(new_page, stock, axe, tmp_path: Path, watch):
    watch.expect("400 (Bad Request)")
    west, south, east, north = stock.region.area.extent
    place = f"{(south + north) / 2:.5f};{(west + east) / 2:.5f}"
    table = tmp_path / "sights.csv"
    table.write_text(f"name;lat;lon;description\nTown hall;{place};A tall roof\n;{place};\nWell;north;east;\n")
    page = new_page(stock.admin)
    open_page(page, stock)
    page.get_by_role("button", name="From a table").click()
    (tmp_path / "wrong.csv").write_text("what;where\nTown hall;here\n")
    page.get_by_label("A CSV file").set_input_files(tmp_path / "wrong.csv")
    page.get_by_role("button", name="Read the table").click()
    expect(page.locator("#csv-form .error")).to_contain_text("the table has no column name")
    page.get_by_label("A CSV file").set_input_files(table)
    page.get_by_role("button", name="Read the table").click()
    expect(page.locator("#csv-told")).to_contain_text("1 landmark added, 0 changed, 2 lines left out.")
    expect(page.locator("#csv-told li").first).to_contain_text("Line 3: its name is empty")
    expect(lines(page)).to_have_count(1)
    expect(lines(page)).to_contain_text("from a table")
    assert looked_at(page, axe, "landmarks-table", ("1366", "390")) == []


def test_the_map_names_landmarks_and_they_are_found_by_name(new_page, stock, axe):
    name_a_building(stock)
    page = new_page(stock.admin)
    open_page(page, stock)
    page.get_by_role("button", name="From the map").click()
    expect(page.locator("#work")).to_contain_text("%")
    run_now(latest("landmarks.import_tags"))
    expect(lines(page)).to_have_count(1)
    expect(lines(page)).to_contain_text("historic=church")
    page.get_by_role("button", name="Make the tiles searchable").click()
    expect(page.locator("#index-state")).to_contain_text("no worker", ignore_case=True)
    run_now(latest("landmarks.update_index"))
    expect(page.locator("#index-state")).to_contain_text("16 of 16")
    page.get_by_role("link", name="The search").click()
    page.wait_for_load_state("networkidle")
    page.locator("#q").fill("saint mary")
    page.keyboard.press("Enter")
    found = page.locator(".found-landmark")
    expect(found).to_have_count(1)
    expect(page.locator(".found-mark-landmark")).to_have_count(1)
    assert looked_at(page, axe, "search-landmark") == []
    found.click()
    expect(lines(page).locator(".landmark-name")).to_be_focused()


def test_a_reviewer_sees_landmarks_and_changes_none(new_page, stock):
    Landmark.objects.create(region=stock.region, name="Old mill", point=stock.region.area.centroid)
    page = new_page(UserFactory())
    open_page(page, stock)
    expect(lines(page)).to_contain_text("Old mill")
    expect(page.get_by_role("button", name="Add")).to_have_count(0)
    expect(page.get_by_role("button", name="Change Old mill")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".found-mark-chosen")).to_have_count(1)
