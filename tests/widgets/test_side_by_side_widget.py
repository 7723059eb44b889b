"""Distributions side by side without a browser: what the picture says, takes and refuses."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mygpt_helpers import SideBySideWidget, entropy, keep_top_k, next_token_probs, trace
from tests.widgets.wire import from_browser, step_of, twin_of

PEAKED, FLAT = torch.tensor([9.0, 1.0, 1.0, 0.0, -2.0]), torch.tensor([1.0, 1.0, 1.0, 0.5, 0.0])
BOTH = [step_of(PEAKED), step_of(FLAT)]
LABELS = ["a", "b", "c", "d", "e"]


def facts(widget):
    """Return the facts on each panel: {name: value}."""
    rows = [row for row in widget.numbers()["rows"] if len(row) == 2]
    return [dict(rows[i : i + 4]) for i in range(0, len(rows), 4)]


def test_each_panel_has_its_own_numbers_and_one_setting():
    widget = SideBySideWidget(BOTH, LABELS, titles=["left", "right"], temperature=2, top_k=2)
    for step, fact in zip(BOTH, facts(widget), strict=True):
        warm = (step.logits / 2).softmax(-1)
        probs = next_token_probs(step.logits, temperature=2, top_k=2)
        assert fact["kept"][:2] == [3, 5]
        assert fact["mass kept"] == pytest.approx(float(warm[probs > 0].sum()))
        assert fact["top token"] == pytest.approx(float(probs.max()))
        assert fact["entropy"] == pytest.approx([float(entropy(probs))])
    twin = twin_of(widget)
    assert "left, temperature 2, top_k 2\n" in twin and "right, temperature 2, top_k 2\n" in twin


@pytest.mark.parametrize(
    ("logits", "top_k", "kept", "ties"),
    [
        ([2.0, 1.0, 1.0, 0.0], 2, 3, 2),
        ([2.0, 1.0, 1.0, 0.0], 3, 3, 0),  # the tie is inside
        ([2.0, 2.0, 2.0], 1, 3, 3),
        ([1.0, 1.0, 2.0, 2.0], 1, 2, 2),
        ([3.0, 2.0, 1.0], 2, 2, 0),
        ([3.0, 2.0, 1.0], 3, 3, 0),
        ([1.0, -torch.inf, -torch.inf, 0.0], 3, 2, 0),
    ],
)
def test_a_tie_at_the_edge_is_told(logits, top_k, kept, ties):
    widget = SideBySideWidget(step_of(logits), str, top_k=top_k)
    wanted = [kept, len(logits)] if kept < len(logits) else [kept]
    assert facts(widget)[0]["kept"] == wanted + [ties] * bool(ties)
    assert (f"{ties} tokens tie at the edge of top_k" in str(widget)) == bool(ties)


def test_a_rule_in_quarter_precision():
    probs = torch.tensor([0.5, 0.25, 0.25]).to(torch.float8_e5m2)
    widget = SideBySideWidget(step_of([2.0, 1.0, 1.0]), str, probs_function=lambda z, **k: probs)
    assert widget.numbers()["note"] == ""


@given(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, -torch.inf]), min_size=2, max_size=8), st.data()
)
def test_ties_are_what_keeps_more_than_k(logits, data):
    logits = torch.tensor([3.0, *logits])
    top_k = data.draw(st.integers(1, len(logits)))
    (fact,) = facts(SideBySideWidget(step_of(logits), str, top_k=top_k))
    kept = keep_top_k(logits, top_k)
    count = int((kept > -torch.inf).sum())
    assert fact["kept"][0] == count
    at_edge = int((kept == kept[kept > -torch.inf].min()).sum())
    assert fact["kept"][-1] == (at_edge if count > top_k else len(logits))


def test_logits_go_over_sorted_and_once_for_each_panel(sent):
    widget = SideBySideWidget(BOTH, LABELS)
    for part, step in zip(widget._data["parts"], BOTH, strict=True):
        values = np.frombuffer(part["logits"], "<f4")
        assert (values == step.logits.sort(descending=True).values.numpy()).all()
    sent.clear()
    from_browser(widget, top_k=3)
    assert widget.top_k == 3 and all("_data" not in message["state"] for message in sent)


def test_a_trace_of_a_model_and_its_text_for_the_penalty():
    class Toy(torch.nn.Module):
        def forward(self, ids):
            return torch.tensor([2.0, 1.0, 0.0]).expand(1, ids.shape[1], 3), None

    steps = trace(Toy(), torch.tensor([[0]]), 2, generator=random.Random(0))
    widget = SideBySideWidget(steps, "abc".__getitem__, repetition_penalty=2.0)
    for part, step in zip(widget.now(), steps, strict=True):
        probs = next_token_probs(step.logits, repetition_penalty=2.0, previous_ids=step.ids)
        assert part.largest == pytest.approx(float(probs.max()))


def test_mass_is_what_the_kept_ones_had_after_penalty_and_temperature():
    about = {"repetition_penalty": 2.0, "temperature": 0.5, "top_k": 1}
    (fact,) = facts(SideBySideWidget(step_of([2.0, 1.5, 0.0], ids=(0,)), str, **about))
    had = torch.tensor([2.0, 3.0, 0.0]).softmax(-1)
    assert fact["mass kept"] == pytest.approx(float(had[1])) and fact["top token"] == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_float_dtype_also_with_gradients(dtype):
    widget = SideBySideWidget(step_of(FLAT.to(dtype).requires_grad_()), LABELS, top_k=2)
    assert facts(widget)[0]["kept"] == [3, 5, 3]


def test_own_function_is_asked_for_each_panel():
    asked = []

    def rule(logits, temperature, top_k):
        asked.append((logits.tolist(), temperature, top_k))
        return keep_top_k(logits / temperature, top_k).softmax(-1)

    widget = SideBySideWidget(BOTH, LABELS, probs_function=rule, top_k=2)
    assert asked == [(step.logits.tolist(), 1.0, 2) for step in BOTH]
    widget.temperature = 0.5
    same = SideBySideWidget(BOTH, LABELS, temperature=0.5, top_k=2)
    assert twin_of(widget) == twin_of(same) and widget.numbers() == same.numbers()
    assert [part["ties"] for part in widget._answer["parts"]] == [2, 3]


def test_own_function_that_fails_for_one_panel_keeps_the_last_picture():
    def rule(logits, temperature, top_k):
        return logits / 0 if top_k == 1 and logits[0] < 5 else logits.softmax(-1)

    widget = SideBySideWidget(BOTH, LABELS, probs_function=rule)
    good = widget._answer["parts"]
    widget.top_k = 1
    assert "rule returned NaN" in widget.numbers()["note"] and widget._answer["parts"] == good


def test_before_the_first_answer_all_rows_are_there():
    widget = SideBySideWidget(BOTH, LABELS, num_bars=3, probs_function=lambda z, **k: None)
    rows = widget.numbers()["rows"]
    assert len(rows) == 2 * (3 + 1 + 4) and rows[3] == ["2 others", None, ""]
    assert "Is a return missing?" in str(widget)


@pytest.mark.parametrize(
    ("steps", "about", "says"),
    [
        ([], {}, "got none.*interrupted: run trace again"),
        (iter(()), {}, "run trace again"),
        (PEAKED, {}, "steps must be Steps, as trace returns them; got Tensor"),
        (3, {}, "got int"),
        (None, {}, "got NoneType"),
        ("steps", {}, "got str"),
        ([*BOTH, 1], {}, "got int"),
        (BOTH * 2, {}, r"at most 3 of a trace's steps, got 4; choose some: steps\[:3\]"),
        ([BOTH[0], step_of([1.0])], {}, "some of 1 and 5 tokens"),
        ([step_of([1.0, torch.nan])], {}, "NaN"),
        ([step_of([[1.0, 2.0]])], {}, "shape"),
        (BOTH, {"titles": ["one"]}, "titles must be 2, one a step; got 1"),
        (BOTH, {"titles": "ab"}, "titles must be a list of strings"),
        (BOTH, {"knobs": ["topk"]}, "topk"),
        (BOTH, {"temprature": 1.0}, "temprature"),
        (BOTH, {"temperature": 0}, "above 0"),
        (BOTH, {"top_k": 0}, "whole number from 1"),
        (BOTH, {"num_bars": 0}, "num_bars"),
        ([step_of(FLAT, ids=(7,))], {}, "from 0 to 4"),
    ],
)
def test_bad_input_is_one_message(steps, about, says):
    with pytest.raises(ValueError, match=says):
        SideBySideWidget(steps, str, **about)


def test_a_temperature_that_one_of_them_cannot_stand_is_no_stop():
    widget = SideBySideWidget([step_of([1e37, 1.0]), step_of([1.0, 0.0])], str)
    assert widget._sliders[0]["stops"][0] == 0.05
    with pytest.raises(ValueError, match="overflows"):
        widget.temperature = 0.01
