"""Keys that answer, pressed as a person does: once the item can have been seen; and maps that come to rest first."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def seen(page: Page) -> None:
    """Wait until an item is there, if any is to come, and can have been seen: a key that comes sooner is not for it."""
    expect(page.locator('body[data-phase="loading"], #review[data-fresh]')).to_have_count(0)


def press(page: Page, key: str) -> None:
    """Press a key that answers what is on the screen."""
    seen(page)
    page.keyboard.press(key)


AT_ONCE = """async (keys) => {
    for (const [index, key] of keys.entries()) {
        if (index) await new Promise((resolve) => setTimeout(resolve));
        const target = document.activeElement ?? document.body;
        target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        target.dispatchEvent(new KeyboardEvent('keyup', { key, bubbles: true }));
    }
}"""


def at_once(page: Page, *keys: str) -> None:
    """Keys one right after the other: pressed from here, the second may come later than the page waits for it."""
    page.evaluate(AT_ONCE, list(keys))


TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def laid_out(page: Page) -> None:
    """Wait until the page was drawn as it is by now: what follows the sizes of its parts has followed them."""
    page.evaluate(TWO_FRAMES)


def still(page: Page) -> None:
    """Wait until no map moves: what is on one has no place meanwhile, and a press to go closer is none."""
    laid_out(page)
    expect(page.locator(".leaflet-zoom-anim, .leaflet-pan-anim")).to_have_count(0)
    laid_out(page)


def closer(page: Page, times: int) -> None:
    """Go closer by the key, once the map has come to rest from the time before."""
    for _ in range(times):
        page.keyboard.press("+")
        still(page)
