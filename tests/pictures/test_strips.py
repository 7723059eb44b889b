"""Strips of tokens: right, wrong and given ones, in the picture and in its text twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mygpt_helpers.errors import InputError
from mygpt_helpers.pictures.strips import WRONG, Strip, show_strip, strip_figure, strip_text
from tests.pictures.test_pictures import CASES, displayed
from tests.pictures.test_tables import HOSTILE

WORDS = ["I", "love", "some", "beer"]


def strip(length, wrong=(), given=0):
    marks = tuple(None if i < given else i not in wrong for i in range(length))
    return Strip("T", tuple(WORDS[i % 4] for i in range(length)), marks)


def wrong_pixels(picture):
    image, _ = displayed(picture)
    hue = np.array([int(WRONG[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(np.asarray(image.convert("RGB")).astype(int) - hue).max(-1) < 25).sum())


def test_the_text_twin_of_a_strip():
    made = strip(18, wrong={9, 17}, given=4)
    picture = show_strip(made.tokens, made.right, title="trained on 16", facts="loss 0.01")
    _, text = displayed(picture)
    assert text.splitlines() == [
        "trained on 16",
        "12 of 14 right; first wrong: position 9",
        "loss 0.01",
        "   0  I love some beer I love some beer I [love] some beer I love some beer",
        "  16  I [love]",
        "given: the first 4",
    ]


@pytest.mark.parametrize(
    ("made", "length", "says"),
    [
        (strip(6), None, "6 of 6 right: all right"),
        (strip(6, given=6), None, "all given"),
        (strip(6, wrong={0}), None, "5 of 6 right; first wrong: position 0"),
        (strip(6, wrong={5}), 5, "5 of 5 right: all right"),
        (strip(6, wrong={2, 5}, given=2), 3, "0 of 1 right; first wrong: position 2"),
    ],
)
def test_how_much_is_right(made, length, says):
    assert made.summary(length) == says
    assert strip_text(made, length=length).splitlines()[1] == says


def test_another_number_of_tiles_to_a_row():
    _, text = displayed(show_strip(WORDS, [True] * 4, per_row=3))
    assert text.splitlines()[1:] == ["  0  I love some", "  3  beer"]


@pytest.mark.parametrize("length", [1, 2, 16, 17, 200])
def test_every_length_fits_its_picture(length):
    figure = strip_figure(strip(length, given=1))
    box = figure.axes[0].get_position()
    assert box.x0 > 0 and box.x1 < 1 and box.y0 > 0 and box.y1 < 1
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert len(texts) == length + -(-length // 16)
    assert figure.get_size_inches()[1] < 6


def test_a_wrong_tile_has_a_colour_and_a_cross():
    right, wrong = (show_strip(WORDS, [True, True, True, mark]) for mark in (True, False))
    assert wrong_pixels(right) == 0 and wrong_pixels(wrong) > 500
    assert [t.get_text() for t in wrong.figure.axes[0].texts].count("✕") == 1
    assert "✕" not in [t.get_text() for t in right.figure.axes[0].texts]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_tokens_and_titles(text):
    _, twin = displayed(show_strip([text, "b"], [False, True], title=text, facts=text))
    assert "1 of 2 right; first wrong: position 0" in twin and len(twin) < 400


@CASES
@given(st.lists(st.tuples(st.text(max_size=30), st.sampled_from([None, True, False])), min_size=1))
def test_any_tokens(pairs):
    tokens, right = zip(*pairs, strict=True)
    displayed(show_strip(tokens, right))


def test_right_may_come_from_a_tensor():
    made = Strip("", tuple(WORDS), tuple(torch.tensor([True, False, True, True])))
    assert made.right == (True, False, True, True)
    assert all(isinstance(mark, bool) for mark in made.right)


@pytest.mark.parametrize(
    ("tokens", "right", "says"),
    [
        ((), (), "at least one"),
        (("a", "b"), (True,), "2 entries, one for each token; got 1"),
        ("ab", (True, True), "list of strings, got 'ab'"),
        (("a", 5), (True, True), "list of strings"),
        (("a",), ("yes",), "True, False or None"),
        (("a",), None, "True, False or None for each token, got None"),
        (("a",), True, "got True"),
        (("a", "b"), torch.ones(2, 2), r"got \[\[1.0, 1.0\], \[1.0, 1.0\]\]"),
        (("a", "b"), (np.array([1, 0]), True), "True, False or None"),
        (np.array("a"), (True,), "list of strings"),
    ],
)
def test_what_is_no_strip_is_refused(tokens, right, says):
    with pytest.raises(InputError, match=says):
        Strip("", tokens, right)
    with pytest.raises(InputError, match=says):
        show_strip(tokens, right)


def test_other_bad_arguments_are_refused():
    with pytest.raises(InputError, match="title must be a string"):
        Strip(5, ("a",), (True,))
    for per_row in (0, -1, 2.5, True, None):
        with pytest.raises(InputError, match="per_row"):
            show_strip(["a"], [True], per_row=per_row)
