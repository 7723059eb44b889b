"""Arguments, checked: each function returns what it was given or raises one clear ValueError.

What was given, what was expected, what to do: so that the functions of the course can be short and
about one thing. Used from lesson 04 on.
"""

from __future__ import annotations

import contextlib
import math
from numbers import Integral, Real

import torch
from torch import Tensor

from .errors import InputError

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8)


def checked_count(name: str, value: int, hint: str = "") -> int:
    """Return a whole number from 1, or raise ValueError; hint: what to add to its message."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} must be a whole number from 1, got {value!r}{hint}.")
    return int(value)


def shape_of(value: object) -> str:
    """Say what shape a tensor has, or what something else is: 'shape (2, 3)', 'list'."""
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def check_ids(name: str, ids: Tensor, vocab_size: int) -> None:
    """Raise ValueError for ids of another type than whole numbers, or beyond the vocabulary."""
    if ids.dtype not in INTEGERS:
        raise InputError(f"{name} must be whole numbers (torch.long), got {ids.dtype}.")
    if ids.numel() == 0:
        return
    low, high = (int(end) for end in ids.aminmax())
    if low < 0 or high >= vocab_size:
        raise InputError(
            f"{name} must be from 0 to {vocab_size - 1}, one for each token of the vocabulary; "
            f"got ids from {low} to {high}."
        )


def checked_logits(logits: Tensor) -> Tensor:
    """Return the logits in at least float32, or raise ValueError where no distribution exists."""
    if not isinstance(logits, Tensor):
        raise InputError(
            f"logits must be a torch tensor (..., V), got {type(logits).__name__}; "
            "torch.tensor(...) makes one."
        )
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise InputError(
            f"logits must have a last dimension of V >= 1 tokens, got shape {tuple(logits.shape)}."
        )
    if logits.is_complex():
        raise InputError(f"logits must be real numbers, got {logits.dtype}.")
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if logits.numel() == 0:  # a batch of no rows: nothing to check
        return logits
    top = logits.amax(dim=-1)  # (...): NaN where any logit of the row is NaN
    if bool(top.isnan().any()):
        raise InputError("logits hold NaN; look for the step before this one that made it.")
    if bool((top == math.inf).any()):
        raise InputError("logits hold plus infinity; expected finite numbers or minus infinity.")
    if bool((top == -math.inf).any()):
        raise InputError(
            "a row of logits is minus infinity throughout: no token is left to choose."
        )
    return logits


def checked_probs(probs: Tensor) -> Tensor:
    """Return the probabilities in at least float32, or raise ValueError."""
    if not isinstance(probs, Tensor):
        raise InputError(f"probs must be a torch tensor (..., V), got {type(probs).__name__}.")
    if probs.ndim == 0 or probs.shape[-1] == 0:
        raise InputError(
            f"probs must have a last dimension of V >= 1 tokens, got shape {tuple(probs.shape)}."
        )
    probs = probs.to(torch.promote_types(probs.dtype, torch.float32))
    sums = probs.sum(dim=-1)
    if not bool((probs >= 0).all()) or not bool(((sums - 1).abs() < 1e-3).all()):
        raise InputError(
            "probs must be 0 or more and sum to 1 in each row; "
            "softmax turns logits into such numbers."
        )
    return probs


def checked_number(name: str, value: float, expected: str) -> float:
    """Return a finite real number as a float, or raise ValueError."""
    number = math.nan
    if isinstance(value, Real) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # a whole number that no float can hold
            number = float(value)
    if not math.isfinite(number):
        raise InputError(f"{name} must be {expected}, got {value!r}.")
    return number


def checked_ids(previous_ids: Tensor, logits: Tensor) -> Tensor:
    """Return ids (..., T) as int64 that fit the logits (..., V), or raise ValueError."""
    if not isinstance(previous_ids, Tensor):
        raise InputError(
            f"previous_ids must be a torch tensor (..., T), got {type(previous_ids).__name__}."
        )
    check_ids("previous_ids", previous_ids, logits.shape[-1])
    if previous_ids.ndim != logits.ndim or previous_ids.shape[:-1] != logits.shape[:-1]:
        raise InputError(
            f"previous_ids must have shape {(*logits.shape[:-1], 'T')}, as many rows as the "
            f"logits; got {tuple(previous_ids.shape)}."
        )
    return previous_ids.long()
