"""The course's own command in a real browser: it opens copies of the lessons, whose links work."""

from __future__ import annotations

import shutil
import sys

import pytest
from lab import IS_OPEN, REPOSITORY, Notebook, running_lab

from mygpt_helpers import working_copies


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The folder of a course that somebody has downloaded: no git, and nothing copied yet."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("mygpt_helpers", "notebooks"):
        ignored = shutil.ignore_patterns("__pycache__", "runs", "*.mine*")
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    return folder


def test_lessons_open_as_copies_and_their_links_work(browser, course, monkeypatch):
    with running_lab(course) as (url, _):
        notebook = Notebook(browser, url, "my/00_start_here.ipynb")
        assert sys.prefix in notebook.in_kernel("import sys; print(sys.prefix)")
        notebook.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        notebook.page.get_by_role("link", name="10 A GPT from scratch").click()
        notebook.page.wait_for_function(IS_OPEN, arg="my/10_gpt_from_scratch.ipynb")
        notebook.page.get_by_role("link", name="mygpt_helpers/gpt.py").click()
        notebook.page.wait_for_function(IS_OPEN, arg="mygpt_helpers/gpt.py")
        assert notebook.errors == []
        notebook.page.close()
    # What was opened and saved differs from the course's file, not from its lesson.
    lesson = course / "notebooks" / "00_start_here.ipynb"
    assert (course / "my" / lesson.name).read_bytes() != lesson.read_bytes()
    monkeypatch.setattr(working_copies, "TOP", course)
    assert working_copies.copy_lessons() == []
