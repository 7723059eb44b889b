"""Live grids without a browser."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mygpt_helpers import GridsWidget, make_grid
from mygpt_helpers.pictures.grids import grid_text
from tests.widgets.wire import from_browser, twin_of


def grids(count, **about):
    return [
        make_grid([[i / 10, math.nan]], ["r"], ["a", "b"], title=f"{i}", **about)
        for i in range(count)
    ]


def test_grids_go_in_the_order_of_the_sliders_product():
    made = grids(6)
    widget = GridsWidget(made, {"layer": iter("01"), "step": ["a", "b", "c"]}, start=[1, 2])
    assert widget.index == (1, 2) and widget.grid is made[5]
    assert twin_of(widget) == grid_text(made[5])
    from_browser(widget, index=[0, 1])
    assert widget.index == (0, 1) and widget.grid is made[1]
    assert twin_of(widget) == grid_text(made[1])
    assert [grid["title"] for grid in widget._data["grids"]] == list("012345")
    values = np.frombuffer(widget._data["grids"][4]["values"], "<f8")
    assert values[0] == 0.4 and math.isnan(values[1])


def test_all_grids_share_one_scale_of_colours():
    made = [make_grid([[v]], ["r"], ["c"]) for v in (0.1, -4)]
    assert GridsWidget(made, {"time": ["before", "after"]})._data["scale"] == (-4, 4)
    assert GridsWidget(grids(2), {"time": ["before", "after"]})._data["scale"] == (0, 1)


def test_one_grid_needs_no_slider():
    assert GridsWidget(grids(1), {}).grid.title == "0"


@pytest.mark.parametrize(
    ("made", "sliders", "start", "says"),
    [
        ([], {"a": ["x"]}, None, "at least one"),
        ([[[1.0]]], {"a": ["x"]}, None, "made by make_grid"),
        (grids(5), {"a": ["x", "y"], "b": ["1", "2"]}, None, r"4 \(2 x 2\), got 5"),
        (grids(2), {}, None, r"1 \(none\), got 2"),
        (grids(2), {"a": "xy"}, None, "list of strings, got 'xy'"),
        (grids(2), {"a": [0, 1]}, None, "list of strings"),
        (grids(2), {"a": []}, None, "'a' must have at least one stop"),
        (grids(2), {"a": ["x", "y"]}, [2], "a must be a whole number from 0 to 1, got 2"),
        (grids(2), {"a": ["x", "y"]}, [-1], "got -1"),
        (grids(2), {"a": ["x", "y"]}, [0.5], "got 0.5"),
        (grids(2), {"a": ["x", "y"]}, [], "one place for each slider, 1"),
        (grids(2), {"a": ["x", "y"]}, 1, "one place for each slider, 1, got 1"),
        (grids(2), {"a": ["x", "y"]}, torch.tensor(1), "one place for each slider"),
        (3, {"a": ["x"]}, None, "made by make_grid"),
        (grids(2), ["a"], None, "sliders must be a dict, name -> stops, got"),
        (grids(2), {1: ["x", "y"]}, None, "sliders must be a dict"),
    ],
)
def test_grids_and_sliders_that_do_not_fit_are_refused(made, sliders, start, says):
    with pytest.raises(ValueError, match=says):
        GridsWidget(made, sliders, start=start)


def test_a_place_that_is_not_there_is_refused_later_too():
    widget = GridsWidget(grids(2), {"a": ["x", "y"]})
    with pytest.raises(ValueError, match="from 0 to 1, got 2"):
        widget.index = (2,)
    assert widget.index == (0,)
