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
