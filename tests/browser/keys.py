"""Keys that answer, pressed as a person does: once the item can have been seen."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def seen(page: Page) -> None:
    """Wait until the item can have been seen: a key that comes sooner was meant for the one before."""
    expect(page.locator("#review[data-fresh]")).to_have_count(0)


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
