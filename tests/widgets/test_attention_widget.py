"""Live attention without a browser: the prompt, the places, and the learner's function."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from mygpt_helpers import AttentionWidget
from mygpt_helpers.pictures.grids import grid_text
from tests.pictures.test_tables import HOSTILE
from tests.widgets.wire import from_browser, twin_of

WORDS = ["I", "love", "some", "beer"]


def attention_of(prompt):
    tokens = prompt.split()
    for token in tokens:
        if token not in WORDS:
            raise ValueError(f"no such token: {token!r}; use {', '.join(WORDS)}")
    T = len(tokens)
    generator = torch.Generator().manual_seed(T)
    scores = torch.randn(2, 3, T, T, generator=generator)
    return tokens, scores.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf).softmax(-1)


def attention(function=attention_of, prompt="I love", **options):
    return AttentionWidget(function, prompt=prompt, num_layers=2, num_heads=3, **options)


def test_attention_sends_all_layers_and_heads_once(sent):
    widget = attention()
    weights = attention_of("I love")[1]
    got = np.frombuffer(widget._answer["weights"], "<f4").reshape(2, 3, 2, 2)
    assert np.isnan(got[:, :, 0, 1]).all()
    assert np.nan_to_num(got) == pytest.approx(weights.numpy())
    sent.clear()
    from_browser(widget, layer=1, head=2)
    assert not any("_answer" in message["state"] for message in sent)
    twin = twin_of(widget)
    assert twin.startswith("layer 1, head 2\nrows: from, columns: looks at\n")
    assert f"{weights[1, 2, 1, 0]:.2f}" in twin and twin.splitlines()[-1].startswith("  love")


def test_a_new_prompt_is_computed_and_a_bad_one_keeps_the_picture():
    widget = attention()
    from_browser(widget, prompt="I love some")
    assert [short for short, _ in widget._answer["labels"]] == ["I", "love", "some"]
    good = widget._answer["weights"]
    from_browser(widget, prompt="I hate some")
    assert widget._answer["error"] == "no such token: 'hate'; use I, love, some, beer"
    assert widget._answer["weights"] == good and widget.prompt == "I hate some"
    assert widget._answer["question"] == {"prompt": "I hate some"}
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == widget._answer["error"] and "image/png" not in data
    from_browser(widget, prompt="beer")
    assert widget._answer["error"] == "" and "beer" in twin_of(widget)


def test_only_what_is_exactly_zero_is_masked():
    def without_mask(prompt):
        return ["a", "b"], torch.full((2, 3, 2, 2), 0.5)

    assert "-" not in grid_text(attention(without_mask).grid).split("\n", 2)[2]


def fails(prompt):
    raise KeyError("no\nsuch")


def fails_at_length(prompt):
    raise ValueError("two\nlines\x00" + "x" * 10_000)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (fails, r"KeyError: 'no\\nsuch'"),
        (fails_at_length, r"^two lines\\x00x+…$"),
        (lambda p: None, r"expected \(tokens, weights\), got NoneType"),
        (lambda p: ("ab", torch.zeros(2, 3, 2, 2)), "list of strings"),
        (lambda p: ([], torch.zeros(2, 3, 0, 0)), "no tokens"),
        (lambda p: (["a"] * 65, torch.zeros(2, 3, 65, 65)), "65 tokens; at most 64"),
        (lambda p: (["a"], torch.ones(2, 1, 1)), r"\(2, 3, 1, 1\), got \(2, 1, 1\)"),
        (lambda p: (["a"], [[1.0]]), "got list"),
        (lambda p: (["a"], torch.full((2, 3, 1, 1), 7.0)), "from 0 to 1"),
        (lambda p: (["a"], torch.full((2, 3, 1, 1), math.nan)), "from 0 to 1"),
        (lambda p: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_wrong_with_the_function_is_one_line(function, says):
    widget = attention(function)
    error = widget._answer["error"]
    assert re.search(says, error) and "\n" not in error and len(error) <= 410
    assert widget._repr_mimebundle_()[0]["text/plain"] == error


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_prompts(text):
    widget = attention()
    widget.prompt = text
    error = widget._answer["error"]
    assert error and len(error) <= 400 and "\n" not in error
    error.encode("utf-8")
    shows_all = attention(
        lambda prompt: (list(prompt)[:9] or ["?"], torch.ones(2, 3, *[len(prompt[:9]) or 1] * 2)),
        prompt=text,
        max_chars=100_000,
    )
    grid_text(shows_all.grid).encode("utf-8")


def test_layers_and_heads_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="layer must be a whole number from 0 to 1, got 2"):
        attention(layer=2)
    widget = attention()
    with pytest.raises(ValueError, match="head must be a whole number from 0 to 2, got 3"):
        widget.head = 3
    with pytest.raises(ValueError, match="num_heads must be a whole number from 1"):
        AttentionWidget(attention_of, prompt="I", num_layers=1, num_heads=0)
