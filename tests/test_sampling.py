"""sampling.py against transformers' own processors, on generated cases, and with bad input."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import partial
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from mygpt_helpers import sampling, summarize
from mygpt_helpers.checks import INTEGERS, at_least_float32
from mygpt_helpers.sampling import (
    apply_temperature,
    ban_repeated_ngrams,
    draw,
    entropy,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    next_token_probs,
    penalize_repetition,
)

INF, NAN = math.inf, math.nan
# The same cases on every machine, and no folder of past examples.
CASES = settings(max_examples=700, deadline=None, derandomize=True, database=None)
FEW = settings(CASES, max_examples=150)

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64]
SHAPES = [(), (1,), (3,), (2, 4), (0,)]
KINDS = ["usual", "peaked", "flat", "equal", "tied", "masked", "masked and tied", "wide"]


pytestmark = pytest.mark.usefixtures("one_thread")


def make_logits(kind, shape, dtype, seed):
    """Return logits, shape (..., V), of a kind."""
    g = torch.Generator().manual_seed(seed)
    z = torch.randn(shape, generator=g, dtype=torch.float64) * 3
    if kind == "peaked":
        z[..., seed % shape[-1]] += 10 + seed % 50
    elif kind == "flat":
        z *= 1e-3
    elif kind == "equal":
        z.fill_(float(seed % 7) - 3)
    elif "tied" in kind:
        z = (z / 2).round()
    elif kind == "wide":
        z *= 100
    if "masked" in kind:
        hidden = torch.rand(shape, generator=g) < 0.6
        hidden[..., seed % shape[-1]] = False  # one token stays, at the least
        z = z.masked_fill(hidden, -INF)
    return z.to(dtype)


@st.composite
def cases(draw_):
    """A tensor of logits and all knobs, each of them also left out."""
    vocab_size = draw_(st.integers(1, 8) | st.integers(1, 300))
    shape = (*draw_(st.sampled_from(SHAPES)), vocab_size)
    seed = draw_(st.integers(0, 2**31))
    logits = make_logits(draw_(st.sampled_from(KINDS)), shape, draw_(st.sampled_from(DTYPES)), seed)
    knobs = {"temperature": draw_(st.sampled_from([1, 1.0, 0.7, 2, 0.1]) | st.floats(0.05, 20))}
    probability = st.floats(0.01, 1) | st.sampled_from([0.5, 0.9, 0.95, 0.999])
    for name, values in {
        "top_k": st.integers(1, vocab_size + 3),
        "top_p": probability,
        "min_p": probability | st.sampled_from([0, 1]),
        "repetition_penalty": st.floats(0.3, 3),
    }.items():
        value = draw_(st.none() | values)
        if value is not None:
            knobs[name] = value
    if "repetition_penalty" in knobs:
        num_ids = draw_(st.integers(0, 12))
        g = torch.Generator().manual_seed(seed + 1)
        knobs["previous_ids"] = torch.randint(vocab_size, (*shape[:-1], num_ids), generator=g)
    return logits, knobs


def oracle(logits, knobs):
    """What transformers' processors make of the logits, in its order; (..., V) probabilities.

    Second, the scores that top-p is given.
    """
    rows = logits.to(torch.promote_types(logits.dtype, torch.float32))
    rows = rows.reshape(-1, logits.shape[-1])
    ids = knobs.get("previous_ids")
    ids = None if ids is None else ids.reshape(len(rows), ids.shape[-1])
    if "repetition_penalty" in knobs:
        rows = RepetitionPenaltyLogitsProcessor(float(knobs["repetition_penalty"]))(ids, rows)
    rows = TemperatureLogitsWarper(float(knobs.get("temperature", 1)))(ids, rows)
    if "top_k" in knobs:
        rows = TopKLogitsWarper(knobs["top_k"])(ids, rows)
    before_top_p = rows
    if "top_p" in knobs:
        rows = TopPLogitsWarper(float(knobs["top_p"]))(ids, rows)
    if "min_p" in knobs:
        rows = MinPLogitsWarper(knobs["min_p"])(ids, rows)
    return rows.softmax(dim=-1).reshape(logits.shape), before_top_p.reshape(logits.shape)


def assert_as_transformers(logits, knobs):
    before = logits.clone(), {k: v.clone() for k, v in knobs.items() if torch.is_tensor(v)}
    probs = next_token_probs(logits, **knobs)
    expected, at_top_p = oracle(logits, knobs)

    assert probs.shape == logits.shape
    assert probs.dtype == (torch.float64 if logits.dtype == torch.float64 else torch.float32)
    assert torch.equal(logits, before[0]) and logits.dtype == before[0].dtype
    for name, value in before[1].items():
        assert torch.equal(knobs[name], value)
    assert torch.allclose(probs.sum(-1), torch.ones(()).to(probs), atol=1e-5)

    # How many are kept, and how the mass is spread over them.
    assert torch.equal((probs > 0).sum(-1), (expected > 0).sum(-1))
    assert torch.allclose(sorted_(probs), sorted_(expected), rtol=0, atol=1e-6)
    # Which: the same, but for tokens that tie with one that top-p's edge cut or kept.
    differ = (probs - expected).abs() > 1e-6
    if differ.any():
        assert "top_p" in knobs
        for row in differ.reshape(-1, logits.shape[-1]).any(-1).nonzero().flatten():
            scores = at_top_p.reshape(-1, logits.shape[-1])[row]
            different = differ.reshape(-1, logits.shape[-1])[row]
            assert len(scores[different].unique()) == 1, "cut, although not tied"


def sorted_(x):
    return x.sort(dim=-1).values


@CASES
@given(cases())
def test_any_combination_is_as_in_transformers(case):
    assert_as_transformers(*case)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vocab_size", [1, 2, 3, 50, 1000])
def test_every_kind_of_logits_is_as_in_transformers(vocab_size, kind, dtype):
    settings_ = [
        {"temperature": 0.3},
        {"temperature": 5.0},
        {"top_k": 1},
        {"top_k": 40},
        {"top_p": 0.1},
        {"top_p": 0.5},
        {"top_p": 0.95},
        {"min_p": 0.1},
        {"temperature": 0.7, "top_k": 50, "top_p": 0.9, "min_p": 0.02},
        {"repetition_penalty": 1.3},
        {"repetition_penalty": 0.7, "temperature": 1.5, "top_k": 2, "top_p": 0.6},
    ]
    for number, knobs in enumerate(settings_):
        logits = make_logits(kind, (3, vocab_size), dtype, 1000 * vocab_size + number)
        if "repetition_penalty" in knobs:
            ids = torch.arange(12).reshape(3, 4) * 7 % vocab_size
            knobs = {**knobs, "previous_ids": ids}
        assert_as_transformers(logits, knobs)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_real_vocabulary_is_as_in_transformers(kind, dtype):
    logits = make_logits(kind, (2, 49_152), dtype, 1)
    ids = torch.arange(200).reshape(2, 100) * 101
    for knobs in [
        {"temperature": 0.7, "top_k": 50, "top_p": 0.9},
        {"top_p": 0.9},
        {"top_p": 0.999, "min_p": 0.001},
        {"temperature": 1.3, "min_p": 0.05, "repetition_penalty": 1.2, "previous_ids": ids},
    ]:
        assert_as_transformers(logits, knobs)


@FEW
@given(cases())
def test_the_knobs_compose_by_hand_in_the_same_order(case):
    logits, knobs = case
    scores = logits
    if "repetition_penalty" in knobs:
        scores = penalize_repetition(scores, knobs["previous_ids"], knobs["repetition_penalty"])
    scores = apply_temperature(scores, knobs["temperature"])
    if "top_k" in knobs:
        scores = keep_top_k(scores, knobs["top_k"])
    if "top_p" in knobs:
        scores = keep_top_p(scores, knobs["top_p"])
    if "min_p" in knobs:
        scores = keep_min_p(scores, knobs["min_p"])
    assert torch.equal(scores.softmax(-1), next_token_probs(logits, **knobs))


@FEW
@given(st.sampled_from(KINDS), st.integers(1, 60), st.integers(0, 10**6))
def test_what_each_knob_promises(kind, vocab_size, seed):
    logits = make_logits(kind, (vocab_size,), torch.float32, seed)
    probs = logits.softmax(-1)
    possible = int((probs > 0).sum())
    k = 1 + seed % vocab_size
    kept = keep_top_k(logits, k).isfinite()
    # Nothing that was cut is larger than anything that was kept; a tie can keep more than k.
    assert kept.sum() >= min(k, int(logits.isfinite().sum()))
    if kept.any() and not kept.all():
        assert logits[~kept].max() < logits[kept].min()
    p = 0.05 + seed % 90 / 100
    kept = keep_top_p(logits, p).isfinite()
    assert kept.any() and probs[kept].sum() >= p - 1e-5
    smallest = probs[kept].min()
    assert probs[kept].sum() - smallest <= p + 1e-5, "one fewer would have reached p"
    kept = keep_min_p(logits, p).isfinite()
    assert torch.equal(kept, probs >= p * probs.max()) or possible < len(probs)
    assert kept[logits.argmax()]


@pytest.mark.parametrize("top_p", [1e-3, 1e-9, 1e-30])
@pytest.mark.parametrize("kind", KINDS)
def test_top_p_keeps_at_least_one(kind, top_p):
    logits = make_logits(kind, (3, 200), torch.float32, 11)
    assert (next_token_probs(logits, top_p=top_p) > 0).any(-1).all()
    assert_as_transformers(logits, {"top_p": top_p})


EACH = {
    "temperature": lambda z: apply_temperature(z, 0.5),
    "top_k": lambda z: keep_top_k(z, 2),
    "top_p": lambda z: keep_top_p(z, 0.5),
    "min_p": lambda z: keep_min_p(z, 0.5),
    "repetition_penalty": lambda z: penalize_repetition(z, ids_for(z), 1.5),
}
NEUTRAL = {
    "temperature": lambda z: apply_temperature(z, 1),
    "top_k": lambda z: keep_top_k(z, z.shape[-1]),
    "top_k above V": lambda z: keep_top_k(z, 10**30),
    "top_p": lambda z: keep_top_p(z, 1),
    "min_p": lambda z: keep_min_p(z, 0),
    "repetition_penalty": lambda z: penalize_repetition(z, ids_for(z), 1),
    "no ids": lambda z: penalize_repetition(z, ids_for(z)[..., :0], 2.0),
}


def ids_for(logits):
    rows = logits.shape[:-1] if torch.is_tensor(logits) else ()
    return torch.zeros((*rows, 1), dtype=torch.long)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NEUTRAL)
def test_a_neutral_setting_changes_nothing(name, kind):
    logits = make_logits(kind, (2, 3, 17), torch.float32, 5)
    assert torch.equal(NEUTRAL[name](logits), logits)


def test_all_neutral_settings_together_are_softmax():
    logits = make_logits("usual", (2, 17), torch.float32, 5)
    probs = next_token_probs(
        logits,
        temperature=1,
        top_k=17,
        top_p=1,
        min_p=0,
        repetition_penalty=1,
        previous_ids=ids_for(logits),
    )
    assert torch.equal(probs, logits.softmax(-1))
    assert torch.equal(next_token_probs(logits), logits.softmax(-1))


@pytest.mark.parametrize(
    "step", [*EACH.values(), *NEUTRAL.values()], ids=[*EACH, *(f"neutral {n}" for n in NEUTRAL)]
)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_argument_is_left_alone_and_not_shared(step, dtype):
    logits = make_logits("usual", (2, 5), dtype, 3)
    kept = logits.clone()
    result = step(logits)
    assert result.dtype == torch.promote_types(dtype, torch.float32)
    result.fill_(7)
    assert torch.equal(logits, kept)


def test_half_precision_is_computed_in_float32():
    logits = make_logits("usual", (1000,), torch.float16, 2)
    assert torch.equal(
        next_token_probs(logits, temperature=0.7, top_p=0.9),
        next_token_probs(logits.float(), temperature=0.7, top_p=0.9),
    )


def test_a_batch_of_no_rows_gives_no_rows():
    logits = torch.zeros(0, 5)
    probs = next_token_probs(
        logits, top_k=2, top_p=0.5, min_p=0.1, repetition_penalty=2, previous_ids=ids_for(logits)
    )
    assert probs.shape == (0, 5)
    assert draw(probs, 0.5).shape == entropy(probs).shape == (0,)


def test_the_worked_tables():
    # Lesson 04's table for logits (2, 1, 0), and lesson 05's tie.
    for temperature, expected in {
        1.0: (0.665, 0.245, 0.090),
        0.5: (0.867, 0.117, 0.016),
        2.0: (0.506, 0.307, 0.186),
        100: (0.337, 0.333, 0.330),
    }.items():
        probs = next_token_probs(torch.tensor([2.0, 1.0, 0.0]), temperature=temperature)
        assert probs.tolist() == pytest.approx(expected, abs=6e-4)
    tie = torch.tensor([1.0, 3.0, 3.0])
    assert next_token_probs(tie, top_k=1).tolist() == [0, 0.5, 0.5]
    # A used token twice: penalised once. A positive logit is divided, a negative one multiplied.
    scores = penalize_repetition(torch.tensor([2.0, -2.0, 1.0]), torch.tensor([0, 1, 0]), 2.0)
    assert scores.tolist() == [1, -4, 1]


# ---- bad input: one ValueError that says what was given ----------------------------------------

GOOD = torch.tensor([2.0, 1.0, 0.0, -INF])
NO_NUMBERS = [-1, -0.5, NAN, INF, -INF, "0.7", None, True, [1.0], 1j, 10**400]


@pytest.mark.parametrize("value", [0, 0.0, -0.0, *NO_NUMBERS], ids=repr)
def test_temperature_out_of_range(value):
    for call in (
        lambda: apply_temperature(GOOD, value),
        lambda: next_token_probs(GOOD, temperature=value),
    ):
        with pytest.raises(ValueError, match="temperature") as raised:
            call()
        assert repr(value) in str(raised.value)
        if value in (0, -1, -0.5):
            assert "top_k=1" in str(raised.value)


def test_a_temperature_too_small_for_the_logits():
    with pytest.raises(ValueError, match=r"temperature=1e-39 is too small.*top_k=1"):
        apply_temperature(torch.tensor([2.0, 1.0]), 1e-39)
    # float64 holds it.
    assert apply_temperature(torch.tensor([2.0, 1.0]).double(), 1e-39)[0] == pytest.approx(2e39)
    assert next_token_probs(GOOD, temperature=1e-30).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("value", [1e38, 1e300, 1.7e308, 10**200])
def test_a_huge_temperature_is_uniform_over_what_is_possible(value):
    assert next_token_probs(GOOD, temperature=value).tolist() == pytest.approx([1 / 3] * 3 + [0])


@pytest.mark.parametrize("value", [0, -1, 2.5, 1.0, True, "3", NAN, [2]], ids=repr)
def test_top_k_out_of_range(value):
    for call in (lambda: keep_top_k(GOOD, value), lambda: next_token_probs(GOOD, top_k=value)):
        with pytest.raises(ValueError, match="top_k must be a whole number from 1") as raised:
            call()
        assert repr(value) in str(raised.value)


@pytest.mark.parametrize("value", [0, 0.0, 1.1, 2, *NO_NUMBERS], ids=repr)
def test_top_p_out_of_range(value):
    with pytest.raises(ValueError, match=r"top_p must be (above|a number above)") as raised:
        keep_top_p(GOOD, value)
    assert repr(value) in str(raised.value)
    if value is not None:  # next_token_probs leaves a knob out that is None
        with pytest.raises(ValueError, match="top_p"):
            next_token_probs(GOOD, top_p=value)


@pytest.mark.parametrize("value", [1.1, 2, *NO_NUMBERS], ids=repr)
def test_min_p_out_of_range(value):
    with pytest.raises(ValueError, match=r"min_p must be (from|a number from)") as raised:
        keep_min_p(GOOD, value)
    assert repr(value) in str(raised.value)
    if value is not None:
        with pytest.raises(ValueError, match="min_p"):
            next_token_probs(GOOD, min_p=value)


@pytest.mark.parametrize("value", [0, 0.0, *NO_NUMBERS], ids=repr)
def test_repetition_penalty_out_of_range(value):
    with pytest.raises(ValueError, match="repetition_penalty must be") as raised:
        penalize_repetition(GOOD, torch.tensor([0]), value)
    assert repr(value) in str(raised.value)
    if value is not None:
        with pytest.raises(ValueError, match="repetition_penalty"):
            next_token_probs(GOOD, repetition_penalty=value, previous_ids=torch.tensor([0]))


@pytest.mark.parametrize("logits", [[2.0, -2.0], [0.0, -2.0], [2.0, 2.0]], ids=str)
@pytest.mark.parametrize("value", [1e-40, 1e-300, 1e300])
def test_a_repetition_penalty_that_overflows(value, logits):
    try:
        result = penalize_repetition(torch.tensor(logits), torch.tensor([0, 1]), value)
    except ValueError as error:
        assert re.search("repetition_penalty=.* is too far from 1", str(error))
        assert logits != [2.0, 2.0] or value < 1
    else:
        assert result.isfinite().all(), "0 / 0 is no number"


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (None, "needs previous_ids"),
        ([0, 1], "must be a torch tensor.*got list"),
        (torch.tensor([0.0]), "whole numbers.*got torch.float32"),
        (torch.tensor([True]), "whole numbers.*got torch.bool"),
        (torch.tensor([4]), "from 0 to 3.*got ids from 4 to 4"),
        (torch.tensor([0, -1]), "from 0 to 3.*got ids from -1 to 0"),
        (torch.tensor([[0]]), r"shape \('T',\).*got \(1, 1\)"),
        (torch.tensor(0), r"got \(\)"),
    ],
)
def test_previous_ids_that_do_not_fit(ids, said):
    with pytest.raises(ValueError, match=said):
        next_token_probs(GOOD, repetition_penalty=1.2, previous_ids=ids)


def test_previous_ids_with_other_rows():
    with pytest.raises(ValueError, match=r"shape \(2, 'T'\).*got \(3, 5\)"):
        penalize_repetition(torch.zeros(2, 7), torch.zeros(3, 5, dtype=torch.long), 1.2)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_previous_ids_of_any_whole_type(dtype):
    ids = torch.tensor([0, 2], dtype=dtype)
    assert penalize_repetition(GOOD, ids, 2.0).tolist() == [1, 1, 0, -INF]


ALL = {**EACH, "next_token_probs": next_token_probs}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("logits", "said"),
    [
        ([2.0, 1.0], "must be a torch tensor.*got list"),
        (None, "got NoneType"),
        (np.array([2.0, 1.0]), "got ndarray"),
        (torch.tensor(2.0), r"V >= 1 tokens, got shape \(\)"),
        (torch.zeros(0), r"got shape \(0,\)"),
        (torch.zeros(2, 3, 0), r"got shape \(2, 3, 0\)"),
        (torch.tensor([1.0, NAN]), "NaN"),
        (torch.tensor([[1.0, 2.0], [-INF, NAN]]), "NaN"),
        (torch.tensor([1.0, INF]), "plus infinity"),
        (torch.tensor([-INF, -INF]), "minus infinity throughout"),
        (torch.tensor([[1.0, 2.0], [-INF, -INF]]), "minus infinity throughout"),
        (torch.tensor([1j]), "real numbers"),
    ],
    ids=str,
)
def test_logits_that_give_no_distribution(name, logits, said):
    with pytest.raises(ValueError, match=said):
        ALL[name](logits)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2], ids=str)
def test_quarter_precision_is_computed_in_float32(dtype):
    logits, probs = torch.tensor([1, 2, 4]).to(dtype), torch.tensor([0.5, 0.25, 0.25]).to(dtype)
    for function in ALL.values():
        assert torch.equal(function(logits), function(logits.float()))
    assert entropy(probs) == entropy(probs.float()) and draw(probs, 0.6) == 1


def test_whole_numbers_serve_as_logits():
    assert next_token_probs(torch.tensor([1, 1])).tolist() == [0.5, 0.5]
    assert keep_top_p(torch.tensor([0, 3]), Fraction(1, 2)).tolist() == [-INF, 3]
    assert keep_top_k(torch.tensor([0, 3]), np.int64(1)).tolist() == [-INF, 3]


EVERY_KNOB = {
    "temperature": 0.7,
    "top_k": 3,
    "top_p": 0.9,
    "min_p": 0.1,
    "repetition_penalty": 1.2,
    "no_repeat_ngram_size": 2,
    "previous_ids": torch.tensor([[0, 1], [1, 0]]),
}


def count_checks(monkeypatch, call):
    """Return how often call() has its logits checked, and its ids."""
    counts = []
    for name in ("checked_logits", "checked_ids"):
        check = Mock(wraps=getattr(sampling, name))
        monkeypatch.setattr(sampling, name, check)
        counts.append(check)
    call()
    return [check.call_count for check in counts]


@pytest.mark.parametrize("name", EACH)
def test_a_knob_called_by_itself_checks_once(name, monkeypatch):
    call = partial(EACH[name], make_logits("usual", (2, 5), torch.float32, 3))
    assert count_checks(monkeypatch, call) == [1, int(name == "repetition_penalty")]


def test_all_knobs_together_check_the_logits_and_the_ids_once(monkeypatch):
    call = partial(next_token_probs, make_logits("usual", (2, 5), torch.float32, 3), **EVERY_KNOB)
    assert count_checks(monkeypatch, call) == [1, 1]
    assert count_checks(monkeypatch, partial(next_token_probs, torch.zeros(2, 5))) == [1, 0]


# ---- entropy -----------------------------------------------------------------------------------


@FEW
@given(cases())
def test_entropy_is_as_in_torch(case):
    probs = next_token_probs(case[0].double())
    expected = torch.distributions.Categorical(probs=probs).entropy() if probs.numel() else 0.0
    assert torch.allclose(entropy(probs), torch.as_tensor(expected).to(probs), atol=1e-6)


def test_entropy_at_its_ends():
    assert entropy(torch.tensor([0.0, 1.0, 0.0])) == 0
    for vocab_size in (1, 2, 49_152):
        uniform = torch.full((2, vocab_size), 1 / vocab_size)
        assert entropy(uniform).tolist() == pytest.approx([math.log(vocab_size)] * 2, abs=1e-4)


# ---- draw --------------------------------------------------------------------------------------

ALMOST_1 = math.nextafter(1, 0)


def brute_draw(row, u):
    """Walk along the bars until they add up to more than u."""
    total, last = 0.0, None
    for i, p in enumerate(row):
        if p > 0:
            total, last = total + p, i
            if total > u:
                return i
    return last


@CASES
@given(cases(), st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, ALMOST_1, 0.5]))
def test_draw_walks_along_the_cumulative_distribution(case, u):
    probs = next_token_probs(case[0], **case[1])
    ids = draw(probs, u)
    assert ids.shape == probs.shape[:-1] and ids.dtype == torch.int64
    if not ids.numel():
        return
    assert (probs.gather(-1, ids[..., None]) > 0).all(), "drew a token of probability 0"
    rows = probs.double().reshape(-1, probs.shape[-1])
    for row, chosen in zip(rows / rows.sum(-1, keepdim=True), ids.flatten(), strict=True):
        expected = brute_draw(row.tolist(), u)
        if int(chosen) != expected:  # only where u lies on a border, to within rounding
            low, high = sorted([int(chosen), expected])
            assert row[: low + 1].sum() == pytest.approx(u, abs=1e-12)
            assert row[low + 1 : high].sum() < 1e-12


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_draw_never_takes_a_token_of_probability_0(dtype):
    probs = torch.tensor([0, 0, 0.25, 0, 0.75, 0, 0], dtype=dtype)
    assert draw(probs, 0) == draw(probs, 0.0) == 2
    assert draw(probs, 0.24) == 2
    assert draw(probs, 0.25) == 4, "the first whose cumulative probability exceeds u"
    assert draw(probs, ALMOST_1) == 4


def test_draw_where_the_probabilities_add_up_to_less_or_more_than_1():
    short = torch.full((49_152,), 1 / 49_152).half().float()  # sums to 0.9996 or so
    short = torch.cat([torch.zeros(1), short, torch.zeros(1)])
    assert abs(float(short.double().sum()) - 1) > 1e-5
    assert draw(short, 0.0) == 1 and draw(short, ALMOST_1) == 49_152
    tiny = torch.tensor([1.0, 1e-30, 0.0])  # vanishes beside 1: not drawn, nor what is behind it
    assert draw(tiny, ALMOST_1) == 0
    rare = torch.tensor([1.0, 1e-9, 0.0])  # float32 would lose it; the sum is made in float64
    assert draw(rare, ALMOST_1) == 1


def test_draw_shares_a_missing_rest_among_all():
    # 0.4998 of 0.9992 lies at 0.49940, within the first bar.
    assert draw(torch.tensor([0.4996, 0.4996], dtype=torch.float64), 0.4998) == 0


def test_draw_adds_up_many_small_probabilities_exactly():
    vocab_size = 49_152
    u = (torch.arange(vocab_size)[::1000].double() + 0.5) / vocab_size
    probs = torch.full((len(u), vocab_size), 1 / vocab_size)
    assert draw(probs, u).tolist() == list(range(0, vocab_size, 1000))


def test_draw_takes_one_number_a_row():
    probs = torch.tensor([[[0.5, 0.5, 0], [0, 0.5, 0.5]]]).expand(4, 2, 3)
    u = torch.linspace(0, 0.99, 8).reshape(4, 2)
    ids = draw(probs, u)
    assert ids.shape == (4, 2)
    for b in range(4):
        for t in range(2):
            assert ids[b, t] == draw(probs[b, t], float(u[b, t]))
    assert torch.equal(draw(probs, 0.6), torch.tensor([[1, 2]]).expand(4, 2))
    assert draw(probs[0, 0], torch.tensor(0.6)) == 1


def test_draw_leaves_its_arguments_alone():
    probs, u = torch.tensor([[0.5, 0.5]]), torch.tensor([0.5])
    draw(probs, u)
    assert probs.tolist() == [[0.5, 0.5]] and u.tolist() == [0.5]


def test_frequencies_approach_the_probabilities():
    probs = next_token_probs(make_logits("usual", (12,), torch.float32, 8))
    n = 40_000
    u = torch.rand(n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    counts = draw(probs.expand(n, 12), u).bincount(minlength=12)
    # Five standard deviations.
    assert ((counts / n - probs).abs() <= 5 * (probs * (1 - probs) / n).sqrt() + 1e-9).all()
    # Evenly spaced numbers give the probabilities themselves.
    even = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    counts = draw(probs.expand(n, 12), even).bincount(minlength=12)
    assert torch.allclose(counts / n, probs, atol=2 / n)


@pytest.mark.parametrize(
    ("u", "said"),
    [
        (1, "got 1"),
        (1.0, "got 1.0"),
        (-0.1, "got -0.1"),
        (NAN, "got nan"),
        (INF, "got inf"),
        (True, "got True"),
        ("0.5", "got '0.5'"),
        (None, "got None"),
        ([0.5], r"got \[0.5\]"),
        (10**400, "got 1000"),
        (torch.tensor([0.5, 0.5]), r"one a row, shape \(\); got shape \(2,\)"),
        (torch.tensor(1.0), "got 1.0"),
        (torch.tensor(NAN), "got nan"),
        (1j, "got 1j"),
        (torch.tensor([1j, 0]), "got .*1j"),
        (np.array(["a", "b"]), r"got \['a', 'b'\]"),
        (np.array([None, 0.5]), "got .None, 0.5"),
    ],
    ids=str,
)
def test_a_number_that_is_none_to_draw_with(u, said):
    with pytest.raises(ValueError, match=f"u must be.*{said}"):
        draw(torch.tensor([0.5, 0.5]), u)


@pytest.mark.parametrize("function", [entropy, lambda probs: draw(probs, 0.5)])
@pytest.mark.parametrize(
    ("probs", "said"),
    [
        ([0.5, 0.5], "got list"),
        (None, "got NoneType"),
        (torch.tensor(1.0), r"got shape \(\)"),
        (torch.zeros(2, 0), r"got shape \(2, 0\)"),
        (torch.tensor([0.5, 0.6]), "sum to 1"),
        (torch.tensor([1.5, -0.5]), "0 or more"),
        (torch.tensor([NAN, 1.0]), "sum to 1"),
        (torch.tensor([INF, 0.0]), "sum to 1"),
        (torch.tensor([2.0, 1.0, 0.0]), "softmax"),
        (torch.tensor([[0.5, 0.5], [0.0, 0.0]]), "sum to 1"),
        (torch.tensor([1 + 0j]), "probs must be real numbers, got torch.complex64"),
    ],
    ids=str,
)
def test_what_is_not_a_distribution(function, probs, said):
    with pytest.raises(ValueError, match=said):
        function(probs)


# ---- looking back: n-grams that may not come again ----------------------------------------------


@st.composite
def looking_back(draw_):
    """Logits (..., V), ids (..., T) of few different tokens, so that runs come again, and knobs."""
    vocab_size = draw_(st.integers(1, 6) | st.just(100))
    shape = (*draw_(st.sampled_from([(), (1,), (3,), (2, 4)])), vocab_size)
    seed = draw_(st.integers(0, 2**31))
    dtype = draw_(st.sampled_from(DTYPES))
    logits = make_logits(draw_(st.sampled_from(KINDS)), shape, dtype, seed)
    g = torch.Generator().manual_seed(seed + 1)
    num_ids = draw_(st.integers(0, 30))
    different = draw_(st.integers(1, vocab_size))
    ids = torch.randint(different, (*shape[:-1], num_ids), generator=g)
    n = draw_(st.none() | st.integers(1, 8) | st.just(100))
    penalty = draw_(st.none() | st.floats(0.3, 3))
    return logits, ids, penalty, n


def brute_banned(ids, n):
    """The tokens that would end a run of n that is in ids already, one run after the other."""
    start = ids[len(ids) - n + 1 :] if n > 1 else []
    if len(start) != n - 1:
        return set()
    return {ids[i + n - 1] for i in range(len(ids) - n + 1) if ids[i : i + n - 1] == start}


def by_hand(logits, ids, penalty, n):
    """Apply the knobs that look back one after the other; a knob that is None is left out."""
    if penalty is not None:
        logits = penalize_repetition(logits, ids, penalty)
    if n is not None:
        logits = ban_repeated_ngrams(logits, ids, n)
    return at_least_float32("logits", logits).clone()


@CASES
@given(looking_back())
def test_looking_back_is_as_in_transformers(case):
    logits, ids, penalty, n = case
    kept = logits.clone(), ids.clone()
    rows = logits.to(torch.promote_types(logits.dtype, torch.float32))
    rows = rows.reshape(-1, logits.shape[-1])
    flat = ids.reshape(len(rows), ids.shape[-1])
    if penalty is not None:
        rows = RepetitionPenaltyLogitsProcessor(penalty)(flat, rows)
    if n is not None:
        rows = NoRepeatNGramLogitsProcessor(n)(flat, rows)
    if bool((rows.amax(-1) == -INF).any()):
        with pytest.raises(ValueError, match=f"no_repeat_ngram_size={n} .* no token is left"):
            by_hand(logits, ids, penalty, n)
        return
    result = by_hand(logits, ids, penalty, n)
    assert torch.equal(logits, kept[0]) and torch.equal(ids, kept[1])
    assert result.shape == logits.shape and result.dtype == rows.dtype
    assert torch.allclose(result, rows.reshape(logits.shape), atol=0, rtol=1e-6)
    # The same again by next_token_probs.
    probs = next_token_probs(
        logits,
        temperature=0.7,
        repetition_penalty=penalty,
        no_repeat_ngram_size=n,
        previous_ids=ids,
    )
    assert torch.allclose(probs, (rows / 0.7).softmax(-1).reshape(logits.shape), atol=1e-6)


@FEW
@given(looking_back())
def test_what_is_banned_is_what_a_walk_along_the_ids_finds(case):
    logits, ids, _, n = case
    n = n or 2
    expected = logits.to(torch.promote_types(logits.dtype, torch.float32)).clone()
    rows = expected.view(-1, logits.shape[-1])
    for row, row_ids in zip(rows, ids.reshape(len(rows), ids.shape[-1]).tolist(), strict=True):
        row[list(brute_banned(row_ids, n))] = -INF
    if bool((rows.amax(-1) == -INF).any()):
        with pytest.raises(ValueError, match="no token is left to choose"):
            ban_repeated_ngrams(logits, ids, n)
    else:
        assert torch.equal(ban_repeated_ngrams(logits, ids, n), expected)


def test_the_penalty_comes_before_the_ban():
    # The other way round, a banned token's minus infinity would be penalised: the same numbers.
    # What shows the order is next_token_probs: the ban comes before the temperature and top-k.
    logits, ids = torch.tensor([4.0, 3.0, 2.0]), torch.tensor([0, 1, 0, 1])
    probs = next_token_probs(logits, no_repeat_ngram_size=2, top_k=1, previous_ids=ids)
    assert probs.tolist() == [0, 1, 0], "the top token is banned, so the next one is the top"


def test_ngrams_by_hand():
    logits = torch.tensor([1.0, 2.0, 3.0, 4.0])
    ids = torch.tensor([0, 1, 2, 0, 1])
    assert ban_repeated_ngrams(logits, ids, 1).tolist() == [-INF, -INF, -INF, 4]
    assert ban_repeated_ngrams(logits, ids, 2).tolist() == [1, 2, -INF, 4]
    assert ban_repeated_ngrams(logits, ids, 3).tolist() == [1, 2, -INF, 4]
    for n in (4, 5, 6, 7, 100):
        result = ban_repeated_ngrams(logits, ids, n)
        assert torch.equal(result, logits) and result is not logits
        result.fill_(0)
        assert logits.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("value", [0, -1, 2.5, 1.0, True, "3", NAN, [2]], ids=repr)
def test_no_repeat_ngram_size_out_of_range(value):
    ids = torch.tensor([0])
    for call in (
        lambda: ban_repeated_ngrams(GOOD, ids, value),
        lambda: next_token_probs(GOOD, no_repeat_ngram_size=value, previous_ids=ids),
    ):
        with pytest.raises(ValueError, match="no_repeat_ngram_size must be a whole") as raised:
            call()
        assert repr(value) in str(raised.value)


@pytest.mark.parametrize("knobs", [{"repetition_penalty": 2.0}, {"no_repeat_ngram_size": 2}])
def test_a_knob_that_looks_back_needs_ids(knobs):
    (name,) = knobs
    alone = {
        "repetition_penalty": penalize_repetition,
        "no_repeat_ngram_size": ban_repeated_ngrams,
    }[name]
    for call in (
        lambda: alone(GOOD, None, knobs[name]),
        lambda: next_token_probs(GOOD, **knobs),
    ):
        with pytest.raises(ValueError, match=f"{name} needs previous_ids.*none were given"):
            call()


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([0, 1], "must be a torch tensor.*got list"),
        (torch.tensor([0.0]), "whole numbers.*got torch.float32"),
        (torch.tensor([4]), "from 0 to 3.*got ids from 4 to 4"),
        (torch.tensor([[0]]), r"shape \('T',\).*got \(1, 1\)"),
        (torch.tensor(0), r"got \(\)"),
    ],
)
def test_ids_that_no_ngram_is_in(ids, said):
    with pytest.raises(ValueError, match=said):
        ban_repeated_ngrams(GOOD, ids, 2)


# ---- half precision ----------------------------------------------------------------------------

HALVES = [torch.float16, torch.bfloat16]


def written_out(logits):
    """Softmax as a learner writes it, every step of it rounded."""
    weights = (logits - logits.amax(-1, keepdim=True)).exp()
    return weights / weights.sum(-1, keepdim=True)


@FEW
@given(
    st.sampled_from(HALVES),
    st.sampled_from([2, 7, 300, 49_152]),
    st.sampled_from([0.1, 1.0, 3.0, 8.0]),
    st.sampled_from([lambda z: z.softmax(-1), written_out]),
    st.integers(0, 99),
)
def test_half_precision_is_a_distribution_wherever_one_is_taken(dtype, V, scale, softmax, seed):
    g = torch.Generator().manual_seed(seed)
    logits = (torch.randn(V, generator=g) * scale).to(dtype)
    probs = softmax(logits)
    exact = logits.float().softmax(-1)
    assert abs(float(entropy(probs)) - float(entropy(exact))) < 0.06
    assert 0 <= int(draw(probs, 0.999)) < V
    assert summarize(logits, probs, str).vocab_size == V


@pytest.mark.parametrize("vocab_size", [49_152, 151_936, 262_144])
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_half_precision_over_a_large_vocabulary(vocab_size, dtype):
    """Each probability is so small that its rounding goes the same way."""
    for probs in (torch.full((vocab_size,), 1 / vocab_size).to(dtype), torch.zeros(vocab_size)):
        probs = probs if bool(probs.any()) else (probs + 1.4 / vocab_size).softmax(-1).to(dtype)
        assert float(entropy(probs)) == pytest.approx(math.log(vocab_size), rel=0.02)


@pytest.mark.parametrize(
    ("dtype", "off"),
    [(torch.float64, 0.002), (torch.float32, 0.002), (torch.float16, 0.01), (torch.bfloat16, 0.03)],
    ids=str,
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_dtype_excuses_no_more_than_its_rounding(dtype, off, sign):
    total = 1 + sign * off
    with pytest.raises(ValueError, match=r"sum to 1.*logits\.float\(\)\.softmax"):
        entropy(torch.full((4,), total / 4, dtype=dtype))
