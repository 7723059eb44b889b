"""One JupyterLab and one browser for all browser tests, one page for all lessons."""

from __future__ import annotations

import os

import pytest


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
