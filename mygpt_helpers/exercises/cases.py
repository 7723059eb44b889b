"""What the cases of several exercises are made of: logits and distributions.

Numbers come from Python's own generator, seeded here: the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from random import Random

import torch
from torch import Tensor


def many_logits() -> Iterator[Tensor]:
    """Yield logits (..., V), float32, small ones first: flat, peaked, tied, shifted, in batches.

    A vocabulary of one token, whose probability is always 1, comes last.
    """
    return (logits.clone() for logits in _drawn())


@cache
def _drawn() -> list[Tensor]:
    return list(_draw())


def _draw() -> Iterator[Tensor]:
    yield from map(float32, ([1.0, 2.0], [0.0, 0.0], [-3.0, -1.0], [2.0, 1.0, 0.0]))
    yield float32([[1.0, 2.0], [5.0, 3.0]])
    yield float32([[0.0, 1.0, 2.0], [5.0, 3.0, 1.0]])
    random = Random(0)
    for vocab_size in (2, 3, 5, 17, 200):
        for shape in ((), (2,), (2, 3)):
            count = math.prod(shape) * vocab_size
            for scale in (0.1, 3.0, 30.0):  # flat to peaked
                flat = [round(random.gauss(0, scale), 2) for _ in range(count)]
                yield float32(flat).reshape(*shape, vocab_size)
            yield float32([5.0] * count).reshape(*shape, vocab_size)  # all tied
            shifted = [round(random.gauss(50, 1), 1) for _ in range(count)]
            yield float32(shifted).reshape(*shape, vocab_size)
    yield float32([3.0])


def many_probs() -> Iterator[Tensor]:
    """Yield distributions (..., V), float32, small ones first, zeros among them."""
    yield from map(float32, ([0.2, 0.8], [1.0, 0.0], [0.0, 0.25, 0.75], [[0.5, 0.5], [0.1, 0.9]]))
    yield float32([[0.5, 0.5, 0.0], [0.0, 0.1, 0.9]])
    yield from (logits.softmax(dim=-1) for logits in many_logits())


def float32(values: list) -> Tensor:
    """Make a float32 tensor, whatever torch's default is."""
    return torch.tensor(values, dtype=torch.float32)


def normal(weights: Tensor) -> Tensor:
    """Divide weights (..., V) by the sum of their row."""
    return weights / weights.sum(-1, keepdim=True)
