"""Answers of the server that wait to be let go: what a slow server does to a page, without waiting for one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Request, Route

from tests.browser.patience import patient

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

    def come(self, count: int = 1, seconds: float = 30) -> None:
        """Wait until so many are waiting."""
        deadline = time.monotonic() + patient(seconds)
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


@contextmanager
def fetched_ahead(page: Page, items: int = 3, seconds: float = 30) -> Iterator[None]:
    """The page of a queue is opened in here; it is left once so many items are here with all that they show.

    A page that is cut off then goes on with them. That the network is idle for half a second says less: so it is while
    a slow page computes.
    """
    under_way: set[Request] = set()
    claims: list[Request] = []

    def begun(request: Request) -> None:
        under_way.add(request)

    def ended(request: Request) -> None:
        under_way.discard(request)
        if request.url.endswith("/claim/"):
            claims.append(request)

    page.on("request", begun)
    page.on("requestfinished", ended)
    page.on("requestfailed", ended)
    yield
    deadline = time.monotonic() + patient(seconds)
    while under_way or len(claims) < items:
        assert time.monotonic() < deadline, (
            f"{len(claims)} of {items} items came, {len(under_way)} requests are under way"
        )
        page.wait_for_timeout(LOOK_AGAIN_MS)
