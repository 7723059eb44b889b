"""One step of a trace, sorted: what lesson 06's live pictures are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from ..checks import checked_count
from ..generation import Step
from .base import shown_labels
from .inputs import checked_row, texts_of


class Ranked(NamedTuple):
    """A step's logits, the largest first; on a tie the lowest id first. A rank is a place there."""

    logits: Tensor  # (V,), float32: by rank
    ranks: Tensor  # (V,): id -> rank
    labels: tuple[str, ...]  # of the first ranks, those that are shown
    sent: dict[str, Any]  # what the browser gets of all this


def ranked(step: Step, label_of: Sequence[str] | Callable[[int], str], num_rows: int) -> Ranked:
    """Sort a step's logits, and label the num_rows largest; or raise ValueError."""
    logits = checked_row(step.logits)
    order = logits.argsort(descending=True, stable=True)  # (V,): rank -> id
    shown = order[: checked_count("num_rows", num_rows)].tolist()
    labels = tuple(texts_of(label_of, shown, len(order)).values())
    logits = logits[order]
    sent = {"logits": logits.numpy().astype("<f4").tobytes(), "labels": shown_labels(labels)}
    return Ranked(logits, order.argsort(), labels, sent)


def by_rank(after: Tensor) -> Tensor:
    """Return what a rule left of ranked logits, (V,), by rank again.

    No rule changes the order, but of equal logits top-p may keep any: a picture keeps the first.
    """
    return after.sort(descending=True).values
