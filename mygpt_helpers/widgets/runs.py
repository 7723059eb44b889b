"""A trace, checked and made ready for a live picture. First used in lesson 02."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch

from ..errors import InputError
from ..generation import Step
from ..pictures.distributions import summarize
from ..pictures.traces import Written
from .inputs import checked_steps, texts_of

Labels = Sequence[str] | Callable[[int], str]


def checked_run(steps: Step | Sequence[Step]) -> list[Step]:
    """Return the steps of one run of trace as a list, or raise ValueError."""
    found = checked_steps(steps)
    for number, (before, now) in enumerate(pairwise(found), start=1):
        if not torch.equal(now.ids[:-1], before.ids) or int(now.ids[-1]) != before.chosen:
            raise InputError(
                f"the steps must be of one run, in its order; step {number} does not go on from "
                f"step {number - 1}. Give what one call of trace returned."
            )
    return found


def label_maker(labels: Labels, vocab_size: int) -> Callable[[int], str]:
    """Return a function from an id to its text, which asks for each but once."""
    known: dict[int, str] = {}

    def label_of(token_id: int) -> str:
        if token_id not in known:
            known.update(texts_of(labels, [token_id], vocab_size))
        return known[token_id]

    return label_of


def written_by(
    steps: Sequence[Step], label_of: Callable[[int], str], num_rows: int, *, knobs: bool
) -> list[Written]:
    """Return what a picture shows of each step; knobs: of the distribution after them.

    Where the knobs left one token there was nothing to choose: then, too, it is the model's own.
    """
    return [_written(step, label_of, num_rows, knobs) for step in steps]


def _written(step: Step, label_of: Callable[[int], str], num_rows: int, knobs: bool) -> Written:
    logits, after = step.logits.detach().cpu().float(), step.probs.detach().cpu()  # (V,) each
    own = logits.softmax(dim=-1)  # (V,)
    alone = int(step.kept.sum()) == 1 < len(after)
    shown, kept = (after, step.kept) if knobs and not alone else (own, None)  # (V,) each
    z, i = logits[step.chosen], step.chosen
    return Written(
        token=label_of(i),
        own=float(own[i]),
        prob=float(after[i]),
        rank=1 + int((logits > z).sum()) + int((logits[:i] == z).sum()),  # on a tie the lowest id
        alone=alone,
        u=step.u,
        distribution=summarize(logits, shown, label_of, num_bars=num_rows, chosen=i, kept=kept),
    )
