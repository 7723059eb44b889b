"""Attention by hand, without a browser."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mygpt_helpers import HandAttentionWidget
from mygpt_helpers.widgets.hand_attention import STOPS
from tests.pictures.test_tables import HOSTILE
from tests.widgets.wire import from_browser, twin_of

TOKENS, VECTORS = ["cat", "milk", "it"], [(1, 0), (0, 1), (0, 0)]
NUMBERS = st.floats(-100, 100)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=8)


def test_who_is_asked_for_gives_most():
    widget = HandAttentionWidget(TOKENS, VECTORS)
    e = math.exp(3)
    assert [row[-1] for row in widget.numbers()["rows"]] == pytest.approx(
        [e / (e + 2), 1 / (e + 2), 1 / (e + 2)]
    )
    assert "mixture = 0.909 × (1, 0) + 0.045 × (0, 1)" in twin_of(widget)
    from_browser(widget, query=[0, 3])
    assert '  "milk"  (0, 1)   3.00   0.909' in twin_of(widget)
    widget.query = (0, 0)
    assert [row[-1] for row in widget.numbers()["rows"]] == pytest.approx([1 / 3] * 3)
    assert twin_of(widget).endswith("= (0.33, 0.33)")


def test_what_is_found_and_what_is_handed_over_may_differ():
    widget = HandAttentionWidget(["a", "b"], [(1, 0), (-1, 0)], values=[(0, 8), (-4, 0)])
    assert twin_of(widget).splitlines() == [
        "Attention by hand",
        "query: (3, 0)",
        "  token  found by  hands over  score  weight",
        '  "a"      (1, 0)      (0, 8)   3.00   0.998',
        '  "b"     (-1, 0)     (-4, 0)  -3.00   0.002',
        "mixture = 0.998 × (0, 8) + 0.002 × (-4, 0) = (-0.01, 7.98)",
    ]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(pairs=PAIRS, query=st.tuples(*[st.sampled_from(STOPS)] * 2))
def test_the_numbers_are_torchs(pairs, query):
    given = torch.tensor(pairs, dtype=torch.float64)  # (T, 4)
    vectors, values = given[:, :2], given[:, 2:]
    widget = HandAttentionWidget(["t"] * len(pairs), vectors, values=values, query=query)
    scores = vectors @ torch.tensor(query, dtype=torch.float64)  # (T,)
    weights = scores.softmax(dim=-1)
    rows = widget.numbers()["rows"]
    assert [row[-2] for row in rows] == pytest.approx(scores.tolist())
    assert [row[-1] for row in rows] == pytest.approx(weights.tolist(), abs=1e-12)
    said = widget.numbers()["facts"].rpartition("= (")[2].removesuffix(")").split(", ")
    assert [*map(float, said)] == pytest.approx((weights @ values).tolist(), abs=0.0051)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_text_is_drawn(text):
    twin_of(HandAttentionWidget([text] * 8, np.eye(8)[:, :2], query=(-4, 4)))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"tokens": "cat"}, "tokens must be a list of strings, got 'cat'"),
        ({"tokens": []}, "tokens must be 1 to 8 texts, got 0"),
        ({"tokens": ["t"] * 9}, "tokens must be 1 to 8 texts, got 9"),
        ({"vectors": VECTORS[:2]}, "vectors must be 3 pairs of numbers, one for each token; got"),
        ({"vectors": 3}, "vectors must be 3 pairs of numbers"),
        ({"vectors": torch.zeros(3, 3)}, r"vectors\[0\] must be two numbers from -100 to 100"),
        ({"vectors": [(1, 0), 5, (0, 0)]}, r"vectors\[1\] must be a list of numbers, got 5"),
        ({"vectors": [(1, 0), (0, "1"), (0, 0)]}, r"vectors\[1\]\[1\] must be a number, got '1'"),
        ({"values": [(1, 0), (0, math.inf), (0, 0)]}, r"values\[1\] must be two numbers from"),
        ({"values": [(1, 0), (0, 101), (0, 0)]}, r"values\[1\] must be two numbers from"),
        ({"query": (4.25, 0)}, r"query must be two numbers from -4 to 4, got \(4.25, 0\)"),
        ({"query": (math.nan, 0)}, "query must be two numbers from -4 to 4"),
        ({"query": (1, 2, 3)}, "query must be two numbers"),
        ({"query": 3}, "query must be a list of numbers, got 3"),
    ],
)
def test_what_does_not_fit_is_one_message(given, says):
    arguments = {"tokens": TOKENS, "vectors": VECTORS} | given
    with pytest.raises(ValueError, match=says):
        HandAttentionWidget(**arguments)


def test_a_wrong_query_leaves_the_one_before():
    widget = HandAttentionWidget(TOKENS, torch.tensor(VECTORS), query=np.array([1, 2]))
    with pytest.raises(ValueError, match="query must be"):
        widget.query = (9, 9)
    assert widget.query == (1.0, 2.0)
