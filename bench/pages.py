"""The course's pages in a browser, from a server of files: what a visit weighs, how fast it is.

Measured is what `make site` has left in `_site`. Every byte of a first visit is counted, headers
too, with all pictures scrolled to; nothing is compressed on its way. All pictures of a page are
live on one core when a window as high as the page shows them all at once. Keys and drags are
measured as in a notebook (slider.py), for one picture of each kind, and keys once more at a quarter
of the processor.
"""

from __future__ import annotations

import functools
import http.server
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from .rows import REPOSITORY, Row
from .slider import FRAME, MOVES, measure

SITE = REPOSITORY / "_site"
LARGEST, LATEST, SLOWED = 2.5e6, 2.0, 50.0  # bytes, seconds, milliseconds
HIGH = 30_000  # pixels: every page
ALL_LIVE = """() => [...document.querySelectorAll('.live-picture')]
  .every(place => place.querySelector('.mygpt-live'))"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that does not log."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder; yield the address."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pages() -> list[Row]:
    """Measure all pages of lessons in `_site`."""
    names = sorted(path.name for path in SITE.glob("[0-9]*.html"))
    if not names:
        raise RuntimeError("there are no pages: make site")
    sys.path.insert(0, str(REPOSITORY / "tests" / "browser"))
    from lab import launch

    cores = getattr(os, "sched_getaffinity", lambda _: {0})(0)
    with served(SITE) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        bytes_of = {name: _weight(browser, f"{address}/{name}") for name in names}
        rows = _slider_rows(browser, address, names)
        browser.close()
        if hasattr(os, "sched_setaffinity"):  # what is started now has one core
            os.sched_setaffinity(0, {min(cores)})
        browser = launch(playwright)
        seconds = {name: _until_live(browser, f"{address}/{name}") for name in names}
        browser.close()
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)
    heavy, late = max(bytes_of, key=bytes_of.get), max(seconds, key=seconds.get)
    most, longest = bytes_of[heavy], seconds[late]
    target = f"< {LARGEST / 1e6} MB"
    return [
        Row(f"first visit, {heavy}", f"{most / 1e6:.2f} MB", "", "", target, most < LARGEST),
        Row(
            f"until all pictures are live, on one core, {late}",
            f"{longest:.2f} s",
            target=f"<= {LATEST} s",
            ok=longest <= LATEST,
        ),
        *rows,
    ]


def _weight(browser: Browser, address: str) -> float:
    """Return the bytes that a first visit loads."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page, found = context.new_page(), []
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: found.append(event["encodedDataLength"]))
    page.goto(address)
    _scroll_through(page)
    context.close()
    return sum(found)


def _scroll_through(page: Page) -> None:
    for _ in range(HIGH // 600):
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(50)
    page.wait_for_function(ALL_LIVE)
    page.wait_for_load_state("networkidle")


def _until_live(browser: Browser, address: str) -> float:
    """Return the seconds from the start of a visit until all its pictures are live."""
    context = browser.new_context(viewport={"width": 1280, "height": HIGH})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(ALL_LIVE + " && document.readyState === 'complete'")
    seconds = time.perf_counter() - start
    context.close()
    return seconds


def _slider_rows(browser: Browser, address: str, names: list[str]) -> list[Row]:
    """Measure the first slider of one picture of each kind; report the slowest."""
    found, slowed = {}, {}
    for name in names:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(f"{address}/{name}")
        _scroll_through(page)
        throttle = page.context.new_cdp_session(page)
        for picture in page.locator(".mygpt-live:has(input[type=range])").all():
            kind = picture.get_attribute("class").split("mygpt-")[-1]
            slider = picture.locator("input[type=range]").first
            places = int(slider.get_attribute("max"))
            # A drag is counted where each of its moves reaches another stop.
            if kind in {known for _, known in found} or places < 0.8 * MOVES:
                continue
            found[name, kind] = measure(page, slider, slider)
            throttle.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            slowed[name, kind] = measure(page, slider, slider)
            throttle.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        page.close()

    def row(what: str, where: tuple[str, str], value: float, most: float) -> Row:
        name = f"{what}, of {len(found)} kinds the slowest ({where[1]}, {where[0]})"
        return Row(name, f"{value:.1f} ms", target=f"<= {most:.3g} ms", ok=value <= most)

    rows = []
    for part, what, most in ((0, "median", FRAME), (1, "95th percentile", round(1.5 * FRAME))):
        where = max(found, key=lambda at: found[at][part])
        rows.append(row(f"key to painted frame, {what}", where, found[where][part], most))
    where = max(slowed, key=lambda at: slowed[at][0])
    rows.append(row("the median at a quarter of the processor", where, slowed[where][0], SLOWED))
    where = min(found, key=lambda at: found[at][2])
    frames = found[where][2]
    what = f"frames in a one-second drag of {MOVES} moves ({where[1]}, {where[0]})"
    return [*rows, Row(what, str(frames), target=f">= {MOVES - 2}", ok=frames >= MOVES - 2)]
