"""One JupyterLab, one browser and one set of the course's pages for all browser tests.

For the pages, lessons run on a tiny model, which writes in no time; only the first takes the real
one. While their kernels live, tools/page_kernel.py notes what every picture must say when moved.
"""

from __future__ import annotations

import functools
import http.server
import importlib.util
import os
import threading

import pytest
from visits import NAMES, Quiet, Visit

from tests.tiny import make_checkpoint
from tools import pages
from tools.refresh import LESSONS


def _missing(reason: str) -> None:
    """Skip where somebody has no browser; fail where the tests are what the machine is for."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        _missing("the browser tests need playwright: pip install playwright")
    from lab import launch

    with sync_playwright() as playwright:
        try:
            started = launch(playwright)
        except Error as error:
            _missing(f"no Chromium could be started (set CHROMIUM to its path): {error}")
        yield started
        started.close()


@pytest.fixture(scope="session")
def lab(browser):
    """Address and root folder of a running JupyterLab."""
    from lab import running_lab

    with running_lab() as running:
        yield running


@pytest.fixture(scope="session")
def opened(lab, browser):
    """The page of the lessons; one that is opened in it takes the place of the one before."""
    from lab import Notebook, write_notebook

    url, root = lab
    write_notebook(root / "first.ipynb", ["1"])
    notebook = Notebook(browser, url, "first.ipynb")
    yield notebook
    notebook.close()


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    if missing := [name for name in pages.NEEDED if not importlib.util.find_spec(name)]:
        pytest.skip(f"no {', '.join(missing)}: pip install -r pages/requirements.txt")
    tiny = make_checkpoint("gpt2", tmp_path_factory.mktemp("tiny") / "gpt2")
    folder = tmp_path_factory.mktemp("runs")
    pages.run_all(LESSONS[:1], folder, {})
    pages.run_all(LESSONS[1:], folder, {"MYGPT_CHECKPOINT": str(tiny)})
    return folder


@pytest.fixture(scope="session")
def site(runs, tmp_path_factory):
    """The folder of the pages, and the address of a server of files."""
    folder = tmp_path_factory.mktemp("pages") / "site"
    pages.render(runs, folder, "https://example.org/somebody/course")
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module", params=NAMES)
def visit(request, browser, site):
    visit = Visit(browser, site[1], request.param)
    visit.name = request.param
    yield visit
    visit.page.close()
