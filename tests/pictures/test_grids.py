"""Heat maps: their numbers, colours and text twins, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mygpt_helpers.errors import InputError
from mygpt_helpers.pictures.base import CHOSEN, CUT, GREEDY, KEPT
from mygpt_helpers.pictures.curves import CURVES
from mygpt_helpers.pictures.grids import (
    NEGATIVE,
    POSITIVE,
    colour_of,
    grid_figure,
    grid_text,
    ink_on,
    make_grid,
    number_text,
    scale_of,
    show_grid,
)
from tests.pictures.test_pictures import CASES, displayed
from tests.pictures.test_tables import HOSTILE

WORDS = ["I", "love", "some", "beer"]


def named(rows, columns):
    return [f"r{i}" for i in range(rows)], [f"c{i}" for i in range(columns)]


def contrast(ground, ink):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in ground]
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    other = 0 if ink == "black" else 1
    low, high = sorted([luminance, other])
    return (high + 0.05) / (low + 0.05)


# ---- the text twin -----------------------------------------------------------------------------


def test_the_text_twin_of_a_grid():
    values = torch.tensor([[0.25, 0.75, math.nan], [0.0, 1.0, -math.inf]])
    picture = show_grid(
        values,
        [" I", "love\n"],
        ["a", "b", "long one"],
        title="after 5 steps",
        row_label="current token",
        column_label="next token",
        facts="loss 1.6107",
    )
    _, text = displayed(picture)
    assert text.splitlines() == [
        "after 5 steps",
        "rows: current token, columns: next token",
        "            a     b  long␣one",
        "  ␣I     0.25  0.75         -",
        "  love⏎  0.00  1.00        −∞",
        "loss 1.6107",
    ]


def test_a_large_grid_is_thinned_out_in_the_twin_and_it_says_so():
    _, text = displayed(show_grid(torch.arange(512.0).reshape(64, 8), *named(64, 8)))
    lines = text.splitlines()
    assert lines[-1] == "rows shown: 8 of 64"
    assert [line.split()[0] for line in lines[1:-1]] == [f"r{9 * i}" for i in range(8)]
    assert lines[1].split()[1:] == [f"{i}.00" for i in range(8)]
    _, text = displayed(show_grid(torch.randn(17, 64), *named(17, 64)))
    assert text.splitlines()[-2:] == ["rows shown: 8 of 17", "columns shown: 8 of 64"]
    _, text = displayed(show_grid(torch.randn(16, 16), *named(16, 16)))
    assert "shown" not in text and len(text.splitlines()) == 17


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-0.001, 2, "0.00"),
        (-0.0, 2, "0.00"),
        (-0.006, 2, "-0.01"),
        (0.125, 2, "0.12"),
        (1.0, 0, "1"),
        (-0.4, 0, "0"),
        (math.nan, 2, "-"),
        (math.inf, 2, "∞"),
        (-math.inf, 2, "−∞"),
        (123456.0, 2, "1.23e+05"),
        (-1e300, 2, "-1.00e+300"),
    ],
)
def test_a_number_in_words(value, digits, text):
    assert number_text(value, digits) == text


def test_digits():
    _, text = displayed(show_grid([[0.12345]], ["a"], ["b"], digits=4))
    assert "0.1235" in text or "0.1234" in text


# ---- colours -----------------------------------------------------------------------------------


def test_the_scale_of_probabilities_and_of_both_signs():
    def scale(*values):
        return scale_of([make_grid([values], ["r"], [str(v) for v in values])])

    assert scale(0.0, 0.2, math.nan) == (0, 1)
    assert scale(0, 1) == (0, 1)
    assert scale(math.nan) == scale(-math.inf, math.inf) == (0, 1)
    assert scale(-0.1, 0.5) == (-0.5, 0.5)
    assert scale(0.5, 3) == (-3, 3)
    two = [make_grid([[v]], ["r"], ["c"]) for v in (0.5, -2)]
    assert scale_of(two) == (-2, 2)


def test_colours_run_from_white_to_the_full_hue():
    def hexadecimal(colour):
        return "#" + "".join(f"{round(255 * c):02X}" for c in colour)

    assert hexadecimal(colour_of(1, (0, 1))) == KEPT
    assert hexadecimal(colour_of(0, (0, 1))) == hexadecimal(colour_of(0, (-3, 3))) == "#FFFFFF"
    assert hexadecimal(colour_of(3, (-3, 3))) == POSITIVE
    assert hexadecimal(colour_of(-3, (-3, 3))) == NEGATIVE
    assert not {POSITIVE, NEGATIVE} & {KEPT, CUT, GREEDY, CHOSEN, *CURVES}


@CASES
@given(st.floats(-1, 1), st.sampled_from([(0.0, 1.0), (-1.0, 1.0)]))
def test_numbers_can_be_read_on_every_colour(value, scale):
    ground = colour_of(abs(value) if scale[0] == 0 else value, scale)
    assert contrast(ground, ink_on(ground)) >= 4.5


def test_the_strongest_cell_of_many_keeps_its_colour():
    values = torch.rand(64, 8) - 0.5
    values[20, 3] = 4.0
    image, _ = displayed(show_grid(values, *named(64, 8)))
    hue = np.array([int(POSITIVE[i : i + 2], 16) for i in (1, 3, 5)])
    off = np.abs(np.asarray(image.convert("RGB")).astype(int) - hue).max(axis=-1)
    assert (off < 20).sum() > 300, "the few pixels of this colour were given another one"


def test_a_masked_cell_is_hatched():
    def greys(value):
        image, _ = displayed(show_grid([[0.0, value]], ["r"], ["a", "b"]))
        pixels = np.asarray(image.convert("RGB")).astype(int)
        near = np.abs(pixels - int(CUT[1:3], 16)).max(axis=-1) < 30
        return int(near.sum())

    assert greys(math.nan) > greys(0.0) + 300


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (8, 8), (13, 13), (64, 8), (8, 64), (64, 64)])
def test_every_size_fits_its_picture(shape):
    grid = make_grid(torch.rand(shape), *named(*shape), row_label="row", column_label="column")
    figure = grid_figure(grid)
    width, height = figure.get_size_inches()
    assert width == pytest.approx(7.2) and 1 < height < 8.5
    box = figure.axes[0].get_position()
    assert box.x0 > 0 and box.x1 < 1 and box.y0 > 0 and box.y1 < 1
    numbers = [t for t in figure.axes[0].texts if t.get_text().startswith(("0.", "1."))]
    assert len(numbers) == (shape[0] * shape[1] if max(shape) <= 12 else 0)


# ---- data as it is -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_labels_and_titles(text):
    about = {"title": text, "row_label": text, "column_label": text, "facts": text}
    _, twin = displayed(show_grid([[0.5, 0.25]], [text], [text, "b"], **about))
    assert "0.50" in twin and len(twin) < 800


@CASES
@given(st.data())
def test_any_labels_and_values(data):
    rows = data.draw(st.lists(st.text(max_size=30), min_size=1, max_size=20))
    columns = data.draw(st.lists(st.text(max_size=30), min_size=1, max_size=20))
    row = st.lists(st.floats(), min_size=len(columns), max_size=len(columns))
    values = data.draw(st.lists(row, min_size=len(rows), max_size=len(rows)))
    grid = make_grid(values, rows, columns)
    assert len(grid_text(grid).splitlines()) <= 20
    assert "-0.00" not in grid_text(grid)
    displayed(show_grid(values, rows, columns))


@pytest.mark.parametrize(
    "values",
    [
        torch.tensor([[0.5, 0.25]]),
        torch.tensor([[0.5, 0.25]], dtype=torch.bfloat16, requires_grad=True),
        np.array([[0.5, 0.25]]),
        [[0.5, 0.25]],
        ((np.float32(0.5), 0.25),),
    ],
)
def test_values_of_many_kinds(values):
    assert make_grid(values, ["a"], ["b", "c"]).values == ((0.5, 0.25),)


@pytest.mark.parametrize(
    ("values", "rows", "columns", "says"),
    [
        ([], [], [], "at least one row"),
        ([[]], ["a"], [], "at least one row and one column"),
        (torch.empty(0, 3), [], ["a", "b", "c"], "at least one row"),
        ([[1, 2], [3]], ["a", "b"], ["c", "d"], r"equally long, got \[1, 2\]"),
        (torch.zeros(2, 2, 2), ["a"], ["b"], r"shape \(R, C\), got .*\(2, 2, 2\)"),
        (torch.zeros(2), ["a"], ["b"], r"\(2,\)"),
        (torch.zeros(1, 1) + 0j, ["a"], ["b"], "complex64"),
        ([["1"]], ["a"], ["b"], "rows of numbers"),
        ([1.0], ["a"], ["b"], "rows of numbers"),
        (None, ["a"], ["b"], "rows of numbers, got None"),
        ([[10**400]], ["a"], ["b"], "rows of numbers"),
        ([[1]], ["a", "b"], ["c"], "rows must have 1 labels.* got 2"),
        ([[1]], ["a"], [], "columns must have 1 labels.* got 0"),
        ([[1]], [1], ["c"], "rows must be a list of strings"),
        ([[1, 2]], ["a"], "bc", "columns must be a list of strings, got 'bc'"),
    ],
)
def test_what_is_no_grid_is_refused(values, rows, columns, says):
    with pytest.raises(InputError, match=says):
        make_grid(values, rows, columns)
    with pytest.raises(InputError, match=says):
        show_grid(values, rows, columns)


def test_texts_must_be_strings():
    with pytest.raises(InputError, match="title must be a string, got int"):
        make_grid([[1]], ["a"], ["b"], title=5)


MASKED = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]])


@pytest.mark.parametrize(
    "values", [MASKED, [*MASKED], MASKED.astype(int), [[1.0, np.ma.masked], [3, 4]]]
)
def test_what_numpy_masks_is_masked(values):
    (first, masked), last = make_grid(values, *named(2, 2)).values
    assert first == 1 and math.isnan(masked) and last == (3, 4)


@pytest.mark.parametrize("cube", [torch.ones(1, 2, 1), np.ones((1, 2, 1)), [torch.ones(2, 1)]])
def test_values_in_three_directions_are_refused(cube):
    with pytest.raises(ValueError, match="^values must be"):
        make_grid(cube, *named(1, 2))
