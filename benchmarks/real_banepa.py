"""How many of the first 40 suggestions for the real, unedited map of Banepa are true, as people decide.

Two queues: the first look, by the general model that never saw the place, and that of the region's own model. Steps,
with one work folder for each queue. Needs running services (`bash deploy/services start`) and Chromium.

    python benchmarks/real_banepa.py run --out WORK       # the first look through the product, on the map as it is
    python benchmarks/real_banepa.py train --out WORK     # the same, and the main job, whose queue takes over
    python benchmarks/real_banepa.py look --out WORK      # pictures of the first 40, as the review page shows them
    python benchmarks/real_banepa.py decide --out WORK --answers ANSWERS.json --again SECOND.json --reviewer NAME

A person looks at the pictures and writes an answer for each: {"<number>": "a" accept, "r" reject, "c" can't tell}. A
second pass over them, in another order and without sight of the first answers, is written to another file. `decide`
presses the first pass's keys on the review page; what is counted are the verdicts that the product then holds.
"Accept" means: the image shows that the map is wrong in this way at this place, even if the outline wants adjusting.

Figures: first40_true, first40_false, first40_cannot_tell, and the same per kind; first40_both_true (true in both
passes), first40_agreement (share of the 40 answered alike by both) and first40_readers_sure: how many of them the
readings of the map (`benchmarks/readings`) are sure of, which were made without sight of any suggestion. Those of the
own model's queue are written to real_PLACE.json, those of the first look to real_PLACE_first_look.json.
`--place zanzibar` does the same for the larger image of Zanzibar.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import ROOT, data_folder, write_result

if TYPE_CHECKING:
    from playwright.sync_api import Page

PLACES = {"banepa": "banepa.tif", "zanzibar": "zanzibar_1.tif"}
FIRST = 40
SLOW_MS = 180_000
"""For a page on a busy machine: nothing is timed here."""
ANSWERS = {"a": "accept", "r": "reject", "c": "cant_tell"}
CHROMIUM = os.environ.get("MAPWRIGHT_CHROMIUM", "/usr/bin/chromium")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("run", "train", "look", "decide"))
    parser.add_argument("--out", type=Path, required=True, help="work folder, the same for the three steps")
    parser.add_argument("--answers", type=Path, help="what the reviewer wrote (decide)")
    parser.add_argument("--again", type=Path, help="what a second pass said (decide)")
    parser.add_argument("--place", choices=tuple(PLACES), default="banepa")
    parser.add_argument("--reviewer", default="reviewer", help="user name of who looked")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "MAPWRIGHT_DB_NAME": database(args.place), "MAPWRIGHT_MEDIA": str((args.out / "media").resolve()),
        "MAPWRIGHT_REDIS_DB": os.environ.get("MAPWRIGHT_REDIS_DB", "13"),
        "MAPWRIGHT_VAR": os.environ.get("MAPWRIGHT_VAR", str(ROOT / "var")), "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
        "DJANGO_SETTINGS_MODULE": "webapp.settings.dev",
    }  # fmt: skip
    {"run": run, "train": run, "look": look, "decide": decide}[args.step](args)


def database(place: str) -> str:
    """The benchmark's own."""
    return f"mapwright_real_{place}"


def region_name(place: str) -> str:
    return f"{place.capitalize()}, the map as it is"


def run(args: argparse.Namespace) -> None:
    """The first look at image and map as they are; with `train` the whole job as well."""
    from benchmarks import main_job

    if args.step == "run":
        main_job.DATABASE = database(args.place)
        main_job.fresh_database()
    start_django()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    place = data_folder() / args.place
    image = place / PLACES[args.place]
    area = place / "mapped_area.geojson"
    call_command(
        "start_region", name=region_name(args.place), imagery=image, map=place / "buildings.geojson",
        area=area if area.is_file() else None, licence="CC-BY-4.0", attribution="OpenAerialMap contributors / HOT",
        leave_training=args.step == "run",
    )  # fmt: skip


def look(args: argparse.Namespace) -> None:
    """One picture for each of the first candidates; nothing is decided."""
    shown = []
    with review_page(args) as page:
        for number, (item, kind, confidence) in enumerate(queue(), 1):
            page.screenshot(path=args.out / f"{number:02d}.png")
            question = page.locator("#subject").inner_text()
            shown_as = re.search(r"\((\d+) %\)", question)
            if shown_as is None or abs(100 * confidence - int(shown_as[1])) > 1:
                raise SystemExit(f"the page shows another candidate than the {number}th of the queue: {question}")
            shown.append({"number": number, "item": item, "kind": kind, "confidence": confidence, "asked": question})
            answer(page, "s")
    (args.out / "shown.json").write_text(json.dumps(shown, indent=1), encoding="utf-8")
    print(f"{len(shown)} pictures in {args.out}")


