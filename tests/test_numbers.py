"""Wherever a number is taken, numpy's and torch's will do: the same answer, and no warning."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mygpt_helpers import (
    GPT,
    AttentionWidget,
    DistributionWidget,
    GridsWidget,
    LossWidget,
    StepsWidget,
    Strip,
    StripsWidget,
    count_parameters,
    cycle_corpus,
    draw,
    generate,
    get_batch,
    make_grid,
    next_token_probs,
    penalize_repetition,
    show_curves,
    show_grid,
    show_strip,
    summarize,
    to_tokens,
    train,
)
from mygpt_helpers.checks import checked_count, checked_number, checked_numbers
from mygpt_helpers.cycle_runs import cycle_run
from mygpt_helpers.widgets.base import Slider
from tests.examples.widget import SureWidget

pytestmark = pytest.mark.filterwarnings("error")

WHOLE = {
    "numpy scalar": np.int64,
    "numpy 0-d": np.array,
    "numpy of one": lambda n: np.array([n], dtype=np.uint16),
    "torch 0-d": torch.tensor,
    "torch of one": lambda n: torch.tensor([n], dtype=torch.uint8),
}
REAL = {
    "whole": lambda x: torch.tensor(int(x)),
    "numpy half": np.float16,
    "numpy 0-d": np.array,
    "numpy of one": lambda x: np.array([x], dtype=np.float32),
    "bfloat16": lambda x: torch.tensor(x, dtype=torch.bfloat16),
    "float16 of one": lambda x: torch.tensor([x], dtype=torch.float16),
    "parameter": lambda x: nn.Parameter(torch.tensor(x)),
}
LISTS = {
    "range": lambda xs: range(int(xs[0]), int(xs[-1]) + 1),
    "array": lambda xs: np.array(xs, dtype=np.float32),
    "tensor": torch.tensor,
    "bfloat16 with gradients": lambda xs: torch.tensor(xs, dtype=torch.bfloat16).requires_grad_(),
    "tensors with gradients": lambda xs: [nn.Parameter(torch.tensor(x)) for x in xs],
    "all kinds": lambda xs: [make(x) for make, x in zip(REAL.values(), xs, strict=False)],
}
LOGITS, IDS = torch.tensor([3.0, 2.0, 1.0, 0.0]), torch.tensor([0, 1])
PROBS = LOGITS.softmax(dim=-1)
BARS = summarize(LOGITS, PROBS, str)
STRIP = Strip("", [*"abc"], (True, False, True))


def model():
    return GPT(4, 8, 2, 1, max_seq_len=8)


def trained(**sizes):
    torch.manual_seed(0)
    made, sizes = model(), {"batch_size": 2, "seq_len": 2, "steps": 2} | sizes
    return train(made, cycle_corpus(2), torch.optim.SGD(made.parameters(), 0.1), **sizes).losses


def attention(**about):
    sizes = {"num_layers": 2, "num_heads": 2} | about
    weights = torch.eye(1).expand(2, 2, 1, 1)
    return str(AttentionWidget(lambda prompt: (["a"], weights), prompt="x", **sizes))


def grids(start):
    made = [make_grid([[n]], ["r"], ["c"]) for n in (1, 2, 3)]
    return str(GridsWidget(made, {"n": ["1", "2", "3"]}, start=[start]))


def loss_line(step, loss):
    live = LossWidget(4, levels={"level": loss})
    live(step, loss)
    return str(live)


def seeded(function):
    torch.manual_seed(0)
    return function().tolist()


# What takes a whole number, and is given 2.
COUNTS = {
    "top_k": lambda n: next_token_probs(LOGITS, top_k=n).tolist(),
    "ngrams": lambda n: next_token_probs(
        LOGITS, no_repeat_ngram_size=n, previous_ids=torch.tensor([0, 1, 0])
    ).tolist(),
    "new tokens": lambda n: generate(cycle_run(8), IDS[None], n, top_k=1).tolist(),
    "generate's top_k": lambda n: seeded(lambda: generate(cycle_run(8), IDS[None], 3, 1.0, n)),
    "batch_size": lambda n: seeded(lambda: get_batch(cycle_corpus(4), n, 4)[0]),
    "seq_len": lambda n: seeded(lambda: get_batch(cycle_corpus(4), 3, n)[0]),
    "ends": lambda n: generate(
        cycle_run(8), IDS[None], 4, top_k=1, eos_token_id=n, pad_token_id=n
    ).tolist(),
    "cycle_run": lambda n: count_parameters(cycle_run(n + 6)),
    "repeats": lambda n: cycle_corpus(n).tolist(),
    "ids": lambda n: to_tokens([0, n]),
    "sizes": lambda n: GPT(n, n, n, n, n).config,
    "steps": lambda n: trained(steps=n),
    "training sizes": lambda n: trained(batch_size=n, seq_len=n),
    "samples": lambda n: trained(sample_every=n, sample_tokens=n, on_sample=print),
    "num_bars": lambda n: str(summarize(LOGITS, PROBS, str, num_bars=n)),
    "curves' digits": lambda n: str(show_curves([1], {"y": [2]}, x_label="", y_label="", digits=n)),
    "grid's digits": lambda n: str(show_grid([[1]], ["r"], ["c"], digits=n)),
    "per_row": lambda n: str(show_strip([*"abc"], [True, False, True], per_row=n)),
    "slider's top_k": lambda n: str(DistributionWidget(LOGITS, [*"abcd"], knobs="top_k", top_k=n)),
    "slider's bars": lambda n: str(DistributionWidget(LOGITS, [*"abcd"], num_bars=n)),
    "step": lambda n: str(StepsWidget([BARS] * 3, start=n)),
    "strip": lambda n: str(StripsWidget([STRIP] * 3, [*"xyz"], start=n)),
    "length": lambda n: str(StripsWidget([STRIP], ["x"], length=n)),
    "index": grids,
    "sizes of attention": lambda n: attention(num_layers=n, num_heads=n, layer=n - 1, max_chars=n),
    "live step": lambda n: loss_line(n, 0.5),
}
# What takes a number, and is given 1.
NUMBERS = {
    "temperature": lambda x: next_token_probs(LOGITS, temperature=x).tolist(),
    "top_p": lambda x: next_token_probs(LOGITS, top_p=x).tolist(),
    "min_p": lambda x: next_token_probs(LOGITS, min_p=x).tolist(),
    "penalty": lambda x: penalize_repetition(LOGITS, IDS, x).tolist(),
    "all to generate": lambda x: seeded(
        lambda: generate(cycle_run(8), IDS[None], 3, x, top_p=x, min_p=x, repetition_penalty=x)
    ),
    "u": lambda x: draw(PROBS, x * 0.5).tolist(),
    "dropout": lambda x: GPT(4, 8, 2, 1, dropout=x * 0.5).config,
    "slider's knobs": lambda x: DistributionWidget(
        LOGITS, [*"abcd"], knobs=("temperature", "top_p"), temperature=x, top_p=x
    ).numbers(),
    "level": lambda x: str(SureWidget(p=x)),
    "loss": lambda x: loss_line(1, x),
    "marks and levels": lambda x: str(
        show_curves([1], {"y": [2]}, x_label="", y_label="", marks={"m": x}, levels={"l": x})
    ),
}
# What takes several numbers, and is given 1 to 4.
SEVERAL = {
    "x and curves": lambda xs: str(
        show_curves(xs, {"y": xs}, x_label="x", y_label="y", log_y=True)
    ),
    "stops": lambda xs: Slider("s", "s", stops=xs).sent()["stops"],
    "rows of a grid": lambda xs: str(show_grid([xs, xs], [*"ab"], [*"abcd"])),
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("name", COUNTS)
def test_a_whole_number(name, kind):
    assert COUNTS[name](WHOLE[kind](2)) == COUNTS[name](2)


@pytest.mark.parametrize("kind", REAL)
@pytest.mark.parametrize("name", NUMBERS)
def test_a_real_number(name, kind):
    assert NUMBERS[name](REAL[kind](1.0)) == NUMBERS[name](1.0)


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("name", SEVERAL)
def test_several_numbers(name, kind):
    xs = [1.0, 2.0, 3.0, 4.0]
    assert SEVERAL[name](LISTS[kind](xs)) == SEVERAL[name](xs)


def test_an_attribute_that_is_set_later():
    widget = DistributionWidget(LOGITS, [*"abcd"], knobs=("temperature", "top_k"))
    widget.temperature, widget.top_k = nn.Parameter(torch.tensor(0.5)), torch.tensor(2)
    assert (widget.temperature, widget.top_k) == (0.5, 2)
    assert (type(widget.temperature), type(widget.top_k)) == (float, int)
    widget = GridsWidget([make_grid([[n]], ["r"], ["c"]) for n in range(3)], {"n": [*"012"]})
    for index in (torch.tensor([2]), np.array([1]), [torch.tensor(2)]):
        widget.index = index
        assert widget.index == (int(index[0]),) and type(widget.index[0]) is int


def test_several_ends():
    for ends in ([2, 3], torch.tensor([2, 3]), np.array([2, 3]), [torch.tensor(2), np.int8(3)]):
        ids = generate(cycle_run(8), IDS[None], 4, top_k=1, eos_token_id=ends)
        assert ids.tolist() == [[0, 1, 2]]


def test_a_whole_table_of_numbers():
    rows = [[1.0, 2.0], [3.0, 4.0]]
    wanted = str(show_grid(rows, ["a", "b"], ["c", "d"]))
    for values in (np.array(rows), torch.tensor(rows).bfloat16().requires_grad_()):
        assert str(show_grid(values, ["a", "b"], ["c", "d"])) == wanted


def test_one_number_to_draw_with_for_each_row():
    u = [0.1, 0.99]
    for kind in (np.array, torch.tensor, lambda us: torch.tensor(us).requires_grad_()):
        assert draw(PROBS.expand(2, 4), kind(u)).tolist() == [0, 3]


@pytest.mark.parametrize(
    "value", [torch.tensor(True), np.array([False]), torch.tensor(1j), np.complex64(1), "1", None]
)
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match="^x must be a number, got "):
        checked_number("x", value, "a number")
    with pytest.raises(ValueError, match="^x must be a whole number from 1, got "):
        checked_count("x", value)
    with pytest.raises(ValueError, match=r"^x\[1\] must be a number, got "):
        checked_numbers("x", [1.0, value])


def test_many_where_one_is_meant_are_named_by_their_shape():
    with pytest.raises(ValueError, match=r"^x must be a number, got a tensor of shape \(3, 4\)\.$"):
        checked_number("x", torch.zeros(3, 4), "a number")
    with pytest.raises(ValueError, match=r"got a ndarray of shape \(2,\)\.$"):
        checked_count("x", np.ones(2, dtype=int))


@pytest.mark.parametrize("values", ["12", None, 3, torch.tensor(3.0), {1: 2}, torch.ones(2, 2)])
def test_what_is_no_list_of_numbers(values):
    with pytest.raises(ValueError, match="^x must be a list of numbers, got "):
        checked_numbers("x", values)


def test_lists_may_hold_what_is_not_finite():
    assert checked_numbers("x", torch.tensor([1.0, float("inf")])) == [1.0, float("inf")]
    text = str(show_curves([1, 2], {"y": [1, float("nan")]}, x_label="x", y_label="y"))
    assert "2: nan" in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"x": ["a", 2]}, r"^x\[0\] must be a number, got 'a'"),
        ({"curves": {"c": [1, None]}}, r"^curve 'c'\[1\] must be a number, got None"),
        ({"marks": {"m": float("nan")}}, "^the place of 'm' must be a finite number, got nan"),
        ({"digits": -1}, "^digits must be a whole number from 0, got -1"),
    ],
)
def test_a_curve_of_something_else(wrong, said):
    about = {"x": [1, 2], "curves": {"c": [1, 2]}, "x_label": "x", "y_label": "y"}
    with pytest.raises(ValueError, match=said):
        show_curves(**about | wrong)
