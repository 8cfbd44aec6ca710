"""Answers of the server that wait to be let go: what a slow server does to a page, without waiting for one."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page, Request, Route

from tests.browser.patience import PATIENCE

LOOK_AGAIN_MS = 20


class Held:
    """Requests to addresses like `url` that wait; of those that come later, too, until they are let go.

    Args:
        which: which of them wait; the others go on.
    """

    def __init__(self, page: Page, url: str, which: Callable[[Request], bool] = lambda request: True) -> None:
        self.page, self.url, self.which = page, url, which
        self.routes: list[Route] = []
        page.route(url, self._come)

    def _come(self, route: Route) -> None:
        if self.which(route.request):
            self.routes.append(route)
        else:
            route.continue_()

    def come(self, count: int = 1, seconds: float = 30 * PATIENCE) -> None:
        """Wait until so many are waiting."""
        deadline = time.monotonic() + seconds
        while len(self.routes) < count:
            assert time.monotonic() < deadline, f"only {len(self.routes)} of {count} requests to {self.url} came"
            self.page.wait_for_timeout(LOOK_AGAIN_MS)

    def let_go(self) -> None:
        """Send all that wait, and let later ones go on; done once each has its answer."""
        self.which = lambda request: False
        waiting, self.routes = self.routes, []
        for route in waiting:
            with self.page.expect_event("requestfinished", lambda request, one=route: request == one.request):
                route.continue_()


def first_only() -> Callable[[Request], bool]:
    """The first request waits, later ones go on."""
    seen: list[Request] = []

    def which(request: Request) -> bool:
        seen.append(request)
        return len(seen) == 1

    return which
