"""From logits to a distribution to a choice.

Every function here is pure: tensors in, new tensors out, arguments left alone. Shapes are written
(..., V): any leading dimensions (batch, position), then one logit for each of V tokens. Bad input
raises ValueError, with what was given and what was expected. All is computed in at least float32.
A knob is a number, Python's, numpy's or torch's; no gradient flows through it.

The knobs are applied in the order transformers applies them: repetition penalty, n-grams that may
not come again, temperature, top-k, top-p, min-p.

A knob is two functions. The first is yours to call, and checks the logits. The second, below it, is
the rule, which looks at no number before it computes. So next_token_probs checks once at the door,
applies rule after rule, and looks once at what is left: each look makes an accelerator wait.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from .checks import checked_count, checked_ids, checked_logits, checked_number, checked_probs, plain
from .errors import InputError


def next_token_probs(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    no_repeat_ngram_size: int | None = None,
    previous_ids: Tensor | None = None,
) -> Tensor:
    """Return the distribution that the next token is drawn from, for any combination of knobs.

    logits: (..., V). previous_ids: (..., T), every id so far, the prompt included; needed for
    repetition_penalty and no_repeat_ngram_size. A knob that is None is left out. Returns
    probabilities, (..., V), that sum to 1. Raises ValueError for a knob out of range. Built up in
    lessons 04 to 06.
    """
    knobs = {
        "repetition_penalty": repetition_penalty,
        "no_repeat_ngram_size": no_repeat_ngram_size,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
    }
    given = {name: knob for name, knob in knobs.items() if knob is not None or name in ALWAYS}
    return _checked_and_applied(logits, previous_ids, **given).softmax(dim=-1)  # (..., V)


def apply_knobs(logits: Tensor, previous_ids: Tensor | None, knobs: Mapping[str, float]) -> Tensor:
    """Return logits (..., V) after the knobs, {name: value}, without a look at any number.

    Both tensors have been checked; knobs in the order of RULES. Whether a token is left to choose,
    check_choice tells. Used by generate for each token. Built in lesson 06.
    """
    for name, knob in knobs.items():
        logits = RULES[name](logits, knob, previous_ids)
    return logits


def check_choice(
    after: Tensor, logits: Tensor, previous_ids: Tensor | None, knobs: Mapping[str, float]
) -> None:
    """Raise ValueError where no token can be chosen from apply_knobs' result; say which knob it is.

    after, logits: (..., V), the result and what it was made from; the rest as for apply_knobs.
    """
    if bool(after.amax(dim=-1).isfinite().all()):  # NaN and plus infinity come out on top, too
        return
    checked_logits(logits)
    for name, knob in knobs.items():
        logits = apply_knobs(logits, previous_ids, {name: knob})
        if not bool(logits.amax(dim=-1).isfinite().all()):
            raise InputError(f"{name}={knob!r} {BROKEN[name].format(dtype=logits.dtype)}")


def _checked_and_applied(logits: Tensor, previous_ids: Tensor | None, **knobs: float) -> Tensor:
    logits = checked_logits(logits)
    looking_back = [name for name in LOOKING_BACK if name in knobs]
    if looking_back and previous_ids is None:
        raise InputError(
            f"{looking_back[0]} needs previous_ids, the (..., T) ids so far; none were given."
        )
    ids = checked_ids(previous_ids, logits) if looking_back else None  # (..., T)
    after = apply_knobs(logits, ids, knobs)
    check_choice(after, logits, ids, knobs)
    return after


def penalize_repetition(logits: Tensor, previous_ids: Tensor, repetition_penalty: float) -> Tensor:
    """Make tokens that were already used less likely (penalty above 1) or more likely (below 1).

    logits: (..., V); previous_ids: (..., T), integers from 0 to V - 1, with the same leading
    dimensions. A used token's positive logit is divided by the penalty, a negative one multiplied;
    how often it was used makes no difference. Returns (..., V). Raises ValueError for a penalty
    that is not above 0, and for ids of another shape or range. Built in lesson 06. Source: Keskar
    et al. 2019, sec. 4.1.
    """
    return _checked_and_applied(logits, previous_ids, repetition_penalty=repetition_penalty)


def _penalize(logits: Tensor, repetition_penalty: float, ids: Tensor) -> Tensor:
    penalty = checked_number("repetition_penalty", repetition_penalty, "a finite number above 0")
    if penalty <= 0:
        raise InputError(
            f"repetition_penalty must be above 0, got {repetition_penalty!r}; 1.0 changes nothing."
        )
    used = logits.gather(-1, ids)  # (..., T)
    penalized = torch.where(used < 0, used * penalty, used / penalty)
    overflown = used.isfinite() & ~penalized.isfinite()
    penalized = penalized.masked_fill(overflown, math.nan)  # for check_choice to find
    return logits.scatter(-1, ids, penalized)  # (..., V)


def ban_repeated_ngrams(logits: Tensor, previous_ids: Tensor, no_repeat_ngram_size: int) -> Tensor:
    """Set to minus infinity each token that would complete a run of n ids that was there before.

    logits: (..., V); previous_ids: (..., T), integers from 0 to V - 1, with the same leading
    dimensions; no_repeat_ngram_size: n, a whole number from 1. Returns (..., V). Raises ValueError
    for an n below 1, for ids of another shape or range, and where no token is left. Built in lesson
    06. Source: Paulus, Xiong and Socher 2017, sec. 2.5.
    """
    return _checked_and_applied(logits, previous_ids, no_repeat_ngram_size=no_repeat_ngram_size)


def _ban(logits: Tensor, no_repeat_ngram_size: int, ids: Tensor) -> Tensor:
    n = checked_count("no_repeat_ngram_size", no_repeat_ngram_size)
    if ids.shape[-1] < n:
        return logits.clone()
    runs = ids.unfold(-1, n, 1)  # (..., T - n + 1, n): every run of n ids so far
    last = ids[..., None, ids.shape[-1] - n + 1 :]  # (..., 1, n - 1): what the next one continues
    again = (runs[..., :-1] == last).all(dim=-1)  # (..., T - n + 1)
    banned = torch.zeros_like(logits, dtype=torch.bool)
    banned = banned.scatter_add(-1, runs[..., -1], again)  # (..., V)
    return logits.masked_fill(banned, -math.inf)


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Divide the logits by the temperature: below 1 sharpens the distribution, above 1 flattens it.

    logits: (..., V); temperature: above 0. Returns (..., V). Raises ValueError for a temperature
    that is not a finite number above 0, or so small that the logits overflow. Built in lesson 04.
    Source: Ackley, Hinton and Sejnowski 1985; Guo et al. 2017, sec. 4.2.
    """
    return _checked_and_applied(logits, None, temperature=temperature)


