"""The live distribution without a browser: what it sends, takes and refuses."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from mygpt_helpers import DistributionWidget, next_token_probs
from mygpt_helpers.pictures.distributions import distribution_text, summarize
from mygpt_helpers.widgets.inputs import KNOBS, slider_stops
from tests.widgets.wire import from_browser, twin_of

LOGITS = torch.tensor([0.5, 3.0, -1.0, 2.0, 2.0, -7.0])
LABELS = [" a", "b", "c\n", "$d$", "<e>", "f"]


def softmax_rule(logits: Tensor, temperature: float) -> Tensor:
    return torch.softmax(logits / temperature, dim=-1)


# What it displays as


def test_the_still_picture_says_what_the_sliders_say():
    widget = DistributionWidget(
        LOGITS, LABELS, knobs=("temperature", "top_k"), temperature=0.7, top_k=3, title="T"
    )
    probs = next_token_probs(LOGITS, temperature=0.7, top_k=3)
    setting = "temperature 0.7, top_k 3"
    now = summarize(LOGITS, probs, LABELS.__getitem__, setting=setting, title="T")
    assert twin_of(widget) == distribution_text(now)


def test_a_probability_too_small_for_float32_is_not_cut():
    knobs = {"temperature": 0.01, "top_k": 3}
    logits = 10 * LOGITS
    assert int((next_token_probs(logits, **knobs) > 0).sum()) == 1
    widget = DistributionWidget(logits, LABELS, knobs=tuple(knobs), **knobs)
    twin = twin_of(widget)
    assert f"3 of {len(LOGITS)} tokens kept" in twin
    assert twin.count("cut") == len(LOGITS) - 3


@pytest.mark.parametrize("own", [None, lambda z, temperature: (z / temperature).softmax(dim=-1)])
def test_the_still_picture_shows_what_the_sliders_say_when_it_is_displayed(own):
    widget = DistributionWidget(LOGITS, LABELS, probs_function=own)
    widget.temperature = 0.5
    started_there = DistributionWidget(LOGITS, LABELS, temperature=0.5, probs_function=own)
    twin = widget._repr_mimebundle_()[0]["text/plain"]
    assert "temperature 0.5" in twin
    assert twin == started_there._repr_mimebundle_()[0]["text/plain"]


def test_the_still_picture_of_an_own_function():
    widget = DistributionWidget(
        LOGITS, LABELS, probs_function=lambda z, temperature: z.new_full((6,), 1 / 6)
    )
    data, _ = widget._repr_mimebundle_()
    assert "0.17" in data["text/plain"] and "image/png" in data


def test_an_own_function_that_fails_at_once_is_told_in_one_line():
    data, _ = DistributionWidget(
        LOGITS, LABELS, probs_function=lambda z, **k: 1 / 0
    )._repr_mimebundle_()
    assert "ZeroDivisionError: division by zero" in data["text/plain"]
    assert "\n" not in data["text/plain"] and "image/png" not in data


# What goes to the browser


def test_logits_go_over_once_sorted_as_float32(sent):
    logits = torch.randn(500, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    widget = DistributionWidget(logits, str, knobs=KNOBS, previous_ids=torch.tensor([7, 7, 3]))
    values = np.frombuffer(widget._data["logits"], "<f4")
    assert (values == logits.float().sort(descending=True).values.numpy()).all()
    ranks = np.frombuffer(widget._data["used_ranks"], "<i4")
    assert sorted(values[ranks]) == sorted(logits[[7, 3]].float().tolist())
    sent.clear()
    from_browser(widget, temperature=0.7)
    from_browser(widget, top_k=4)
    assert all("_data" not in message["state"] for message in sent)
    assert {message["method"] for message in sent} <= {"echo_update"}


def test_only_shown_labels_are_computed():
    asked = []
    widget = DistributionWidget(
        torch.arange(1000.0), lambda i: asked.append(i) or f"<{i}>", num_bars=3
    )
    assert asked == [999, 998, 997]
    assert widget._data["labels"] == [["<999>", "<999>"], ["<998>", "<998>"], ["<997>", "<997>"]]


def test_labels_are_visible_short_and_whole():
    widget = DistributionWidget(torch.tensor([2.0, 1.0]), ["x" * 10_000, " \x00\u202e\n"])
    assert widget._data["labels"][0] == ["x" * 23 + "…", "x" * 999 + "…"]
    assert widget._data["labels"][1][0] == "␣\\x00\\u202e⏎"


@pytest.mark.parametrize("knob", KNOBS)
@pytest.mark.parametrize("vocab_size", [1, 3, 50, 51, 49_152])
def test_every_stop_of_a_slider_is_a_value_that_the_rule_takes(knob, vocab_size):
    logits = torch.linspace(-5, 5, vocab_size)
    stops = slider_stops(knob, logits)
    assert stops == sorted(set(stops))
    neutral = {"temperature": 1, "top_k": vocab_size, "top_p": 1, "min_p": 0}.get(knob, 1)
    assert neutral in stops
    for stop in [*stops[:: 1 + vocab_size // 5_000], stops[-1]]:  # of the largest, every tenth
        next_token_probs(logits, **{knob: stop}, previous_ids=torch.tensor([0]))


def test_a_temperature_that_the_logits_cannot_stand_is_no_stop():
    stops = slider_stops("temperature", torch.tensor([1e37, 1.0]))
    assert stops[0] == 0.05 and 1 in stops
    assert slider_stops("temperature", torch.tensor([0.0, -torch.inf]))[0] == 0.01


# Knobs as attributes


def test_knobs_are_attributes_in_plain_numbers():
    widget = DistributionWidget(LOGITS, LABELS, knobs=KNOBS, previous_ids=torch.tensor([1]))
    neutral = {"temperature": 1, "top_k": 6, "top_p": 1, "min_p": 0, "repetition_penalty": 1}
    assert {knob: getattr(widget, knob) for knob in KNOBS} == neutral
    widget.temperature, widget.top_k, widget.top_p = 2, np.int64(3), np.float32(0.5)
    assert [type(getattr(widget, k)) for k in ("temperature", "top_k", "top_p")] == [
        float,
        int,
        float,
    ]
    widget.top_k = None  # a slider has to stand somewhere
    assert widget.top_k == 6
    from_browser(widget, temperature=0.5)
    assert widget.temperature == 0.5


def test_a_knob_that_is_not_shown_still_counts():
    widget = DistributionWidget(LOGITS, LABELS, temperature=0.5, top_p=0.9)
    assert (widget.top_p, widget.top_k, [*widget.numbers()["sliders"]]) == (
        0.9,
        None,
        ["temperature"],
    )
    assert "top_p 0.9" in widget._repr_mimebundle_()[0]["text/plain"]


@pytest.mark.parametrize(
    ("knob", "value", "says"),
    [
        ("temperature", 0, "top_k=1"),
        ("temperature", -1, "above 0"),
        ("temperature", float("nan"), "finite"),
        ("temperature", "hot", "'hot'"),
        ("temperature", None, "None"),
        ("top_k", 0, "whole number from 1"),
        ("top_k", 2.5, "whole number"),
        ("top_p", 0, "above 0"),
        ("top_p", 1.1, "at most 1"),
        ("min_p", -0.1, "from 0 to 1"),
        ("repetition_penalty", 0, "above 0"),
    ],
)
def test_bad_knobs_are_refused_at_the_start_and_later(knob, value, says):
    ids = torch.tensor([0])
    with pytest.raises(ValueError, match=says):
        DistributionWidget(LOGITS, LABELS, **{knob: value}, previous_ids=ids)
    widget = DistributionWidget(LOGITS, LABELS, knobs=(knob,), previous_ids=ids)
    before = getattr(widget, knob)
    with pytest.raises(ValueError, match=says):
        setattr(widget, knob, value)
    assert getattr(widget, knob) == before


@pytest.mark.parametrize(
    ("logits", "says"),
    [
        (torch.tensor([1.0, torch.nan]), "NaN"),
        (torch.full((3,), -torch.inf), "minus infinity"),
        (torch.tensor([]), "V >= 1"),
        (torch.zeros(1, 2, 5), r"\(1, 2, 5\).*logits\[0, -1\]"),
        (torch.tensor(1.0), "shape"),
        ([1.0, 2.0], "torch tensor"),
        (torch.tensor([1e300, 0.0], dtype=torch.float64), "plus infinity"),
    ],
)
def test_bad_logits_are_refused(logits, says):
    with pytest.raises(ValueError, match=says):
        DistributionWidget(logits, str)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["a"], "6 strings.*1 of them"),
        ("abcdef", "got str"),
        (None, "NoneType"),
        ([1, 2, 3, 4, 5, 6], "id 1 has int"),
        (lambda i: None, "NoneType"),
    ],
)
def test_bad_labels_are_refused(labels, says):
    with pytest.raises(ValueError, match=says):
        DistributionWidget(LOGITS, labels)


def test_other_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="temprature"):
        DistributionWidget(LOGITS, LABELS, knobs=("temprature",))
    with pytest.raises(ValueError, match="needs previous_ids"):
        DistributionWidget(LOGITS, LABELS, knobs=("repetition_penalty",))
    with pytest.raises(ValueError, match="from 0 to 5"):
        DistributionWidget(LOGITS, LABELS, previous_ids=torch.tensor([6]))
    for num_bars in (0, -1, 2.5, None):
        with pytest.raises(ValueError, match="num_bars"):
            DistributionWidget(LOGITS, LABELS, num_bars=num_bars)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_float_dtype_also_with_gradients(dtype):
    logits = LOGITS.clone().to(dtype).requires_grad_()
    widget = DistributionWidget(logits, LABELS, num_bars=99)
    assert len(widget._data["labels"]) == 6
    assert np.frombuffer(widget._data["logits"], "<f4")[0] == 3


def test_one_token():
    widget = DistributionWidget(torch.tensor([-4.0]), ["only"])
    assert '"only"  1.00  top' in widget._repr_mimebundle_()[0]["text/plain"]


# The learner's own function


def test_own_function_gets_a_copy_and_the_shown_knobs():
    calls = []

    def rule(logits, **knobs):
        calls.append((logits.tolist(), knobs))
        logits.fill_(0)
        return torch.full((6,), 1 / 6)

    given = LOGITS.clone()
    widget = DistributionWidget(
        given, LABELS, knobs=("temperature", "top_k"), min_p=0.5, probs_function=rule
    )
    widget.top_k = 2
    assert (given == LOGITS).all()
    given.fill_(0)  # the picture shows what it was given
    widget.temperature = 0.5
    assert calls == [
        (LOGITS.tolist(), {"temperature": 1.0, "top_k": 6}),
        (LOGITS.tolist(), {"temperature": 1.0, "top_k": 2}),
        (LOGITS.tolist(), {"temperature": 0.5, "top_k": 2}),
    ]


def test_own_function_answers_with_the_shown_numbers_only(sent):
    logits = torch.randn(1000, generator=torch.Generator().manual_seed(2))
    widget = DistributionWidget(logits, str, probs_function=softmax_rule, num_bars=5)
    sent.clear()
    from_browser(widget, temperature=0.5)
    (answer,) = [m["state"]["_answer"] for m in sent if "_answer" in m["state"]]
    probs = softmax_rule(logits, 0.5)
    top = probs.topk(5).values
    assert answer["after"] == pytest.approx(top.tolist())
    assert answer["rest_mass"] == pytest.approx(1 - float(top.sum()), abs=1e-6)
    assert answer["num_kept"] == 1000 and answer["largest"] == pytest.approx(float(top[0]))
    assert answer["question"] == {"temperature": 0.5} and answer["error"] == ""
    assert len(sent) <= 2  # the answer, and ipywidgets' echo


def raising(logits, temperature):
    raise KeyError("no\nsuch   key")


WRONG = {
    "raises": (
        raising,
        r"raising raised KeyError: 'no\\nsuch key' \(line \d+ of its cell or file\)",
    ),
    "None": (lambda z, temperature: None, "returned None; .*return missing"),
    "a list": (lambda z, temperature: [1.0], "returned list; expected .* shape \\(6,\\)"),
    "shape": (lambda z, temperature: z[None].softmax(-1), r"returned shape \(1, 6\)"),
    "NaN": (lambda z, temperature: z * torch.nan, "NaN"),
    "negative": (lambda z, temperature: z / z.sum(), "negative number, 1?4?"),
    "sum": (lambda z, temperature: z.softmax(-1) * 1.01, r"sum to 1.01; .*softmax"),
    "logits": (lambda z, temperature: z.exp(), "sum to"),
    "infinite": (lambda z, temperature: z.exp() * torch.inf, "sum to inf"),
    "complex": (lambda z, temperature: z.softmax(-1) + 0j, "complex64"),
    "arguments": (lambda z: z, "TypeError"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_one_message_and_the_last_picture_stays(kind, capfd):
    wrong, says = WRONG[kind]
    now = [softmax_rule]
    widget = DistributionWidget(
        LOGITS, LABELS, probs_function=lambda z, **knobs: now[0](z, **knobs)
    )
    good = widget._answer["after"]
    now[0] = wrong
    if kind == "raises":
        widget._rule = wrong
    widget.temperature = 0.5
    error = widget._answer["error"]
    assert re.search(says, error), error
    assert "\n" not in error and len(error) <= 400
    assert widget._answer["after"] == good and widget._answer["question"] == {"temperature": 0.5}
    now[0] = widget._rule = softmax_rule
    widget.temperature = 0.6
    assert widget._answer["error"] == "" and widget._answer["after"] != good
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("error")  # torch warns of a number taken from a tensor with gradients
def test_probabilities_with_gradients_and_half_precision_are_welcome():
    scale = torch.ones(6, requires_grad=True)
    widget = DistributionWidget(
        LOGITS, LABELS, probs_function=lambda z, temperature: (z * scale).softmax(-1)
    )
    assert widget._answer["error"] == ""
    widget = DistributionWidget(
        LOGITS, LABELS, probs_function=lambda z, temperature: z.softmax(-1).half()
    )
    assert widget._answer["error"] == ""


@pytest.mark.parametrize(("dtype", "V"), [(torch.float16, 151_936), (torch.bfloat16, 49_152)])
def test_a_rule_in_half_precision_over_a_whole_vocabulary(dtype, V):
    logits = torch.zeros(V, dtype=dtype)  # every probability is rounded the same way
    probs = logits.softmax(-1)
    assert abs(float(probs.double().sum()) - 1) > 1.5e-3, "a case that needs no tolerance"
    for rule in (None, lambda z, temperature: (z / temperature).softmax(-1)):
        widget = DistributionWidget(logits, str, probs_function=rule)
        assert widget.numbers()["note"] == ""
    wrong = DistributionWidget(logits, str, probs_function=lambda z, temperature: probs * 0.9)
    assert "numbers that sum to 0." in wrong.numbers()["note"]
    assert "half precision as float32 first" in wrong.numbers()["note"]


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2], ids=str)
def test_a_rule_in_quarter_precision(dtype):
    logits, probs = torch.tensor([2.0, 1, 1]).to(dtype), torch.tensor([0.5, 0.25, 0.25]).to(dtype)
    widget = DistributionWidget(logits, str, probs_function=lambda z, temperature: probs)
    assert widget.numbers()["note"] == ""
    assert summarize(logits, probs, str) == summarize(logits.float(), probs.float(), str)
