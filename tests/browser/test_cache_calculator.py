"""What the cache calculator draws in a real JupyterLab; the rest of it is in test_widgets.py."""

from __future__ import annotations

from itertools import pairwise

import pytest
from boards import board_of
from lab import settle
from pages import check

POINTS = """svg => [...svg.querySelector('polyline').points].map(point => point.y)
  .concat(+svg.querySelector('circle').getAttribute('cy'))"""
KNOBS = ("num_layers", "num_kv_heads", "head_dim", "bits_per_number", "length", "batch_size")


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


@pytest.mark.parametrize("key", ["Home", "End"])
def test_the_smallest_and_the_largest_cache_are_on_the_axis(board, key):
    part = board.part("cache calculator")
    for knob in KNOBS:
        board.slider("cache calculator", knob).press(key)
    check(board.notebook, part, "made['cache calculator']")
    *curve, dot = part.locator("svg").evaluate(POINTS)
    steps = [left - right for left, right in pairwise(curve)]
    assert min(steps) > 0 and max(steps) - min(steps) < 0.3, "a straight line bends"
    assert all(12 <= y <= 206 for y in (*curve, dot))


def test_the_preset_in_force_is_marked(board):
    part = board.part("cache calculator")
    button = part.get_by_role("button", name="Llama-3-8B")
    button.press("Enter")
    settle(board.page)
    pressed = part.locator('[aria-pressed="true"]')
    assert pressed.all_text_contents() == ["Llama-3-8B"]
    board.slider("cache calculator", "head_dim").press("Home")
    settle(board.page)
    assert pressed.count() == 0
