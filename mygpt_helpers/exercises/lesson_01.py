"""The exercises of lesson 01: logits, probabilities, the next token and a phrase."""

import math
from collections.abc import Callable, Iterable, Iterator
from random import Random

import torch

from .cases import float32, many_logits, normal
from .engine import Exercise


def next_token_id(logits: torch.Tensor) -> torch.Tensor:
    """Return the id (B,) of the top token after the last position of logits (B, T, V)."""
    return logits[:, -1, :].argmax(dim=-1)  # (B, V) -> (B,)


def _texts() -> Iterator[tuple[torch.Tensor]]:
    random = Random(0)
    for shape in ((1, 2, 3), (1, 1, 4), (2, 2, 3), (3, 2, 4), (2, 5, 7), (4, 3, 50)):
        count = math.prod(shape)
        for _ in range(3):
            values = random.sample(range(count), count)  # no two alike: one right answer
            yield (float32([value - count // 2 for value in values]).reshape(shape),)


def softmax(logits: torch.Tensor) -> torch.Tensor:
    """Turn logits (..., V) into probabilities (..., V) over the last dimension."""
    largest = logits.max(dim=-1, keepdim=True).values  # (..., 1)
    weights = torch.exp(logits - largest)  # (..., V), none above 1
    return weights / weights.sum(dim=-1, keepdim=True)


def _small_first(tensors: Iterable[torch.Tensor]) -> Iterator[tuple[torch.Tensor]]:
    """Yield tensors (..., V) as cases, sorted by size, those of a single token last."""
    for tensor in sorted(tensors, key=lambda tensor: (tensor.shape[-1] == 1, tensor.numel())):
        yield (tensor,)


def _flat_to_huge() -> Iterator[tuple[torch.Tensor]]:
    huge = [[1000.0, 0.0], [1000.0, 1000.0], [[0.0, 1.0], [-2000.0, -2001.0]]]
    return _small_first([*many_logits(), *map(float32, huge)])


def _less_largest(logits: torch.Tensor) -> torch.Tensor:
    return (logits - logits.max()).exp()


def _less_own_largest(logits: torch.Tensor) -> torch.Tensor:
    return (logits - logits.amax(dim=-1, keepdim=True)).exp()


def _by_sum(weigh: Callable, *dim: int) -> Callable:
    """Make a softmax that sums without keepdim: over a dimension, or over the whole tensor."""
    return lambda logits: weigh(logits) / weigh(logits).sum(*dim)


def phrase_log_prob(logits: torch.Tensor, ids: torch.Tensor, prompt_len: int) -> torch.Tensor:
    """Return the log-probability of ids[prompt_len:] after ids[:prompt_len].

    logits: (T, V), those at position t score the token at t + 1. ids: (T,).
    """
    log_probs = torch.log_softmax(logits, dim=-1)  # (T, V)
    scored = log_probs[prompt_len - 1 : -1]  # (T - prompt_len, V): one position earlier
    return scored.gather(-1, ids[prompt_len:, None]).sum()


def _phrases() -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
    random = Random(0)
    lengths = [(2, 1), (3, 1), (3, 2), (4, 4), (6, 2), (20, 7)]  # (T, prompt_len)
    runs = [(count, start, size, 2) for count, start in lengths for size in (2, 3, 11)]
    for count, start, size, scale in [*runs, (4, 1, 3, 300)]:
        values = [round(random.gauss(0, scale), 1) for _ in range(count * size)]
        logits = float32(values).reshape(count, size)
        ids = torch.tensor([random.randrange(size) for _ in range(count)])
        if scale == 300:  # each next token is one that softmax rounds to 0
            ids[1:] = logits.argmin(-1)[:-1]
        yield logits, ids, start


def _picked(scores: torch.Tensor, ids: torch.Tensor, start: int, shift: int = 1) -> torch.Tensor:
    """Pick what scores (T, V) give the phrase's tokens, read `shift` positions earlier."""
    return scores[start - shift : len(ids) - shift].gather(-1, ids[start:, None])[:, 0]


def entropy_nats(probs: torch.Tensor) -> torch.Tensor:
    """Return the entropy (...), in nats, of the distributions in probs (..., V)."""
    return -torch.xlogy(probs, probs).sum(dim=-1)  # xlogy(0, 0) is 0


def _distributions() -> Iterator[tuple[torch.Tensor]]:
    zeros = map(float32, ([1.0, 0.0], [0.5, 0.5, 0.0], [[1.0, 0.0], [0.5, 0.5]]))
    return _small_first([*(torch.softmax(logits, -1) for logits in many_logits()), *zeros])


EXERCISES = (
    Exercise(
        name="01.next_id",
        title="The prediction",
        difficulty=1,
        minutes=4,
        solution=next_token_id,
        cases=_texts,
        mistakes={
            "That reads position 0; the next token comes after -1.": lambda z: z[:, 0].argmax(-1),
            "That is one id for every position: take the last, [:, -1].": lambda z: z.argmax(-1),
            "logits[-1] is the last text; the last position of each is logits[:, -1].": (
                lambda z: z[-1].argmax(-1),
                lambda z: z[-1].argmax(),
            ),
            "dim=1 is the position; the vocabulary is the last, dim=-1.": lambda z: z.argmax(1),
            "Without dim, argmax counts through all rows as one: argmax(dim=-1).": (
                lambda z: z.argmax(),
                lambda z: z[:, -1].argmax(),
                lambda z: z.argmax().reshape(1),
                lambda z: z[:, -1].argmax().reshape(1),
            ),
            "That is the top logit; its id is asked for: argmax.": (
                lambda z: z[:, -1].amax(-1),
                lambda z: z[:, -1].amax(-1, keepdim=True),
            ),
            "max(dim) and topk(k) return values and indices: take .indices, or use argmax.": (
                lambda z: z[:, -1].max(-1),
                lambda z: z[:, -1].topk(1),
            ),
            "One id a text: (B,), no 1 at the end.": lambda z: z[:, -1].argmax(-1, keepdim=True),
        },
        hints=(
            "The scores for the next token stand at the last position, which is number -1.",
            "logits[:, -1] has shape (B, V): one row of scores for each text.",
            "argmax(dim=-1) gives the place of the largest score in each row.",
        ),
        why="Only the last position has seen the whole text, and a token's id is its place in "
        "the last dimension.",
        tried="one text and many, one position and many",
    ),
    Exercise(
        name="01.softmax",
        title="Softmax that does not overflow",
        difficulty=2,
        minutes=6,
        solution=softmax,
        cases=_flat_to_huge,
        mistakes={
            "exp(1000) is infinite in float32. Subtract the largest logit of each row first.": (
                lambda z: normal(z.exp())
            ),
            "Subtract each row's own largest logit.": lambda z: normal(_less_largest(z)),
            "Each row has to sum to 1: divide by the sum of its powers.": (
                torch.exp,
                _less_largest,
                _less_own_largest,
            ),
            "Sum over the last dimension only: sum(dim=-1, keepdim=True).": (
                _by_sum(torch.exp),
                _by_sum(_less_largest),
                _by_sum(_less_own_largest),
            ),
            "That sums over dim=0; the vocabulary is dim=-1.": lambda z: torch.softmax(z, 0),
            "Keep the dimension you sum over, or take the largest over: keepdim=True.": (
                _by_sum(torch.exp, -1),
                _by_sum(_less_largest, -1),
                _by_sum(_less_own_largest, -1),
                lambda z: normal((z - z.amax(-1)).exp()),
            ),
            "Those are the logarithms of the probabilities.": lambda z: z.log_softmax(-1),
            "math and float() work on one number; torch.exp works on a tensor.": math.exp,
        },
        hints=(
            "Raise e to each logit (torch.exp) and divide by the sum of these powers.",
            "Sum over the last dimension and keep it for dividing: sum(dim=-1, keepdim=True).",
            "A constant added to a row changes nothing: subtract the row's largest logit first.",
        ),
        why="Subtracting a constant from every logit of a row leaves the probabilities as they "
        "are, and with the largest logit at 0 no power can overflow.",
        tried="flat, peaked, tied and huge logits, alone and in batches",
    ),
    Exercise(
        name="01.phrase",
        title="How likely is a phrase?",
        difficulty=2,
        minutes=8,
        solution=phrase_log_prob,
        cases=_phrases,
        mistakes={
            "Off by one: the logits at position t score the token at t + 1.": (
                lambda z, ids, start: _picked(z.log_softmax(-1), ids, start, shift=0).sum()
            ),
            "Those are logits. Turn them into log-probabilities first: log_softmax.": (
                lambda z, ids, start: _picked(z, ids, start).sum()
            ),
            "The prompt's own tokens do not count: begin at ids[prompt_len].": (
                lambda z, ids, start: phrase_log_prob(z, ids, 1)
            ),
            "That is made of probabilities: sum their logarithms.": (
                lambda z, ids, start: _picked(z.softmax(-1), ids, start).sum(),
                lambda z, ids, start: _picked(z.softmax(-1), ids, start).prod(),
            ),
            "Sum over the phrase: one number is asked for, not one for each token.": (
                lambda z, ids, start: _picked(z.log_softmax(-1), ids, start),
                lambda z, ids, start: _picked(z.log_softmax(-1), ids, start)[:, None],
            ),
            "That is the mean; the sum is asked for.": (
                lambda z, ids, start: _picked(z.log_softmax(-1), ids, start).mean()
            ),
            "The sign is turned round: a log-probability is at most 0.": (
                lambda z, ids, start: -phrase_log_prob(z, ids, start)
            ),
            "softmax gave 0, whose log is -inf: log_softmax does both in one step.": (
                lambda z, ids, start: _picked(z.softmax(-1), ids, start).log().sum()
            ),
        },
        hints=(
            "torch.log_softmax(logits, dim=-1) gives log-probabilities, (T, V).",
            "The token at position prompt_len is scored by the row before it, prompt_len - 1.",
            "In a loop: total += log_probs[t - 1, ids[t]] for t from prompt_len to the end.",
        ),
        why="A product of probabilities is a sum of their logarithms, and each token's own "
        "probability stands one position before it.",
        tried="short and long phrases, flat and very peaked logits, an empty phrase",
    ),
    Exercise(
        name="01.entropy",
        title="How unsure?",
        difficulty=2,
        minutes=5,
        solution=entropy_nats,
        cases=_distributions,
        mistakes={
            "That is in bits: take the natural logarithm, torch.log.": (
                lambda p: entropy_nats(p) / math.log(2),
                lambda p: -(p * p.log2()).sum(-1),
            ),
            "The sign is turned round: an entropy is never below 0.": lambda p: -entropy_nats(p),
            "Sum over the last dimension only: one entropy for each distribution.": (
                lambda p: entropy_nats(p).sum(),
                lambda p: -(p * p.log()).sum(),
            ),
            "0 * log(0) is NaN in floats, and has to count as 0.": lambda p: -(p * p.log()).sum(-1),
            "Those are the parts: sum them over the last dimension.": (
                lambda p: -torch.xlogy(p, p),
                lambda p: -(p * p.log()),
            ),
            "That sums over dim=0; the vocabulary is the last, dim=-1.": (
                lambda p: -torch.xlogy(p, p).sum(0),
                lambda p: -(p * p.log()).sum(0),
            ),
            "Probabilities already: no softmax here.": lambda p: entropy_nats(p.softmax(-1)),
        },
        hints=(
            "Multiply each probability by its natural logarithm and sum over the last dimension.",
            "torch.log(0) is -inf, and 0 * -inf is NaN: treat the zeros apart.",
            "torch.xlogy(p, p) is p * log(p), and 0 where p is 0. Mind the minus sign.",
        ),
        why="p * log(p) goes to 0 as p does, so a token that cannot come adds nothing; xlogy "
        "knows this, and plain multiplication does not.",
        tried="sure and unsure distributions, zeros among them",
    ),
)
