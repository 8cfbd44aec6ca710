"""The stocked region once its tiles were read in, by a small model of its own; and hands and eyes for its pages."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from annotation.common.services.jobs import run_now
from annotation.landmarks.services import keep_up
from tests.browser.screens import shot
from tests.browser.stock import Stock
from tests.browser.test_accessibility import findings

SIZES = {"1366": (1366, 768), "1024": (1024, 700), "390": (390, 844)}


def read_in(stock: Stock) -> None:
    """Read all tiles and landmarks in, as the worker does."""
    job = keep_up.start(user=stock.admin, region=stock.region, wake=False)
    run_now(job)


def drop(page: Page, selector: str, file: Path, *, named: str | None = None) -> None:
    """Drop a file on a part of the page, as a person drags it there."""
    content = list(file.read_bytes())
    page.evaluate(
        """([selector, name, content]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(content)], name));
        const node = document.querySelector(selector);
        for (const type of ["dragenter", "dragover", "drop"])
            node.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        [selector, named or file.name, content],
    )


def looked_at(page: Page, axe: str, name: str, sizes: tuple[str, ...] = ("1366",)) -> list[str]:
    """Pictures of the page in both themes and these sizes; what axe finds in each theme."""
    found = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        for size in sizes:
            page.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))
            shot(page, f"{name}-{size}-{scheme}")
        page.set_viewport_size(dict(zip(("width", "height"), SIZES["1366"], strict=True)))
        found += findings(page, axe)
    return found
