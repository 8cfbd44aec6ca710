"""A scripted person reviews anchors by keyboard alone, in Chromium, with a hundred thousand of them in the queue.

One key per unchanged anchor. Measured in the page with `performance.now`: from the key press until the next anchor's
attributes and summary are on the screen and every image and map tile in view is loaded, at the frame that shows them.

Figures: p50_ms, p95_ms and max_ms of that, items measured, queue (open items at the start), looking_ms (how long the
person looks at an anchor before pressing the key).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import review_common as common
from common import write_result

CHROMIUM = os.environ.get("MAPWRIGHT_CHROMIUM", "/usr/bin/chromium")
WATCH = """
() => {
  const byId = (id) => document.getElementById(id);
  const shown = () => `${byId("where").textContent} ${byId("tally").textContent}`;
  const filled = () => byId("summary").value && document.querySelector(".attribute-value").textContent;
  const loading = () => document.querySelector(".leaflet-tile:not(.leaflet-tile-loaded)");
  window.arm = () => {
    const before = shown();
    window.nextShown = new Promise((resolve) => {
      const pressed = ({ timeStamp: start }) => {
        const look = () => {
          const there = document.body.dataset.phase === "reviewing" && shown() !== before && filled() && !loading();
          if (there) requestAnimationFrame(() => resolve(performance.now() - start));
          else if (performance.now() - start > 20000) resolve(-1);
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      };
      document.addEventListener("keydown", pressed, { capture: true, once: true });
    });
  };
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=60, help="anchors to review")
    parser.add_argument("--queue", type=int, default=100_000, help="anchors in the queue")
    parser.add_argument("--side", type=int, default=8, help="tiles on a side of the town")
    parser.add_argument("--looking-ms", type=int, default=1500)
    options = parser.parse_args()
    with common.own_database("bench_review_next") as database, tempfile.TemporaryDirectory() as folder:
        write_result("review_next_item", run(options, database, Path(folder)), seeds=[11])


def run(options: argparse.Namespace, database: str, folder: Path) -> dict[str, float]:
    """Import a town, fill the queue, review."""
    from django.conf import settings

    from mlcore.synthetic.town import TownConfig, generate_town
    from mlcore.synthetic.town_files import write_town
    from tests.annotation.review.server import WebServer
    from tests.browser.stock import build_region
    from tests.factories_anchors import make_batch

    settings.MEDIA_ROOT = folder / "media"
    town = generate_town(TownConfig(seed=11, columns=options.side, rows=options.side))
    stock = build_region(town, write_town(town, folder / "town"), candidates=0)
    common.multiply_anchors(options.queue)
    batch = make_batch(stock.region, user=stock.admin, plan="random", number=options.queue)
    run_folder = settings.RUN_DIR
    environment = {
        "MAPWRIGHT_DB_NAME": database, "MAPWRIGHT_VAR": str(folder / "var"), "MAPWRIGHT_RUN_DIR": str(run_folder),
        "MAPWRIGHT_MEDIA": str(settings.MEDIA_ROOT),
    }  # fmt: skip
    os.environ["MAPWRIGHT_RUN_DIR"] = str(run_folder)
    common.collect_static(folder / "var")
    with WebServer(environment) as url:
        times = review(url, stock.admin, batch, options)
    return {
        "p50_ms": common.percentile(times, 0.5),
        "p95_ms": common.percentile(times, 0.95),
        "max_ms": round(max(times), 1),
        "items": len(times),
        "queue": batch.size,
        "looking_ms": options.looking_ms,
    }


def review(url: str, user: Any, batch: Any, options: argparse.Namespace) -> list[float]:
    """Press the key for each anchor; milliseconds until the next one is there."""
    from django.test import override_settings
    from playwright.sync_api import sync_playwright

    from tests.annotation.review.server import SECRET
    from tests.browser.conftest import FLAGS, SCREEN

    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright, override_settings(SECRET_KEY=SECRET):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *as_root])
        context = browser.new_context(base_url=url, viewport=SCREEN, locale="en-GB")
        _sign_in(context, user, url)
        page = context.new_page()
        page.goto(f"/regions/{batch.scope_id}/anchors/review/?batch={batch.pk}")
        page.wait_for_selector("#review:not([hidden])")
        page.wait_for_load_state("networkidle")
        page.evaluate(WATCH)
        times = []
        for _ in range(options.items):
            page.wait_for_timeout(options.looking_ms)
            page.evaluate("arm()")
            page.keyboard.press("a")
            times.append(float(page.evaluate("nextShown")))
        page.wait_for_selector("#saved-state[data-state=saved]")
        browser.close()
    if min(times) < 0:
        raise SystemExit("an anchor did not appear within 20 s")
    return times


def _sign_in(context: Any, user: Any, url: str) -> None:
    from tests.browser.conftest import sign_in

    sign_in(context, user, url)


if __name__ == "__main__":
    main()
