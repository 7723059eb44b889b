"""Distributions side by side in a real JupyterLab: the browser's arithmetic, and the columns."""

from __future__ import annotations

import pytest
from boards import board_of
from cases import LOGITS
from lab import settle
from pages import check

from mygpt_helpers.widgets.inputs import slider_stops


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


SETTINGS = [(1, 1), (0.5, 2), (1, 3), (2, 7), (1.5, 40), (5, 100), (1, 10**9)]


@pytest.mark.parametrize("name", LOGITS)
def test_kept_tokens_ties_and_mass_are_those_of_python(board, name):
    shown, V = f"beside: {name}", len(LOGITS[name])
    for temperature, top_k in SETTINGS:
        for knob, value in (("temperature", temperature), ("top_k", min(top_k, V))):
            place = slider_stops(knob, LOGITS[name].float() / 3).index(value)
            board.slider(shown, knob).evaluate(
                """(slider, place) => { slider.valueAsNumber = place;
                   for (const kind of ['input', 'change'])
                     slider.dispatchEvent(new Event(kind, { bubbles: true })); }""",
                place,
            )
        check(board.notebook, board.part(shown), f"made[{shown!r}]")
    assert board.notebook.errors == []


def test_each_panel_has_its_title(board):
    part = board.part("side by side")
    assert part.locator(".panel > .title").all_text_contents() == ["peaked", "flat"]
    captions = part.locator(".panel caption").all_text_contents()
    assert [caption.rpartition(": ")[2] for caption in captions] == ["peaked", "flat"]


def test_columns_stack_in_a_narrow_page(board):
    lefts = "panels => new Set(panels.map(panel => panel.getBoundingClientRect().left)).size"
    panels = board.part("side by side").locator(".panel")
    assert panels.evaluate_all(lefts) == 2
    size = board.page.viewport_size
    board.page.set_viewport_size({"width": 620, "height": 900})
    settle(board.page)
    assert panels.evaluate_all(lefts) == 1
    board.page.set_viewport_size(size)
