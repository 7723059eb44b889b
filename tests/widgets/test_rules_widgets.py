"""What each rule keeps, and the order of two, without a browser."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from mygpt_helpers import OrderWidget, RulesWidget, Step, trace
from mygpt_helpers.sampling import apply_temperature, keep_min_p, keep_top_k, keep_top_p
from tests.widgets.wire import from_browser, twin_of

PROBS = torch.tensor([0.05, 0.5, 0.3, 0.15])
LABELS = ["tea", "beer", "wine", "milk"]


def step_of(logits, ids=(0,)):
    return Step(torch.tensor(ids), logits, logits.float().softmax(-1), logits > -9e9, 0, None)


STEP = step_of(PROBS.log())


def test_what_each_rule_keeps_by_hand():
    widget = RulesWidget(STEP, LABELS, top_k=3, top_p=0.75, min_p=0.5, title="Drinks")
    lines = [" ".join(line.split()) for line in twin_of(widget).splitlines()]
    assert lines[2:6] == [
        '"beer" 0.50 ✓ kept ✓ kept ✓ kept 0.51',
        '"wine" 0.30 ✓ kept ✓ kept ✓ kept 0.31',
        '"milk" 0.15 ✓ kept ✕ cut ✕ cut 0.15',
        '"tea" 0.05 ↺ used ✕ cut ✕ cut ✕ cut 0.03',
    ]
    assert lines[6] == "kept of 4 3 2 2 4"
    assert lines[7] == "probability kept 0.95 0.80 0.80 1.00"
    from_browser(widget, top_p=0.96)
    assert widget.shown().page["rows"][4] == ["kept of 4", "", "", 3, 4, 2, 4]


def test_it_shows_the_rules_that_are_asked_for():
    cuts = RulesWidget(STEP, LABELS, rules=("top_p", "top_k"), top_p=0.75, top_k=1)
    lines = [" ".join(line.split()) for line in twin_of(cuts).splitlines()]
    assert lines[0] == "temperature 1, top_p 0.75, top_k 1"
    assert lines[1:3] == ["prob. top-p top-k", '"beer" 0.50 ✓ kept ✓ kept']
    assert lines[5:] == [
        '"tea" 0.05 ✕ cut ✕ cut',  # used, which matters to the penalty alone
        "kept of 4 2 1",
        "probability kept 0.80 0.50",
        "Each rule alone, after the temperature.",
    ]
    only = RulesWidget(STEP, LABELS, rules="repetition_penalty", repetition_penalty=2)
    assert list(only.numbers()["sliders"]) == ["temperature", "repetition_penalty"]
    assert only.numbers()["facts"].startswith("The penalty acts before the temperature.")
    assert only.numbers()["rows"][4:] == [["kept of 4", "", "", 4], ["probability kept", "", "", 1]]
    with pytest.raises(ValueError, match="rules must be among top_k, .*; got 'temperature'"):
        RulesWidget(STEP, LABELS, rules=("top_k", "temperature"))


def test_it_looks_back_at_the_steps_own_text_or_another():
    class Fixed(torch.nn.Module):
        def forward(self, ids):
            return PROBS.log().expand(1, ids.shape[1], 4), None

    steps = trace(Fixed(), torch.tensor([[3]]), 2, top_k=1, generator=random.Random(0))
    used = [
        [row[0] for row in RulesWidget(step, LABELS, previous_ids=ids).numbers()["rows"][:4]
         if row[2]]
        for step, ids in ((steps[0], None), (steps[1], None), (steps[1], torch.tensor([2, 2])))
    ]  # fmt: skip
    assert used == [['"milk"'], ['"beer"', '"milk"'], ['"wine"']]
    sent = RulesWidget(steps[1], LABELS)._data["used_ranks"]
    assert np.frombuffer(sent, "<i4").tolist() == [0, 2]


@pytest.mark.parametrize(
    ("first", "second", "values", "kept"),
    [
        ("temperature", "top_p", (2.0, 0.75), (3, 2)),
        ("temperature", "min_p", (2.0, 0.5), (3, 2)),
        ("temperature", "top_k", (2.0, 2), (2, 2)),
        ("top_k", "top_p", (3, 0.83), (2, 3)),
    ],
)
def test_the_order_of_two_rules_by_hand(first, second, values, kept):
    widget = OrderWidget(STEP, LABELS, first=first, second=second, values=values)
    rules = {
        "temperature": apply_temperature,
        "top_k": keep_top_k,
        "top_p": keep_top_p,
        "min_p": keep_min_p,
    }
    one, two = rules[first], rules[second]
    there = [two(one(STEP.logits, values[0]), values[1])]
    there.append(one(two(STEP.logits, values[1]), values[0]))
    assert tuple(int(logits.isfinite().sum()) for logits in there) == kept
    page = widget.numbers()
    assert page["facts"] == [*kept, abs(kept[0] - kept[1])]
    assert page["title"] == f"{first}, then {second}"
    from_browser(widget, swapped=True)
    page = widget.numbers()
    assert page["facts"] == [*kept[::-1], abs(kept[0] - kept[1])]
    assert page["title"] == f"{second}, then {first}"


def test_the_changed_set_is_marked():
    widget = OrderWidget(STEP, LABELS, values=(2.0, 0.75), title="Drinks")
    assert [row[2] for row in widget.numbers()["rows"][:4]] == [
        "✓ kept", "✓ kept", "◆ only this", "✕ cut",
    ]  # fmt: skip
    widget.swapped = True
    assert [row[2] for row in widget.numbers()["rows"][:4]] == [
        "✓ kept", "✓ kept", "◇ only other", "✕ cut",
    ]  # fmt: skip
    assert "Drinks: top_p, then temperature · temperature 2, top_p 0.75" in twin_of(widget)
    assert "Kept by one order alone: 1." in twin_of(widget)


def test_only_what_there_is_is_said():
    widget = OrderWidget(STEP, LABELS, values=(1.0, 0.4))
    assert len(widget.numbers()["rows"]) == 4  # and no row for 0 others
    assert "This order keeps 1 token, the other order 1." in twin_of(widget)
    assert "1 other " in twin_of(OrderWidget(STEP, LABELS, num_rows=3))
    assert widget._sliders[1]["off"] == (1.0, " (off)")


def test_the_outlines_are_the_other_orders_bars():
    page = OrderWidget(STEP, LABELS, values=(2.0, 0.75))
    bars = [bar.get_width() for bar in page.shown().draw().axes[0].patches]
    assert bars == [row[1] for row in page.numbers()["rows"]] + [
        row[3] for row in page.numbers()["rows"]
    ]


@pytest.mark.parametrize("make", [RulesWidget, OrderWidget])
def test_ties_half_precision_and_minus_infinity(make):
    logits = torch.tensor([1.0, -torch.inf, 1.0, 1.0, 0.0, -torch.inf], dtype=torch.float16)
    values = {"values": (1.0, 0.5)} if make is OrderWidget else {"top_p": 0.5, "top_k": 1}
    widget = make(step_of(logits.requires_grad_()), [*"abcdef"], **values)
    rows = widget.numbers()["rows"]
    assert [row[0] for row in rows[:6]] == ['"a"', '"c"', '"d"', '"e"', '"b"', '"f"']
    if make is RulesWidget:
        assert [row[4] for row in rows[:3]] == ["✓ kept", "✓ kept", "✕ cut"]
        assert rows[6][3:] == [3, 2, 4, 4]  # a tie at the edge of top_k stays, of top_p does not
    assert [row[1] for row in rows[4:6]] == [0, 0]


@pytest.mark.parametrize("make", [RulesWidget, OrderWidget])
@pytest.mark.parametrize(
    ("step", "says"),
    [
        ([], "at least one Step, got none.*run trace again"),
        ([STEP, STEP], r"at most 1 of a trace's steps, got 2; choose some: steps\[:1\]"),
        (PROBS, "got Tensor"),
        (Step, "the class Step"),
        (step_of(torch.tensor([torch.nan, 1, 2, 3])), "NaN"),
    ],
    ids=str,
)
def test_what_is_no_step_is_refused(make, step, says):
    with pytest.raises(ValueError, match=says):
        make(step, LABELS)


def test_other_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="4 strings"):
        RulesWidget(STEP, ["a"])
    with pytest.raises(ValueError, match="num_rows must be a whole number from 1"):
        OrderWidget(STEP, LABELS, num_rows=0)
    with pytest.raises(ValueError, match="from 0 to 3"):
        RulesWidget(STEP, LABELS, previous_ids=torch.tensor([4]))
    with pytest.raises(ValueError, match="torch tensor"):
        RulesWidget(STEP, LABELS, previous_ids=[1])
    for knob, bad in [("temperature", 0), ("top_k", 0), ("top_k", "a"), ("top_p", 0),
                      ("min_p", 1.1), ("repetition_penalty", 0)]:  # fmt: skip
        with pytest.raises(ValueError, match=f"{knob} must be"):
            RulesWidget(STEP, LABELS, **{knob: bad})
    for rules in (("top_p", "top_p"), ("top_p", "topk"), ("top_p", None), (["top_k"], "top_p")):
        with pytest.raises(ValueError, match="two of temperature, top_k, top_p, min_p"):
            OrderWidget(STEP, LABELS, first=rules[0], second=rules[1])
    for bad, says in [((1,), "two numbers"), (3, "two numbers"), ((0, 0.5), "temperature must be")]:
        with pytest.raises(ValueError, match=says):
            OrderWidget(STEP, LABELS, values=bad)
    widget = OrderWidget(STEP, LABELS)
    with pytest.raises(ValueError, match="top_p must be"):
        widget.values = (1.0, 2.0)
    assert widget.values == (2.0, 0.9)


def test_a_large_top_k_counts_as_all():
    assert RulesWidget(STEP, LABELS, top_k=50).top_k == 4
    assert OrderWidget(STEP, LABELS, first="top_k").values == (4, 0.9)


@pytest.mark.parametrize("make", [RulesWidget, OrderWidget])
def test_logits_are_sent_once_and_labels_are_few(make, sent):
    logits = torch.randn(151_936, generator=torch.Generator().manual_seed(0))
    asked = []
    widget = make(step_of(logits), lambda i: asked.append(i) or str(i), num_rows=3)
    assert asked == logits.topk(3).indices.tolist()
    assert len(widget._data["logits"]) == 4 * 151_936
    sent.clear()
    from_browser(widget, **({"values": [1.0, 0.5]} if make is OrderWidget else {"top_p": 0.5}))
    assert all("_data" not in message["state"] for message in sent)
