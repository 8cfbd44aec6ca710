"""Chromium, a live server, a real worker, and a small town for the pages to show."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from annotation.accounts.models import User
from annotation.review.models import Batch
from mlcore.synthetic.town import Town, TownConfig, generate_town
from mlcore.synthetic.town_files import write_town
from tests.annotation.edits.uploading import upload_settings
from tests.browser.patience import PATIENCE, SLOWDOWN, patient
from tests.browser.stock import Stock, stock_region
from tests.factories_anchors import make_batch
from tests.osm_server import OsmServer, osm_server

# Playwright's sync API keeps an event loop in the thread of the test, and Django sees it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
CHROMIUM = os.environ.get("MAPWRIGHT_CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
SCREEN = {"width": 1366, "height": 768}
LIMIT_S = 300
expect.set_options(timeout=patient(15_000))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            limit = item.get_closest_marker("timeout")
            if PATIENCE > 1:
                item.add_marker(pytest.mark.timeout(patient(limit.args[0] if limit else LIMIT_S)), append=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium, or set MAPWRIGHT_CHROMIUM")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *as_root])
        yield chromium
        chromium.close()


class Watch:
    """What a page must not do: errors in the console, breaches of the policy, exceptions, dialogs of scripts."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.expected: list[str] = []

    def follow(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"exception: {error.error}"))
        context.on("dialog", self._dialog)

    def expect(self, text: str) -> None:
        """Faults with this text are part of the test."""
        self.expected.append(text)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _dialog(self, dialog) -> None:
        if dialog.type != "beforeunload":
            self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(text in fault for text in self.expected)]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def new_page(browser: Browser, live_server, watch: Watch) -> Iterator[Callable[..., Page]]:
    """`new_page(user)`: a page of a fresh browser profile, signed in; any fault on it fails the test.

    Nothing moves by itself, so that nothing is waited for, unless the test says `reduced_motion="no-preference"`.
    """
    contexts: list[BrowserContext] = []

    def make(user: User | None = None, **options) -> Page:
        told = {"viewport": SCREEN, "locale": "en-GB", "reduced_motion": "reduce"} | options
        context = browser.new_context(base_url=live_server.url, **told)
        context.set_default_timeout(patient(20_000))
        watch.follow(context)
        if SLOWDOWN > 1:
            context.on("page", lambda page: slow_down(context, page))
        contexts.append(context)
        if user is not None:
            sign_in(context, user, live_server.url)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()
    let_requests_end()
    assert watch.unexpected() == []


def slow_down(context: BrowserContext, page: Page) -> None:
    """Give a page a fraction of the processor, as on an old phone or a busy machine."""
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})


def let_requests_end(seconds: float = 20) -> None:
    """Wait until no request of a closed page is at work in the database: emptying it would lock with one."""
    busy = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend' AND state <> 'idle'"
    )
    deadline, calm = time.monotonic() + seconds, 0
    while calm < 3 and time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(busy)
            calm = calm + 1 if cursor.fetchone()[0] == 0 else 0
        time.sleep(0.05)


def sign_in(context: BrowserContext, user: User, url: str) -> None:
    """Give the profile a session of this person, as the login page does."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": url}])


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    return AXE.read_text()


@pytest.fixture(scope="session")
def town() -> Town:
    """Sixteen tiles, with enough changes to review."""
    return generate_town(TownConfig(seed=11, columns=4, rows=4, changed_share=0.12))


@pytest.fixture(scope="session")
def town_files(town: Town, tmp_path_factory) -> Path:
    return write_town(town, tmp_path_factory.mktemp("town"))


@pytest.fixture
def stock(town: Town, town_files: Path, live_server) -> Stock:
    """A region as it is after a scan."""
    return stock_region(town, town_files)


@pytest.fixture
def batch(stock: Stock) -> Batch:
    """Every anchor of the stocked region, open to all."""
    return make_batch(stock.region, user=stock.admin)


@pytest.fixture
def worker(transactional_db) -> Iterator[subprocess.Popen]:
    """A real Celery worker on the database of the test."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webapp.settings.test",
        "MAPWRIGHT_DB_NAME": str(connection.settings_dict["NAME"]),
        "MAPWRIGHT_MEDIA": str(settings.MEDIA_ROOT),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "celery", "-A", "webapp", "worker", "--pool", "solo", "--loglevel", "WARNING"]
    process = subprocess.Popen([*command, "--without-gossip", "--without-mingle"], cwd=ROOT, env=environment)
    yield process
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def osm(tmp_path, settings, monkeypatch) -> Iterator[OsmServer]:
    """The map's server, for the web server of the test and for the worker it starts."""
    with osm_server(tmp_path / "osm.sqlite") as running:
        for name, value in upload_settings(running).items():
            setattr(settings, name, value)
            told = ",".join(value) if isinstance(value, list) else str(int(value) if value is True else value)
            monkeypatch.setenv(f"MAPWRIGHT_{name}", told)
        yield running