def decide(args: argparse.Namespace) -> None:
    """Press what the reviewer wrote, candidate by candidate, and count the verdicts."""
    start_django()
    answers = json.loads(args.answers.read_text(encoding="utf-8"))
    shown = json.loads((args.out / "shown.json").read_text(encoding="utf-8"))
    if sorted(answers) != sorted(str(one["number"]) for one in shown) or set(answers.values()) - set(ANSWERS):
        raise SystemExit(f"--answers needs one of {', '.join(ANSWERS)} for every number of {args.out / 'shown.json'}")
    from annotation.review.models import QueueItem

    decided = set(QueueItem.objects.filter(state="decided").values_list("pk", flat=True))  # of a run that broke off
    with review_page(args) as page:
        for one in shown:
            if one["item"] not in decided:
                expect(page, one)
                answer(page, answers[str(one["number"])])
        page.locator("#saved-state[data-state=saved]").wait_for()
    figures = counted(shown, answers, json.loads(args.again.read_text(encoding="utf-8")) if args.again else {})
    figures |= confirmed(args.place, [one["item"] for one in shown])
    name = f"real_{args.place}{'_first_look' if untuned([one['item'] for one in shown]) else ''}"
    words = "run | train | look | decide --answers ANSWERS.json --again SECOND.json"
    command = f"python benchmarks/real_banepa.py {words} --place {args.place} --out WORK"
    write_result(name, {f"first40_{one}": value for one, value in figures.items()}, command=command)


def counted(shown: list[dict[str, Any]], answers: dict[str, str], again: dict[str, str]) -> dict[str, float]:
    """Verdicts that the product holds, in all and by kind, and how far a second pass says the same."""
    from annotation.review.models import QueueItem

    verdicts = dict(QueueItem.objects.values_list("pk", "decision"))
    figures: dict[str, float] = {}
    for one in shown:
        said = {"accept": "true", "reject": "false", "cant_tell": "cannot_tell"}[verdicts[one["item"]]]
        for name in (said, f"{one['kind']}_{said}"):
            figures[name] = figures.get(name, 0) + 1
    if again:
        figures["both_true"] = sum(answers[number] == again[number] == "a" for number in answers)
        alike = sum(answers[number] == again[number] for number in answers)
        figures["agreement"] = round(alike / len(answers), 3)
    return figures


def untuned(items: list[int]) -> bool:
    """Whether the general model suggested them."""
    from annotation.changes.models import Change

    return Change.objects.filter(item__in=items, scan__model__kind="general").exists()


def confirmed(place: str, items: list[int]) -> dict[str, float]:
    """How many a reader of the map is sure of, where somebody read it."""
    path = ROOT / "benchmarks" / "readings" / f"{place}.json"
    if not path.is_file():
        return {}
    from annotation.changes.models import Change
    from mlcore.evaluation.readings import load_readings

    readings = load_readings(path)
    changes = Change.objects.filter(item__in=items)
    return {"readers_sure": sum(readings.confirms(as_candidate(change)) for change in changes)}


def as_candidate(change: Any) -> Any:
    """A suggestion as the library has it, as far as readings ask."""
    import shapely

    from mlcore.changes.candidate import Candidate
    from mlcore.geometry.webmercator import tile_at

    shape = shapely.from_wkb(bytes(change.geometry.wkb))
    tile = tile_at(shape.centroid.x, shape.centroid.y, change.scan.region.zoom)
    return Candidate(change.kind, shape, None, None, tile, change.confidence)


def queue() -> list[tuple[int, str, float]]:
    """Item, kind and confidence of the first candidates, in the order in which the page gives them."""
    start_django()
    from annotation.changes.models import Change

    rows = Change.objects.filter(item__state="open").order_by("-item__priority", "item_id")[:FIRST]
    return [(row.item_id, row.kind, round(row.confidence, 3)) for row in rows]


def expect(page: Page, one: dict[str, Any]) -> None:
    """Wait until the page asks what was looked at."""
    from playwright.sync_api import TimeoutError as TooLateError

    try:
        page.wait_for_function(
            "text => document.querySelector('#subject').innerText === text", arg=one["asked"], timeout=SLOW_MS
        )
    except TooLateError:
        raise SystemExit(
            f"number {one['number']} is not what was looked at, look again: {page.locator('#subject').inner_text()}"
        ) from None


def answer(page: Page, key: str) -> None:
    """Press a key and wait until the next candidate is drawn."""
    before = page.locator("#subject").inner_text()
    page.keyboard.press(key)
    page.wait_for_function("text => document.querySelector('#subject').innerText !== text", arg=before, timeout=SLOW_MS)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(700)


@contextmanager
def review_page(args: argparse.Namespace) -> Iterator[Page]:
    """The review page of the region in Chromium, signed in, served by the product's own server."""
    from playwright.sync_api import sync_playwright

    start_django()
    from annotation.accounts.models import Role, User
    from annotation.review.models import QueueItem
    from annotation.sources.models import Region

    QueueItem.objects.update(lease_holder=None, lease_expires_at=None)  # what an earlier look held comes first again
    password = secrets.token_urlsafe(12)
    person, _ = User.objects.get_or_create(username=args.reviewer, defaults={"role": Role.ADMIN})
    person.set_password(password)
    person.save()
    region = Region.objects.get(name=region_name(args.place))
    with server() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="en-GB")
        page.set_default_timeout(SLOW_MS)
        page.goto(f"{url}/login/")
        page.get_by_label("Name").fill(args.reviewer)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}/")
        page.goto(f"{url}/regions/{region.pk}/changes/review/")
        page.locator("#map .leaflet-tile-loaded").first.wait_for()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1000)
        yield page
        browser.close()


@contextmanager
def server() -> Iterator[str]:
    """The web server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "manage.py", "runserver", "--noreload", "--insecure", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/login/", timeout=5)
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit("the web server did not start; try python manage.py runserver") from None
                time.sleep(0.3)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def start_django() -> Any:
    import django

    django.setup()


if __name__ == "__main__":
    main()
