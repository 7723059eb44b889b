"""Small doubts add up, without a browser."""

from __future__ import annotations

import math

import pytest

from mygpt_helpers import StreakWidget
from mygpt_helpers.widgets.streak import NS, PS
from tests.widgets.wire import from_browser, twin_of


@pytest.mark.parametrize(
    ("p", "n", "says"),
    [
        (0.99, 100, "0.366: about 37 of 100 texts are right throughout."),
        (1.0, 1000, "1.000: about 100 of 100 texts are right throughout."),
        (0.5, 3, "0.125: about 13 of 100 texts are right throughout."),
        (0.99, 1000, "0.000043: about 1 of 23,164 texts is right throughout."),
        (0.9, 500, "below 0.000001: fewer than 1 in a million texts are right throughout."),
        (0.955, 100, "0.010: about 1 of 100 texts is right throughout."),
    ],
)
def test_the_chance_is_said(p, n, says):
    widget = StreakWidget(p, n)
    says = f"{p:g} to the power of {n:,} is {says}"
    assert twin_of(widget).splitlines()[-1] == widget.numbers()["facts"] == says


def test_the_sliders_reach_what_is_said_and_the_curve_is_p_to_the_n():
    widget = StreakWidget()
    assert "68: 0.50" in twin_of(widget) and "marked: n = 100 at 100" in twin_of(widget)
    from_browser(widget, p=0.9, n=10)
    assert "13: 0.25" in twin_of(widget) and (widget.p, widget.n) == (0.9, 10)
    for i, p in enumerate(PS):
        for n in NS[i % 9 :: 9]:  # each of them, at one p or another
            StreakWidget(p, n).numbers()


@pytest.mark.parametrize(
    ("p", "n", "says"),
    [
        (0.4, 1, "p must be a number from 0.5 to 1.0, got 0.4"),
        (1.01, 1, "p must be a number"),
        (math.nan, 1, "p must be a number"),
        ("0.9", 1, "p must be a number"),
        (0.9, 0, "n must be a whole number from 1 to 1000, got 0"),
        (0.9, 1001, "got 1001"),
        (0.9, 2.5, "got 2.5"),
    ],
)
def test_what_no_slider_reaches_is_refused(p, n, says):
    with pytest.raises(ValueError, match=says):
        StreakWidget(p, n)
