"""A prediction in a real JupyterLab: chosen by mouse and by keyboard, judged only when asked."""

from __future__ import annotations

import pytest
from boards import board_of
from pages import check, grave_faults
from playwright.sync_api import expect


@pytest.fixture
def part(lab, browser):
    """The question, as it was in the beginning."""
    board = board_of(lab, browser)
    board.notebook.errors.clear()
    board.notebook.in_kernel(
        "now = made['question']; now.note, now.choice, now.unfolded = '', None, False; kept.clear()"
    )
    found = board.part("question")
    expect(found.get_by_role("button").first).to_be_disabled()
    yield found
    assert board.notebook.errors == []


@pytest.fixture
def notebook(lab, browser):
    return board_of(lab, browser).notebook


def see(notebook, part):
    """Compare the page with Python; return the rows, and what stands below."""
    said = check(notebook, part, "made['question']")
    return [row[1] for row in said["rows"]], said["facts"], said["note"]


def test_by_mouse(notebook, part):
    assert see(notebook, part) == ([""] * 4, "Choose one first. Nothing is judged yet.", "")
    part.get_by_text("c. love").click()
    notebook.wait_for_kernel("kept == [2]")
    verdicts, facts, note = see(notebook, part)
    assert not any(verdicts) and "See what the next cells show" in facts
    assert note == "no room", "what is wrong with keeping it"
    assert "Why" not in part.inner_html() and "right" not in part.inner_html()
    part.get_by_text("b. some").click()
    part.get_by_role("button", name="I have seen it").click()
    verdicts, facts, _ = see(notebook, part)
    assert verdicts == ["✘ not right", "✔ right, your choice", "✘ not right", "✘ not right"]
    assert facts == "✔ right: b. some"
    assert part.get_by_role("status").first.text_content() == facts
    part.get_by_text("a. beer").click(force=True)  # too late
    assert see(notebook, part)[0] == verdicts
    notebook.wait_for_kernel("kept == [2, 1]")
    assert grave_faults(notebook.page) == []


def test_by_keyboard_alone(notebook, part):
    cell = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    radios = part.get_by_role("group", name="What is next?").get_by_role("radio")
    radios.first.focus()
    before = notebook.page.evaluate(cell)
    press = notebook.page.keyboard.press
    press("Space")
    expect(radios.first).to_be_checked()
    press("ArrowDown")
    expect(radios.nth(1)).to_be_checked()
    press("ArrowUp")
    press("ArrowUp")
    expect(radios.last).to_be_checked()
    notebook.wait_for_kernel("kept[-1:] == [3]")
    assert notebook.page.evaluate(cell) == before, "the arrows are JupyterLab's"
    press("Tab")
    button = part.get_by_role("button", name="I have seen it")
    expect(button).to_be_focused()
    press("Enter")
    assert see(notebook, part)[0][3] == "✘ not right, your choice"
    for radio in radios.all():
        expect(radio).to_be_disabled()
    again = part.get_by_role("button", name="Answer again")
    expect(again).to_be_focused()
    press("Space")
    assert not any(see(notebook, part)[0])
    expect(radios.last).to_be_checked()
    expect(radios.last).to_be_enabled()
