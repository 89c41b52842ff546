"""Pages as people open them: a real browser, of the size of a phone, a desk or a sheet of paper; what it minds fails the test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, sync_playwright

#: Width and height in CSS pixels.
PHONE, DESK = (390, 844), (1280, 800)
#: A sheet of A4 between margins of 20 mm.
PAPER: Final = (643, 971)

_BROWSER: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

#: For tests that open pages: where there is no browser, they say so.
needs_browser = pytest.mark.skipif(_BROWSER is None, reason="there is no Chromium here")


@contextmanager
def browser(size: tuple[int, int], headers: dict[str, str] | None = None) -> Iterator[Page]:
    """A page that is still empty. At the end nothing was logged as an error, and nothing was asked for elsewhere."""
    minded: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error":
            minded.append(f"{message.text} {message.location}")

    def watch(request: Request) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            minded.append(f"it asks {request.url}")

    with sync_playwright() as playwright:
        # Without its own sandbox, which root may not make; what it opens is ours.
        running = playwright.chromium.launch(executable_path=_BROWSER, args=["--no-sandbox"])
        try:
            context = running.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN", timezone_id="Asia/Shanghai",
                                          extra_http_headers=headers)
            page = context.new_page()
            page.on("console", complain)
            page.on("pageerror", lambda error: minded.append(str(error)))
            page.on("request", watch)
            yield page
        finally:
            running.close()
    assert not minded, minded


def stands_well(page: Page) -> None:
    """The page says its language and title, and nothing is cut off or runs out at the side."""
    assert page.evaluate("document.documentElement.lang").startswith("zh")
    assert page.title()
    wide, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room, f"{wide} pixels stand in {room}"