def _divide(logits: Tensor, temperature: float, ids: Tensor | None = None) -> Tensor:
    value = checked_number("temperature", temperature, "a finite number above 0")
    if value <= 0:
        raise InputError(
            f"temperature must be above 0, got {temperature!r}. To always take the top token "
            "(greedy), use top_k=1 instead."
        )
    # Not above the largest number of the dtype: minus infinity divided by infinity would be NaN.
    return logits / min(value, torch.finfo(logits.dtype).max)


def keep_top_k(logits: Tensor, top_k: int) -> Tensor:
    """Set all but the top_k largest logits to minus infinity.

    logits: (..., V); top_k: a whole number from 1; above V it keeps everything. Logits equal to the
    k-th largest stay too, so a tie can keep more than k (as in transformers). Returns (..., V).
    Raises ValueError for a top_k below 1 or not whole. Built in lesson 05. Source: Fan et al. 2018,
    sec. 5.4.
    """
    return _checked_and_applied(logits, None, top_k=top_k)


def _top_k(logits: Tensor, top_k: int, ids: Tensor | None = None) -> Tensor:
    k = min(checked_count("top_k", top_k, "; 1 is greedy"), logits.shape[-1])
    smallest_kept = logits.topk(k, dim=-1).values[..., -1:]  # (..., 1)
    return logits.masked_fill(logits < smallest_kept, -math.inf)


def keep_top_p(logits: Tensor, top_p: float) -> Tensor:
    """Keep the smallest set of most likely tokens whose probabilities reach top_p (the nucleus).

    logits: (..., V); top_p: above 0, at most 1; 1 changes nothing. At least one token stays. The
    rest is set to minus infinity. Returns (..., V). Raises ValueError for a top_p out of range.
    Built in lesson 06. Source: Holtzman et al. 2020, sec. 3.1.
    """
    return _checked_and_applied(logits, None, top_p=top_p)


