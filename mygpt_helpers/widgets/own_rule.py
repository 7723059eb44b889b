"""Call a learner's own function from logits to probabilities, and say in one line what is wrong.

A slider calls it many times a second, and where it fails there is no cell under which a traceback
could stand. So whatever it does ends as a distribution or as one message.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

from torch import Tensor

from ..checks import SOFTMAX, at_least_float32, shape_of, sum_tolerance
from ..errors import InputError


def probs_by_own_rule(
    rule: Callable[..., Tensor], logits: Tensor, knobs: dict[str, float]
) -> Tensor:
    """Return rule(logits, **knobs) as probabilities, (V,), without gradients.

    logits: (V,); the rule gets a copy, so that it may change it. Raises ValueError for a rule
    that raises, or whose result is not a distribution over the V tokens. Used from lesson 04 on.
    """
    name = getattr(rule, "__name__", type(rule).__name__)
    try:
        probs = rule(logits.clone(), **knobs)
    except Exception as error:
        kind = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise InputError(f"{name} raised {kind}{_line_of(rule, error)}") from error
    given = ""
    if not isinstance(probs, Tensor) or probs.shape != logits.shape:
        given = "None" if probs is None else shape_of(probs)
    elif probs.is_complex():
        given = str(probs.dtype)
    if given:
        raise InputError(
            f"{name} returned {given}; expected probabilities, a tensor of shape ({len(logits)},)."
            + (" Is a return missing?" if probs is None else "")
        )
    # A rule that ran the model with gradients on has the right numbers: show them.
    probs = probs.detach().cpu()
    numbers = at_least_float32("probs", probs)  # (V,)
    if bool(numbers.isnan().any()):
        raise InputError(f"{name} returned NaN for some tokens; look for 0 / 0 or inf - inf.")
    if bool((numbers < 0).any()):
        raise InputError(
            f"{name} returned a negative number, {numbers.min():.4g}; probabilities are 0 or more."
        )
    total = float(numbers.double().sum())
    if not abs(total - 1) < sum_tolerance(probs.dtype, len(probs)):
        raise InputError(
            f"{name} returned numbers that sum to {total:.4g}; probabilities sum to 1. {SOFTMAX}"
        )
    return probs


def _line_of(rule: Callable[..., Tensor], error: Exception) -> str:
    """Return " (line 3 of its cell)" for the line of the rule's own cell or file that failed."""
    code = getattr(rule, "__code__", None)
    file = getattr(code, "co_filename", None)
    trace = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in trace if frame.f_code.co_filename == file]
    return f" (line {lines[-1]} of its cell or file)" if lines else ""
