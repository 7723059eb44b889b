"""The picture of a draw, without a browser: it lands where `draw` lands."""

from __future__ import annotations

import math
import random
import statistics
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mygpt_helpers import DrawWidget, Step, draw, trace
from mygpt_helpers.widgets.draw import DRAWS, US
from tests.widgets.wire import from_browser, twin_of

FOUR = [0.5, 0.3, 0.15, 0.05]


def step_of(probs, u=None):
    probs = torch.as_tensor(probs)
    return Step(torch.tensor([0]), probs.log(), probs, probs > 0, 0, u)


class Fixed(nn.Module):
    def forward(self, ids):
        return torch.tensor(FOUR).log().expand(1, ids.shape[1], 4), None


def landing(widget):
    """Return the name of the row that u lands on, and what the twin says of it."""
    (row,) = [row for row in widget.numbers()["rows"] if row[-1]]
    return row[0], str(widget).splitlines()[0]


weights = st.lists(st.sampled_from([0, 0, 1e-9, 0.1, 1 / 3, 1, 1, 7]), min_size=1, max_size=12)
off = st.sampled_from([1.0, 1 - 5e-4, 1 + 5e-4])  # how far rounding may carry the sum


@settings(max_examples=60, deadline=None)
@given(weights.filter(any), off, st.sampled_from([torch.float32, torch.float64, torch.float16]))
def test_it_lands_where_draw_lands(weights, off, dtype):
    probs = (torch.tensor(weights) / sum(weights) * off).to(dtype)
    widget = DrawWidget(step_of(probs), str, num_bars=3)
    edges = [float(e / widget._ends[-1]) for e in widget._ends]
    near = [math.nextafter(e, to) for e in edges for to in (0, 1)]
    us = [u for u in (*edges, *near, *US[::111], 0.0, math.nextafter(1, 0)) if 0 <= u < 1]
    assert widget._land(us) == [int(draw(probs, u)) for u in us]
    for u in us[:4]:
        widget.u = u
        chosen = int(draw(probs, u))
        name, said = landing(widget)
        shown = [row[0] for row in widget.numbers()["rows"]]
        assert name == (f'"{chosen}"' if f'"{chosen}"' in shown else shown[-1])
        assert f'lands on "{chosen}" (id {chosen})' in said


def test_the_browser_is_sent_every_token_that_a_slider_reaches_and_no_others():
    probs = torch.arange(1.0, 50_001).reciprocal()
    probs = probs[torch.randperm(50_000, generator=torch.Generator().manual_seed(0))]
    widget = DrawWidget(step_of(probs / probs.sum(), u=0.123456), str)
    reach = widget._data["reach"]
    count = len(reach["rows"])
    edges = struct.unpack(f"<{2 * count}d", reach["edges"])
    spans = zip(edges[:count], edges[count:], strict=True)
    known = {int(text): span for (text, _), span in zip(reach["said"], spans, strict=True)}
    for u in (*US[::9], *widget._data["firsts"], 0.123456):
        start, end = known[int(draw(widget._probs, u))]
        assert start <= u * reach["total"] < end
    assert count < 1100 and len(widget._data["counted"]) + len(reach["edges"]) < 60_000
    assert widget.u == 0.123456


@pytest.mark.parametrize("seed", [0, 1, 7, 19])
def test_a_trace_a_loop_and_the_picture_take_the_same_numbers(seed):
    (step,) = trace(Fixed(), torch.tensor([[0]]), 1, generator=random.Random(seed))
    widget = DrawWidget(step, list("ABCD"), seed=seed, draws=1000)
    assert widget.u == step.u == random.Random(seed).random() == widget._data["firsts"][seed]
    assert landing(widget)[0] == f'"{"ABCD"[step.chosen]}"'
    rng, counts = random.Random(seed), [0, 0, 0, 0]
    for _ in range(1000):
        counts[int(draw(step.probs, rng.random()))] += 1
    rows = widget.numbers()["rows"]
    assert [row[3] for row in rows] == counts and rows[0][4] == counts[0] / 1000
    widget.draws = 1
    assert [row[3] for row in widget.numbers()["rows"]][step.chosen] == 1


