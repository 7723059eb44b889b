"""One prompt under several strategies, side by side, in the same numbers. For lesson 07."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .checks import checked_count, is_many, kind_of
from .errors import InputError
from .generation import trace
from .search import beam_search

STRATEGIES: dict[str, dict[str, Any]] = {
    "greedy": {"top_k": 1},
    "temperature 0.7": {"temperature": 0.7},
    "top-k 40": {"top_k": 40},
    "top-p 0.9": {"top_p": 0.9},
    "beam search, 4": {"num_beams": 4},
}
NGRAM = 3


@dataclass(frozen=True, eq=False)
class Continuation:
    """A text that one strategy wrote, and how likely and how repetitive it is. For lesson 07."""

    strategy: str
    seed: int | None  # None where nothing is drawn
    new_ids: Tensor  # (n,): without the prompt
    mean_log_prob: float  # of its new tokens, by the model alone, in nats
    repeated: float  # the share of its new n-grams that were there before, from 0 to 1

    def __repr__(self) -> str:
        numbers = f"mean {self.mean_log_prob:.2f}, repeated {self.repeated:.2f}"
        return f"Continuation({self.strategy}, seed {self.seed}: {numbers})"


def strategies(
    model: nn.Module,
    prompt_ids: Tensor,
    max_new_tokens: int,
    settings: Mapping[str, Mapping[str, Any]] = STRATEGIES,
    *,
    seeds: Sequence[int] = (0,),
) -> list[Continuation]:
    """Return one prompt's (1, T) continuations: one a strategy, or one a seed where it draws.

    settings: {name: options}, the knobs of generate, or num_beams and the options of beam_search.
    Each run draws from its own random.Random(seed), the same text on every machine. Of an
    interrupted run the list has what was written. Raises ValueError for what is no setting or seed,
    and what generate and beam_search raise. Built in lesson 07. Source: repeated n-grams, Welleck
    et al. 2020, sec. 6.1.
    """
    if not isinstance(settings, Mapping) or not all(
        isinstance(v, Mapping) for v in settings.values()
    ):
        raise InputError("settings must be {name: options}, such as {'greedy': {'top_k': 1}}.")
    if not is_many(seeds) or not [*seeds]:
        raise InputError(f"seeds must be a list of whole numbers, at least one; got {seeds!r:.80}.")
    seeds = [checked_count("a seed", seed, first=0) for seed in seeds]
    found = []
    for name, options in settings.items():
        draws = options.get("top_k") != 1 and "num_beams" not in options
        for seed in seeds if draws else [None]:
            new, total = _written(model, prompt_ids, max_new_tokens, options, seed)
            mean = total / max(1, len(new))
            found.append(Continuation(name, seed, new, mean, share_repeated(new.tolist())))
    return found


def _written(
    model: nn.Module, prompt_ids: Tensor, n: int, options: Mapping[str, Any], seed: int | None
) -> tuple[Tensor, float]:
    """Return a text's new ids (n,), and the sum of their log-probabilities."""
    if "num_beams" in options:
        best = beam_search(model, prompt_ids, n, **options)
        return best.ids[0, best.prompt_ids.shape[1] :], best.score
    generator = None if seed is None else random.Random(seed)
    steps = trace(model, prompt_ids, n, **options, generator=generator)
    total = sum(float(step.logits.log_softmax(-1)[step.chosen]) for step in steps)
    new = torch.tensor([step.chosen for step in steps], dtype=torch.long, device=prompt_ids.device)
    return new, total


def share_repeated(ids: Iterable[int], n: int = NGRAM) -> float:
    """Return the share of a text's runs of n ids that it had before: 0 for none. For lesson 07.

    Raises ValueError for an n below 1.
    """
    if not is_many(ids):
        raise InputError(f"ids must be a list of ids, got {kind_of(ids)}.")
    ids, n = [int(i) for i in ids], checked_count("n", n)
    runs = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
