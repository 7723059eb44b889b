"""Bar tables: text, figure and page say the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.text import Text

from mygpt_helpers.pictures.bar_tables import BarTable, bar_table_figure, bar_table_text
from tests.pictures.test_tables import HOSTILE


def made(labels=("a", "b c"), **about):
    rows = tuple((0.75 / (i + 1), "only" if i else "cut", 1000 * i) for i in range(len(labels)))
    feet = (("2 others", (0.125, "", 7)),)
    given = {"title": "T", "headings": ("prob.", "state", "n"), "facts": "Some.\nMore."} | about
    return BarTable(labels=labels, rows=rows, feet=feet, **given)


def said(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_text_and_page_say_the_same():
    table = made(setting="top_k 3")
    assert bar_table_text(table).splitlines() == [
        "T · top_k 3",
        "            prob.        state      n",
        '  "a"        0.75        ✕ cut      0',
        '  "b␣c"      0.38  ◆ only this  1,000',
        "  2 others   0.12                   7",
        "Some.",
        "More.",
    ]
    assert table.page() == {
        "title": "T",
        "rows": [
            ['"a"', 0.75, "✕ cut", 0],
            ['"b␣c"', 0.375, "◆ only this", 1000],
            ["2 others", 0.125, "", 7],
        ],
    }


def test_the_figure_says_it_too():
    texts = said(bar_table_figure(made(outlines=(0.5, 0.25))))
    for text in ("T", "state", '"b␣c"', "0.750", "✕ cut", "1,000", "2 others", "Some.", "More."):
        assert text in texts


def test_no_cell_lies_on_the_one_before_it():
    table = BarTable(
        "", ("this order", "state", "other order"), ("a",), ((0.0, "other", 0.5),), (), ""
    )
    figure = bar_table_figure(table)
    figure.canvas.draw()
    for names in (table.headings, ("0.000", "◇ only other", "0.500")):
        boxes = [
            text.get_window_extent() for text in figure.findobj(Text) if text.get_text() in names
        ]
        boxes.sort(key=lambda box: box.x0)
        assert len(boxes) == 3
        assert all(one.x1 < next_.x0 for one, next_ in pairwise(boxes))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_stay_in_their_place(text):
    table = made((text, text * 40), title=text)
    figure = bar_table_figure(table)
    figure.canvas.draw()
    assert len(bar_table_text(table).splitlines()) == 7
    width = figure.get_size_inches()[0] * figure.dpi
    labels = [t for t in figure.findobj(Text) if t.get_text().startswith('"')]
    assert len(labels) == 2
    assert all(not label.get_parse_math() for label in labels)
    assert all(0 <= label.get_window_extent().x1 <= width for label in labels)


def test_one_row_of_probability_0_is_drawn():
    assert said(bar_table_figure(BarTable("", ("p",), ("x",), ((0.0,),), (), "")))
