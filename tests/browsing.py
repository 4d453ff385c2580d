"""A real browser for tests of pages: found on the path, or the tests are skipped with a reason."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["Open", "Scheme", "Visit"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip

Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:  # a browser is no Python package: continuous integration installs it, pip cannot
        pytest.skip(
            "Chromium, which pip cannot install, is not on the path (apt-get install chromium): widths, "
            "keyboard, colours and scripts are not tried; the tests of pages as text still are"
        )
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra test)")
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield opened
        opened.close()


class Visit:
    """Pages opened with a record of everything that went wrong."""

    def __init__(self, browser: Browser, site: Path, width: int, scheme: Scheme):
        self.site = site
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
        )
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url}"))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, name: str) -> Page:
        self.page.goto((self.site / name).as_uri())
        return self.page

    def check(self) -> None:
        assert self.wrong == []
        assert all(url.startswith(("file://", "data:")) for url in self.requests), "a page reaches out"


Open = Callable[[Path, int, Scheme], Visit]


@pytest.fixture
def visiting(browser: Browser) -> Iterator[Open]:
    """A function that opens a visit: the site, a width, a colour scheme."""
    opened: list[Visit] = []

    def visit(site: Path, width: int, scheme: Scheme) -> Visit:
        opened.append(Visit(browser, site, width, scheme))
        return opened[-1]

    yield visit
    for one in opened:
        one.context.close()
