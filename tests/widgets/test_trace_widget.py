"""A trace under a slider, and a text by how likely it was, without a browser."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from mygpt_helpers import LikelihoodWidget, TraceWidget, trace
from mygpt_helpers.pictures.traces import percent, window
from tests.widgets.runs import LABELS, MODEL, Toy, run
from tests.widgets.wire import from_browser, twin_of

KINDS = [TraceWidget, LikelihoodWidget]


def test_a_step_shows_the_text_so_far_its_mask_the_scores_and_the_choice():
    widget = TraceWidget(run(3), LABELS, num_rows=3, title="Toy")
    assert twin_of(widget).splitlines() == [
        "Toy: 1 token given, 0 written",
        "  position 0  a ◆ c⏎",
        "        mask  1",
        '  "a"   0.50  top',
        '  "␣b"  0.25',
        '  "c⏎"  0.12  chosen',
        'chosen: "c⏎", probability 0.125, rank 3; u 0.844',
    ]
    from_browser(widget, step=1)
    assert twin_of(widget).splitlines()[1:3] == [
        "  position 0  a c⏎ ◆ <d>",
        "        mask  1 1",
    ]
    for wrong in (3, -1, 0.5):
        with pytest.raises(ValueError, match="step must be a whole number from 0 to 2"):
            widget.step = wrong


def test_the_probability_is_that_of_the_draw_and_the_rank_is_the_models():
    steps = run(1, temperature=0.5, top_k=3)
    said = TraceWidget(steps, LABELS).numbers()
    both = "0.190 (0.250 by the model alone)"
    assert said["facts"] == f'chosen: "␣b", probability {both}, rank 2; u 0.844'
    states = {row[0]: row[2] for row in said["rows"][2:]}
    assert states == {
        '"a"': "▲ top",
        '"␣b"': "◆ chosen",
        '"c⏎"': "",
        '"<d>"': "✕ cut",
        '"e"': "✕ cut",
    }


def test_a_greedy_step_shows_what_it_was_chosen_from():
    said = TraceWidget(run(1, top_k=1), LABELS).numbers()
    why = "greedy: only the top token could be chosen"
    assert said["facts"] == f'chosen: "a", probability 0.500 by the model, rank 1; {why}'
    assert [row[1] for row in said["rows"][2:]] == pytest.approx([0.5, 0.25, 0.125, 0.1, 0.025])


def test_a_chosen_token_that_is_not_among_the_top_takes_the_last_row():
    rows = TraceWidget(run(1), LABELS, num_rows=2).numbers()["rows"][2:]
    assert rows == [['"a"', 0.5, "▲ top"], ['"c⏎"', 0.125, "◆ chosen"], ["3 others", 0.375, ""]]


def test_the_rank_of_equal_scores_is_that_of_the_lowest_id_first():
    model = Toy(torch.zeros(4, 4))
    for forced, rank in ((0, 1), (3, 4)):
        step = replace(trace(model, torch.tensor([[0]]), 1, top_k=1)[0], chosen=forced)
        assert f"rank {rank}" in TraceWidget(step, str).numbers()["facts"]


@pytest.mark.parametrize("given", [1, 9, 10, 11, 19, 20, 45])
def test_of_a_long_text_the_last_tokens_are_shown(given):
    widget = TraceWidget(run(15, [0] * given), LABELS)
    for step in range(15):
        widget.step = step
        page, length = widget.numbers(), given + step
        tiles = [row for row in page["rows"] if row[0].startswith("position")]
        first = window(length + 1)
        assert [int(row[0].split()[1]) for row in tiles] == [*range(first, length + 1, 10)]
        assert sum(len(row) - 1 for row in tiles) == length + 1 - first <= 20
        assert tiles[-1][-1].startswith("◆")
        masks = [row for row in page["rows"] if row[0] == "mask"]
        assert sum(len(row) - 1 for row in masks) == length - first
        assert (f"… {first} before" in page["title"]) == (first > 0)


def test_a_text_by_how_likely_it_was():
    widget = LikelihoodWidget(run(3), LABELS, num_alternatives=2, title="Toy")
    assert twin_of(widget).splitlines() == [
        "Toy",
        "given: a",
        '  "c⏎"   0.12  rank 3',
        '  "<d>"  0.25  rank 2',
        '  "<d>"  0.50  rank 1',
        "3 tokens written: mean log-probability -1.39, 33% the model's top token",
        'token 1: "c⏎", probability 0.125, rank 3 of 5',
        '  "a"   0.50  top',
        '  "c⏎"  0.12  chosen',
    ]
    from_browser(widget, token=2)
    assert 'token 3: "<d>", probability 0.500, rank 1 of 5' in twin_of(widget)
    assert math.log(0.125 * 0.25 * 0.5) / 3 == pytest.approx(-1.39, abs=0.005)
    for wrong in (3, -1):
        with pytest.raises(ValueError, match="token must be a whole number from 0 to 2"):
            widget.token = wrong


def test_a_text_is_judged_by_the_model_alone_whatever_the_knobs():
    steps = run(3, temperature=0.5, top_k=2)
    probs = [float(s.logits.softmax(-1)[s.chosen]) for s in steps]
    twin = LikelihoodWidget(steps, LABELS).shown().text
    for prob in probs:
        assert f" {prob:.2f}  rank" in twin


@pytest.mark.parametrize(
    ("prob", "says"),
    [
        (0, "0%"),
        (1e-9, "<1%"),
        (0.0049, "<1%"),
        (0.0051, "1%"),
        (0.5, "50%"),
        (0.999, ">99%"),
        (1, "100%"),
    ],
)
def test_a_percentage_is_never_0_or_100_for_what_is_neither(prob, says):
    assert percent(prob) == says


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_trace_sends_few_numbers(kind):
    scores = torch.randn(7, 7, generator=torch.Generator().manual_seed(0))
    wide = torch.cat([scores, torch.full((7, 20_000), -9.0)], dim=1)
    steps = trace(Toy(wide), torch.zeros(1, 500, dtype=torch.long), 40, top_k=1)
    widget = kind(steps, str)
    assert len(repr(widget._data)) < 100_000
    assert len(repr(widget)) < 10_000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([], "interrupted: run trace again"),
        (None, "must be Steps, as trace returns them; got NoneType"),
        ("text", "got str"),
        ([1, 2], "got int"),
        (torch.zeros(3), "got Tensor"),
        (MODEL, "got Toy"),
        (run(2) + run(2), "step 2 does not go on from step 1"),
        (run(3)[::-1], "of one run"),
        (
            run(1) + trace(Toy(torch.zeros(3, 3)), torch.tensor([[0]]), 1),
            "some of 3 and 5 tokens.*two models",
        ),
    ],
)
def test_what_is_no_run_is_refused(kind, steps, says):
    with pytest.raises(ValueError, match=says):
        kind(steps, LABELS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [LABELS[:4], "abcde", None, [1, 2, 3, 4, 5]])
def test_labels_that_do_not_fit_are_refused(kind, labels):
    with pytest.raises(ValueError, match="labels must be"):
        kind(run(2), labels)


@pytest.mark.parametrize("count", [0, -1, 1.5, "3"])
def test_a_number_of_rows_is_a_whole_number(count):
    with pytest.raises(ValueError, match="num_rows must be a whole number from 1"):
        TraceWidget(run(1), LABELS, num_rows=count)
    with pytest.raises(ValueError, match="num_alternatives must be a whole number from 1"):
        LikelihoodWidget(run(1), LABELS, num_alternatives=count)


@pytest.mark.parametrize("kind", KINDS)
def test_part_of_a_run_and_one_step_are_shown_too(kind):
    steps = run(4)
    assert "given" in kind(steps[2:], LABELS.__getitem__).shown().text
    assert kind(steps[1], LABELS).shown().text
