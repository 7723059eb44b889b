"""One prompt under several strategies, without a browser."""

from __future__ import annotations

import pytest
import torch

from mygpt_helpers import StrategiesWidget, strategies
from mygpt_helpers.continuations import STRATEGIES, Continuation
from mygpt_helpers.widgets.strategies import MOST_CHARS
from tests.pictures.test_tables import HOSTILE
from tests.test_trace import Table
from tests.widgets.wire import from_browser, twin_of

PROMPT = torch.tensor([[2, 3]])


def text_of(ids):
    return "".join("abcdef"[i] for i in ids)


def test_a_seed_shows_its_own_texts_and_numbers():
    found = strategies(Table(), PROMPT, 6, seeds=[4, 9])
    widget = StrategiesWidget(found, text_of, title="T", seed=1)
    for place, seed in [(1, 9), (0, 4)]:
        from_browser(widget, seed=place)
        said = widget.numbers()
        assert said["title"] == f"T: seed {seed}" and said["sliders"] == {"seed": str(seed)}
        here = [x for x in found if x.seed in (seed, None)]
        assert said["rows"] == [
            [x.strategy, x.mean_log_prob, x.repeated, text_of(x.new_ids.tolist())] for x in here
        ]
        assert [name in twin_of(widget) for name in STRATEGIES] == [True] * len(STRATEGIES)


def test_where_nothing_is_drawn_there_is_no_seed():
    widget = StrategiesWidget(strategies(Table(), PROMPT, 3, {"g": {"top_k": 1}}), text_of)
    assert widget.numbers()["sliders"] == {"seed": "none"} and widget.seed == 0


def test_a_long_text_is_cut():
    widget = StrategiesWidget(ONE, lambda ids: "x" * 10_000)
    assert len(widget.numbers()["rows"][0][3]) <= MOST_CHARS


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(text):
    found = strategies(Table(), PROMPT, 2, {text: {"top_k": 1}})
    data = StrategiesWidget(found, lambda ids: text)._repr_mimebundle_()[0]
    assert data["text/plain"].encode() and "image/png" in data


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: StrategiesWidget([], str), "what strategies returned"),
        (lambda: StrategiesWidget([3], str), "what strategies returned"),
        (lambda: StrategiesWidget(3, str), "what strategies returned"),
        (lambda: StrategiesWidget(ONE, lambda ids: 3), "a text must be a string"),
        (lambda: StrategiesWidget(ONE, str, seed=1), "seed must be a whole number from 0 to 0"),
        (lambda: StrategiesWidget([*ONE, *OTHER], str), "'b' has no 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


ONE = [Continuation("a", 1, torch.tensor([0]), -1.0, 0.0)]
OTHER = [Continuation("b", 2, torch.tensor([0]), -1.0, 0.0)]