def test_the_first_number_of_the_seed_stands_in_for_a_step_without_one():
    greedy = trace(Fixed(), torch.tensor([[0]]), 1, top_k=1)[0]
    widget = DrawWidget(greedy, list("ABCD"), seed=2)
    assert widget.u == random.Random(2).random() and landing(widget)[0] == '"A"'


def test_what_is_said():
    widget = DrawWidget(step_of(FOUR, u=0.97), ["a", " b", "c", "d"], num_bars=2, draws=100)
    assert twin_of(widget).splitlines() == [
        'u = 0.970 lands on "d" (id 3), of probability 0.05, one of the 2 others',
        '  "a"       0.000 to 0.500  times  37  prob. 0.500  share 0.370',
        '  "␣b"      0.500 to 0.800  times  33  prob. 0.300  share 0.330',
        "  2 others  elsewhere       times  30  prob. 0.200  share 0.300  < u",
        "After 100 draws with seed 0 the largest gap between share and prob. is 0.130. "
        "About 0.050 is usual for one token.",
        "This u is the step's own number; the counts are the seed's.",
    ]
    from_browser(widget, u=0.5, draws=1)
    assert landing(widget)[0] == '"␣b"' and "One draw, with seed 0." in twin_of(widget)
    assert twin_of(widget).endswith(
        "\nThe bars count what the seed drew. Your u moves only the mark."
    )


@pytest.mark.parametrize("probs", [FOUR, [0.9, 0.07, 0.02, 0.01], [0.01] * 100])
def test_the_usual_gap_is_the_usual_one_and_falls_with_the_root_of_the_draws(probs):
    widget = DrawWidget(step_of(probs), str, num_bars=8)
    usual = []
    for widget.draws in (10, 1000):
        said = []
        for widget.seed in range(20):
            *_, gap, about = widget.numbers()["facts"]
            said.append(gap)
        assert 0.6 * about < statistics.mean(said) < 1.6 * about
        usual.append(about)
    assert usual[0] / usual[1] == pytest.approx(10)


@pytest.mark.parametrize(
    ("step", "options", "says"),
    [
        ([], {}, "at least one Step, got none. A trace without steps .* run trace again"),
        ([1, 2], {}, "must be Steps, as trace returns them; got int"),
        (torch.tensor(FOUR), {}, "got Tensor"),
        (Step, {}, "got the class Step"),
        (step_of([0.5, 0.6]), {}, "sum to 1"),
        (step_of([math.nan, 0.6]), {}, "sum to 1"),
        (step_of(FOUR), {"num_bars": 0}, "num_bars must be a whole number from 1 to 40, got 0"),
        (step_of(FOUR), {"seed": 20}, "seed must be a whole number from 0 to 19, got 20"),
        (step_of(FOUR), {"draws": 0}, "draws must be a whole number from 1 to 1000, got 0"),
        (step_of(FOUR, u=1.0), {}, r"u must be a number in \[0, 1\), got 1.0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(step, options, says):
    with pytest.raises(ValueError, match=says):
        DrawWidget(step, ["a", "b", "c", "d"][: 2 if says == "sum to 1" else 4], **options)


@pytest.mark.parametrize("u", [-0.1, 1, math.nan, "0.5", None, True])
def test_a_number_outside_is_refused(u):
    widget = DrawWidget(step_of(FOUR), str)
    before = widget.u
    with pytest.raises(ValueError, match=r"u must be a number in \[0, 1\), got"):
        widget.u = u
    assert widget.u == before


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="labels must be 4 strings"):
        DrawWidget(step_of(FOUR), ["a"])
    assert DRAWS[-1] == 1000