def _top_p(logits: Tensor, top_p: float, ids: Tensor | None = None) -> Tensor:
    p = checked_number("top_p", top_p, "a number above 0, at most 1")
    if not 0 < p <= 1:
        raise InputError(f"top_p must be above 0 and at most 1, got {top_p!r}; 1 keeps everything.")
    if p == 1:
        return logits.clone()
    # Adding up from the least likely: what stays within 1 - p is the tail that goes.
    ascending, order = logits.sort(dim=-1)  # (..., V) each
    removed = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - p  # (..., V) bool, sorted
    removed[..., -1] = False
    removed = removed.scatter(-1, order, removed)  # back in the tokens' own order
    return logits.masked_fill(removed, -math.inf)


def keep_min_p(logits: Tensor, min_p: float) -> Tensor:
    """Keep the tokens that are at least min_p times as likely as the most likely one.

    logits: (..., V); min_p: from 0 to 1; 0 changes nothing, 1 keeps the top token and its ties. The
    rest is set to minus infinity. Returns (..., V). Raises ValueError for a min_p out of range.
    Built in lesson 06. Source: Nguyen et al. 2024, sec. 3.
    """
    return _checked_and_applied(logits, None, min_p=min_p)


def _min_p(logits: Tensor, min_p: float, ids: Tensor | None = None) -> Tensor:
    p = checked_number("min_p", min_p, "a number from 0 to 1")
    if not 0 <= p <= 1:
        raise InputError(f"min_p must be from 0 to 1, got {min_p!r}; 0 keeps everything.")
    probs = logits.softmax(dim=-1)  # (..., V)
    return logits.masked_fill(probs < p * probs.amax(dim=-1, keepdim=True), -math.inf)


# Each knob's rule, called as rule(logits, knob, previous_ids), in the order in which they apply.
RULES = {
    "repetition_penalty": _penalize,
    "no_repeat_ngram_size": _ban,
    "temperature": _divide,
    "top_k": _top_k,
    "top_p": _top_p,
    "min_p": _min_p,
}
LOOKING_BACK = ("repetition_penalty", "no_repeat_ngram_size")
ALWAYS = ("temperature",)  # None is no temperature
BROKEN = {  # what to say where a rule leaves nothing to choose from
    "repetition_penalty": "is too far from 1 for these logits: the result overflows {dtype}.",
    "no_repeat_ngram_size": "bans every token that a row had: no token is left to choose.",
    "temperature": (
        "is too small for these logits: dividing by it overflows {dtype}. To always take the top "
        "token (greedy), use top_k=1 instead."
    ),
}


def entropy(probs: Tensor) -> Tensor:
    """Return how unsure a distribution is, in nats: 0 if one token is certain, log V if all V tie.

    probs: (..., V), summing to 1. Returns (...). Raises ValueError for what is not a distribution.
    Built in lesson 01. Source: Shannon 1948, sec. 6.
    """
    return torch.special.entr(checked_probs(probs)).sum(dim=-1)


def draw(probs: Tensor, u: float | Tensor) -> Tensor:
    """Draw a token: the first whose cumulative probability exceeds the uniform number u.

    probs: (..., V), summing to 1; u: a number in [0, 1), or a tensor or an array (...) of them, one
    a row. Returns ids, (...), int64. The same u gives the same token on every machine, and a token
    of probability 0 is never drawn. Raises ValueError for what is not a distribution or not in
    [0, 1). Built in lesson 03. Source: inverse transform sampling, Devroye 1986, ch. 2.
    """
    probs = checked_probs(probs)
    device, probs = probs.device, probs.cpu().double()  # Apple's accelerators have no float64
    u = plain(u)
    expected = "a number in [0, 1) or a tensor of them"
    u = u.tolist() if isinstance(u, Tensor | np.ndarray) else checked_number("u", u, expected)
    try:
        u = torch.tensor(u, dtype=torch.float64, device="cpu")
    except (TypeError, ValueError, RuntimeError):  # texts, say, or complex numbers
        raise InputError(f"u must be {expected}, got {u!r:.80}.") from None
    if u.ndim and u.shape != probs.shape[:-1]:
        raise InputError(
            f"u must be one number, or one a row, shape {tuple(probs.shape[:-1])}; "
            f"got shape {tuple(u.shape)}."
        )
    if not bool(((u >= 0) & (u < 1)).all()):
        raise InputError(f"u must be in [0, 1), got {u.tolist()}.")
    cumulative = probs.cumsum(dim=-1)  # (..., V)
    total = cumulative[..., -1:]  # (..., 1): 1 to within rounding, and so the draw covers all of it
    # The last token of probability above 0: rounding must not carry the draw beyond it.
    last = (cumulative < total).sum(dim=-1)
    chosen = (cumulative <= u[..., None] * total).sum(dim=-1)
    return torch.minimum(chosen, last).to(device)
