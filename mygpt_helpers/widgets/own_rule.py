"""Call a learner's own function from logits to probabilities, and say in one line what is wrong.

A slider calls it many times a second, and where it fails there is no cell under which a traceback
could stand. So whatever it does ends as a distribution or as one message.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MAX_MESSAGE = 400  # characters; an exception's text can hold a whole tensor


class OwnRuleError(Exception):
    """What is wrong with the learner's function, in one line for the learner to read."""


def probs_by_own_rule(
    rule: Callable[..., Tensor], logits: Tensor, knobs: dict[str, float]
) -> Tensor:
    """Return rule(logits, **knobs) as probabilities, (V,), float32 or wider, without gradients.

    logits: (V,); the rule gets a copy, so that it may change it. Raises OwnRuleError for a rule
    that raises, or whose result is not a distribution over the V tokens. Used from lesson 04 on.
    """
    name = getattr(rule, "__name__", type(rule).__name__)
    try:
        probs = rule(logits.clone(), **knobs)
    except Exception as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise OwnRuleError(one_line(f"{name} raised {said}{_line_of(rule, error)}")) from error
    expected = f"expected probabilities, a tensor of shape ({len(logits)},)."
    if probs is None:
        raise OwnRuleError(f"{name} returned None; {expected} Is a return missing?")
    if not isinstance(probs, Tensor):
        raise OwnRuleError(f"{name} returned {type(probs).__name__}; {expected}")
    if probs.shape != logits.shape:
        raise OwnRuleError(f"{name} returned shape {tuple(probs.shape)}; {expected}")
    if probs.is_complex():
        raise OwnRuleError(f"{name} returned {probs.dtype}; {expected}")
    # A rule that ran the model with gradients on has the right numbers: show them.
    probs = probs.detach().cpu().to(torch.promote_types(probs.dtype, torch.float32))
    if bool(probs.isnan().any()):
        raise OwnRuleError(f"{name} returned NaN for some tokens; look for 0 / 0 or inf - inf.")
    if bool((probs < 0).any()):
        raise OwnRuleError(
            f"{name} returned a negative number, {probs.min():.4g}; probabilities are 0 or more."
        )
    total = float(probs.double().sum())
    if not abs(total - 1) < 1e-3:
        raise OwnRuleError(
            f"{name} returned numbers that sum to {total:.4g}; probabilities sum to 1. "
            "softmax turns logits into such numbers."
        )
    return probs


def _line_of(rule: Callable[..., Tensor], error: Exception) -> str:
    """Return " (line 3 of its cell)" for the line of the rule's own cell or file that failed."""
    code = getattr(rule, "__code__", None)
    lines, trace = [], error.__traceback__
    while trace:
        if code and trace.tb_frame.f_code.co_filename == code.co_filename:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f" (line {lines[-1]} of its cell or file)" if lines else ""


def one_line(text: str) -> str:
    """Return an exception's text on one line, cut where it never ends."""
    text = " ".join(text.split())
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
