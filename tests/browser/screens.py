"""Pictures of pages that a person looks at; kept where MAPWRIGHT_SCREENSHOTS names a folder."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

SHOTS = os.environ.get("MAPWRIGHT_SCREENSHOTS", "")
SETTLED_MS = 500  # colours change in steps


def shot(page: Page, name: str, *, whole: bool = False) -> None:
    """What is seen of a page, or the whole of it, once it is still."""
    if SHOTS:
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(SETTLED_MS)
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=whole)


def shots(page: Page, name: str, *, whole: bool = False) -> None:
    """The page in light and then in dark, as `NAME-light` and `NAME-dark`; it stays in the colours it had."""
    if SHOTS:
        had = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            shot(page, f"{name}-{scheme}", whole=whole)
        page.emulate_media(color_scheme=had)
