"""Fixtures for tests against a running server: the server itself, and a real browser."""

import shutil
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from tools.live_server import LiveServer  # noqa: E402
from tools.settings import TEST  # noqa: E402

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]


@pytest.fixture(scope="session")
def server():
    """An Odoo with our add-ons and demo data; see tools/live_server.py for what it can do."""
    live = LiveServer()
    try:
        yield live.open()
    finally:
        live.close()


@pytest.fixture(scope="session")
def browser():
    """Chromium. No browser is a failure, not a reason to skip."""
    path = shutil.which("chromium")
    assert path, "chromium is missing: sudo apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, server):
    """`open_page(login, width=1400)`: a page logged in as that user (None: a visitor), closed after the test.

    Requests to other machines are stopped. What the page logged as errors is in `page.errors`.
    """
    contexts = []

    def opened(login: str | None = "admin", width: int = 1400, height: int = 900):
        context = browser.new_context(viewport={"width": width, "height": height}, base_url=server.url)
        contexts.append(context)
        context.route(lambda url: not url.startswith(server.url), lambda route: route.abort())
        if login:
            context.add_cookies(
                [{"name": "session_id", "value": server.session_id(login), "url": server.url}]
            )
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def screenshot(request):
    """`screenshot(page, name)`: a picture in var/test/screenshots to be looked at."""
    folder = TEST / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)

    def take(page, name: str = "page") -> Path:
        path = folder / f"{request.node.name}-{name}.png"
        page.screenshot(path=path)
        return path

    return take
