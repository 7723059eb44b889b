"""A part of the walk that is opened in a real JupyterLab.

What it has in common with all live pictures is in test_widgets.py.
"""

from __future__ import annotations

import pytest
from boards import board_of
from lab import settle
from pages import READ, check


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


def test_a_part_is_opened_by_keyboard_and_stays_open_under_the_sliders(board):
    part, widget = board.part("walk"), "made['walk']"
    closed = len(check(board.notebook, part, widget)["rows"])
    part.locator("summary").press("Enter")
    assert len(check(board.notebook, part, widget)["rows"]) > closed
    for knob, key in (("position", "Home"), ("part", "Home"), ("part", "ArrowRight")):
        board.slider("walk", knob).press(key)
        check(board.notebook, part, widget)
    assert part.locator("details").get_attribute("open") is not None
    assert "the position's row" in str(part.evaluate(READ)["rows"])
    part.locator("summary").press(" ")
    assert len(check(board.notebook, part, widget)["rows"]) == 2
    assert board.notebook.in_kernel(f"print({widget}.opened)") == "False\n"
    assert board.notebook.errors == []


def test_a_part_without_steps_cannot_be_opened(board):
    part = board.part("walk")
    board.slider("walk", "part").press("End")
    settle(board.page)
    assert not part.locator("summary").is_visible()
    check(board.notebook, part, "made['walk']")
