"""Every live picture in a real JupyterLab: one test for all kinds of them."""

from __future__ import annotations

import json
import shutil

import pytest
from boards import CASES, Board, board_of
from lab import Notebook, settle, write_notebook
from pages import LEGIBLE, READ, UNNAMED, check, grave_faults, move_every_slider
from playwright.sync_api import expect

import mygpt_helpers


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


@pytest.mark.parametrize("name", CASES)
def test_the_page_says_what_python_says(board, name):
    part, widget = board.part(name), f"made[{name!r}]"
    move_every_slider(board.notebook, part, widget)
    for button in part.get_by_role("button").all()[:-1]:  # the last one enlarges
        button.press("Enter")
        check(board.notebook, part, widget)
    assert part.evaluate(UNNAMED) == []
    assert board.notebook.in_kernel(f"_still({widget})") == "True\n", "the still fails"
    assert board.notebook.errors == []


def test_every_kind_of_live_picture_is_here_plain_and_hostile():
    kinds = {name for name in mygpt_helpers.__all__ if name.endswith("Widget")}
    for hostile in (False, True):
        sources = [source for name, source in CASES.items() if ("hostile" in name) == hostile]
        assert kinds == kinds & {source.partition("(")[0] for source in sources}


@pytest.mark.parametrize("name", [name for name in CASES if "hostile" in name])
def test_hostile_texts_are_text(board, name):
    part = board.part(name)
    assert part.locator("b:not(.tiles b), img, script, mjx-container, .MathJax").count() == 0
    assert board.page.evaluate("() => window.hacked") is None
    heights = part.locator("table:not(.call) tbody tr").evaluate_all(
        "rows => rows.map(row => row.offsetHeight)"
    )
    heights = [height for height in heights if height]
    assert not heights or max(heights) - min(heights) <= 2
    assert part.evaluate("part => part.scrollWidth <= part.clientWidth + 1")


def test_everything_is_legible_in_both_themes_and_in_a_narrow_window(board):
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        board.notebook.theme(theme)
        settle(board.page)
        for name in CASES:
            found = board.part(name).evaluate(LEGIBLE)
            assert found and min(found.values()) >= 4.5, (theme, name, found)
        assert grave_faults(board.page) == []
    size = board.page.viewport_size
    board.page.set_viewport_size({"width": 620, "height": 900})
    settle(board.page)
    cut = "part => part.scrollWidth > part.clientWidth + 1"
    found = [name for name in CASES if board.part(name).evaluate(cut)]
    board.page.set_viewport_size(size)
    assert found == []


def models_in(path):
    """Return how many widgets' states a notebook was saved with."""
    widgets = json.loads(path.read_bytes())["metadata"].get("widgets", {})
    return sum(len(states["state"]) for states in widgets.values())


@pytest.fixture(scope="module")
def tomorrow(board, lab, browser):
    """The notebook as it was saved, opened anew: no kernel knows its pictures.

    It is the third day: the second day's notebook was opened, its kernel started anew, and saved.
    """
    url, root = lab
    board.notebook.save()
    name, saved = "board.ipynb", models_in(root / "board.ipynb")
    for day in ("second", "third"):
        shutil.copy(root / name, root / f"{day}.ipynb")
        name = f"{day}.ipynb"
        notebook = Notebook(browser, url, name)
        # All of them: what is saved before a picture has begun is saved without it.
        last = notebook.widgets().nth(board.notebook.widgets().count() - 1)
        last.wait_for(timeout=60_000)  # some ninety pictures
        if day == "second":
            notebook.restart_kernel()
            notebook.change()
            notebook.save()
            notebook.close()
            assert models_in(root / name) == saved > 2 * len(CASES)
    yield Board(notebook)
    notebook.close()


@pytest.mark.parametrize("name", CASES)
def test_a_saved_picture_is_there_and_alive_the_next_day(board, tomorrow, name):
    part = tomorrow.part(name)
    before = part.evaluate(READ)
    assert before == board.part(name).evaluate(READ)
    for handle in part.locator("input[type=range]").all():
        at_end = handle.evaluate("slider => slider.value === slider.max")
        handle.press("Home" if at_end else "End")
    settle(tomorrow.page)
    after = part.evaluate(READ)
    moved = after.pop("sliders") != before.pop("sliders")
    # One has one token, which is certain at any temperature.
    assert (after != before) == (moved and name != "distribution, one")
    assert tomorrow.notebook.errors == []


def test_a_picture_that_needs_python_says_at_once_that_it_has_ended(tomorrow):
    slider = tomorrow.slider("distribution, own")
    slider.press("End")
    slider.press("ArrowLeft")
    settle(tomorrow.page)
    expect(tomorrow.part("distribution, own").locator(".note")).to_contain_text("run this cell")


def test_a_prediction_unfolds_without_python(tomorrow):
    part = tomorrow.part("question, new")
    part.get_by_text("b. some").click()
    part.get_by_role("button", name="I have seen it").click()
    expect(part.get_by_role("status").first).to_have_text("✔ right: b. some")
    expect(part).to_contain_text("Why: beer")
    assert tomorrow.notebook.errors == []


def test_pictures_of_a_kernel_that_was_started_anew_are_saved(lab, browser):
    url, root = lab
    source = "import torch\nfrom mygpt_helpers import DistributionWidget\n"
    write_notebook(root / "anew.ipynb", [source + "DistributionWidget(torch.zeros(2), ['a', 'b'])"])
    notebook = Notebook(browser, url, "anew.ipynb")
    notebook.run_all()
    notebook.widgets().first.wait_for()
    notebook.restart_kernel()
    notebook.change()
    notebook.save()
    assert models_in(root / "anew.ipynb") == 2
    assert notebook.errors == []
    notebook.close()


def test_a_notebook_does_not_grow_from_day_to_day(lab, browser):
    url, root = lab
    source = "import torch\nfrom mygpt_helpers import DistributionWidget\n"
    cells = ["DistributionWidget(torch.zeros(2), ['a', 'b'])", "print('\\n' * 200)"]
    write_notebook(root / "days.ipynb", [source + cells[0], cells[1], source + cells[0]])
    for day in range(3):
        notebook = Notebook(browser, url, "days.ipynb")
        if day > 0:  # a learner sees yesterday's before the cells run again
            notebook.widgets().first.wait_for()
            notebook.page.wait_for_timeout(1000)
        notebook.run_all()
        notebook.widgets().first.wait_for()
        for _ in range(20):  # what is saved in the very moment may still hold yesterday's
            notebook.change()
            notebook.save()
            if models_in(root / "days.ipynb") == 4:
                break
            notebook.page.wait_for_timeout(200)
        assert models_in(root / "days.ipynb") == 4
        notebook.close()


def test_a_saved_still_is_there_with_its_name(board, tomorrow):
    still = tomorrow.cell("still").locator("img:visible")
    twin = board.notebook.in_kernel("print(made['still'])").rstrip()
    assert still.count() == 1 and still.get_attribute("alt") == twin


def test_what_a_cell_showed_is_closed_when_it_runs_again(board):
    board.notebook.in_kernel("before = made['sure']")
    board.notebook.start_cell(board.cells["sure"])
    board.notebook.wait_for_kernel("made['sure'] is not before and before.comm is None")
    board.part("sure").wait_for()
    check(board.notebook, board.part("sure"), "made['sure']")
    assert board.notebook.errors == []
