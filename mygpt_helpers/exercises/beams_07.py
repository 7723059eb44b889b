"""What exercise 07.beam_step is compared with: its solution, its cases, and wrong ones."""

from collections.abc import Callable, Iterator
from random import Random

import torch

from .cases import float32


def beam_step(
    scores: torch.Tensor, log_probs: torch.Tensor, num_beams: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the best num_beams candidates: their parents, their new tokens, their scores."""
    V = log_probs.shape[1]
    sums = scores[:, None] + log_probs  # (B, V): every beam with every token
    best = sums.flatten().topk(num_beams)  # (num_beams,)
    return best.indices // V, best.indices % V, best.values


def levels() -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
    """Yield scores, log-probabilities and how many beams to keep, smallest first."""
    yield float32([-1.0, -2.0]), float32([[-1.5, -0.5, -2.25], [-0.25, -3.0, -4.0]]), 2
    yield float32([0.0]), float32([[-0.5, -2.0, -1.0]]), 2  # the first level: one beam
    yield float32([-1.0, -4.0]), float32([[-0.5, -0.75, -3.0], [-0.25, -3.0, -4.0]]), 2
    random = Random(7)
    for num_beams, vocab_size in ((1, 4), (2, 5), (3, 4), (3, 9), (4, 30), (5, 7)):
        for _ in range(3):
            count = num_beams * vocab_size
            table = float32([round(random.gauss(0, 2), 2) for _ in range(count)])
            log_probs = table.reshape(num_beams, vocab_size).log_softmax(dim=-1)
            scores = float32([-round(random.uniform(0, 4), 2) for _ in range(num_beams)])
            yield scores, log_probs, num_beams


def beams(
    sums: Callable = lambda scores, log_probs: scores[:, None] + log_probs,
    divide: Callable = lambda sums: sums.shape[1],
    largest: bool = True,
    order: tuple[int, int, int] = (0, 1, 2),
    value: Callable = lambda log_probs, place, best: best,
) -> Callable:
    """Make an answer that takes one of these steps otherwise."""

    def answer(scores: torch.Tensor, log_probs: torch.Tensor, num_beams: int) -> tuple:
        table = sums(scores, log_probs)
        best, place = table.flatten().topk(num_beams, largest=largest)
        by = divide(table)
        found = (place // by, place % by, value(log_probs, place, best))
        return tuple(found[i] for i in order)

    return answer


def each_beams_best(scores: torch.Tensor, log_probs: torch.Tensor, num_beams: int) -> tuple:
    """Keep the best token of each beam: no beam gives way to another."""
    best = log_probs.max(dim=1)
    return torch.arange(len(scores)), best.indices, scores + best.values


def each_rows_best(scores: torch.Tensor, log_probs: torch.Tensor, num_beams: int) -> tuple:
    """Keep num_beams of every row, as topk without flatten does."""
    best = (scores[:, None] + log_probs).topk(num_beams)  # (B, num_beams)
    return best.indices // log_probs.shape[1], best.indices % log_probs.shape[1], best.values
