"""The exercises of lesson 01: logits, probabilities, the next token and a phrase."""

import math
from collections.abc import Callable, Iterator
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


def _flat_to_huge() -> Iterator[tuple[torch.Tensor]]:
    """Yield tensors (..., V) as cases, sorted by size, those of a single token last."""
    huge = [[1000.0, 0.0], [1000.0, 1000.0], [[0.0, 1.0], [-2000.0, -2001.0]]]
    tensors = [*many_logits(), *map(float32, huge)]
    for tensor in sorted(tensors, key=lambda tensor: (tensor.shape[-1] == 1, tensor.numel())):
        yield (tensor,)


def _less_largest(logits: torch.Tensor) -> torch.Tensor:
    return (logits - logits.max()).exp()


def _less_own_largest(logits: torch.Tensor) -> torch.Tensor:
    return (logits - logits.amax(dim=-1, keepdim=True)).exp()


def _by_sum(weigh: Callable, *dim: int) -> Callable:
    """Make a softmax that sums without keepdim: over a dimension, or over the whole tensor."""
    return lambda logits: weigh(logits) / weigh(logits).sum(*dim)


def phrase_log_prob(
    logits: torch.Tensor, ids: torch.Tensor, prompt_ids: torch.Tensor
) -> torch.Tensor:
    """Return the log-probability of ids from where they part from prompt_ids.

    logits: (T, V), those at position t score the token at t + 1. ids: (T,), of prompt and phrase
    together. prompt_ids: (P,). Raises ValueError where no token is left, or none stands before.
    """
    start, shortest = 0, min(len(ids), len(prompt_ids))
    while start < shortest and ids[start] == prompt_ids[start]:
        start += 1
    if not 0 < start < len(ids):
        raise ValueError(f"the two share {start} of {len(ids)} ids: expected some, and not all")
    log_probs = torch.log_softmax(logits, dim=-1)  # (T, V)
    scored = log_probs[start - 1 : -1]  # (T - start, V): one position earlier
    return scored.gather(-1, ids[start:, None]).sum()


def _phrases() -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Yield logits, ids and the prompt's ids: as they begin, and with a last one swallowed."""
    random = Random(0)
    # (T, the position where they part, ids that the prompt has from there on)
    lengths = [(3, 2, 0), (2, 1, 0), (3, 1, 0), (3, 2, 1), (5, 2, 1), (5, 3, 2), (20, 7, 0)]
    runs = [(size, 2, *length) for length in lengths for size in (3, 11)]
    odd = [(3, 2, 3, 3, 0), (3, 2, 3, 0, 2), (3, 2, 3, 0, 0), (3, 2, 2, 1, 3), (3, 300, 4, 1, 0)]
    for size, scale, count, start, swallowed in [*runs, *odd]:
        values = [round(random.gauss(0, scale), 1) for _ in range(count * size)]
        logits = float32(values).reshape(count, size)
        ids = torch.tensor([random.randrange(size) for _ in range(count)])
        if scale == 300:  # each next token is one that softmax rounds to 0
            ids[1:] = logits.argmin(-1)[:-1]
        others = [(int(ids[min(start, count - 1)]) + 1) % size] * swallowed
        yield logits, ids, torch.cat([ids[:start], torch.tensor(others, dtype=torch.long)])


def _start(ids: torch.Tensor, prompt_ids: torch.Tensor) -> int:
    """Return the position at which both part."""
    pairs = zip(ids.tolist(), prompt_ids.tolist(), strict=False)
    return [*(mine == other for mine, other in pairs), False].index(False)


def _picked(scores: torch.Tensor, ids: torch.Tensor, start: int, shift: int = 1) -> torch.Tensor:
    """Pick what scores (T, V) give the phrase's tokens, read `shift` positions earlier."""
    places = torch.tensor(range(start, len(ids)), dtype=torch.long)
    return scores[places - shift, ids[start:]]


def _refusing(pick: Callable) -> Callable:
    """Make an answer that raises what is due, and else gives pick(z, ids, start)."""

    def answer(z: torch.Tensor, ids: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
        phrase_log_prob(z, ids, prompt_ids)
        return pick(z, ids, _start(ids, prompt_ids))

    return answer


def _from(start: int, z: torch.Tensor, ids: torch.Tensor, refused: bool = False) -> torch.Tensor:
    """Sum the log-probabilities from start on; refused: where that is an error."""
    if refused:
        raise ValueError("nothing to score")
    return _picked(z.log_softmax(-1), ids, start).sum()


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
        title="A phrase after any prompt",
        difficulty=2,
        minutes=10,
        solution=phrase_log_prob,
        cases=_phrases,
        mistakes={
            "Off by one: the logits at position t score the token at t + 1.": _refusing(
                lambda z, ids, start: _picked(z.log_softmax(-1), ids, start, shift=0).sum()
            ),
            "Those are logits. Turn them into log-probabilities first: log_softmax.": _refusing(
                lambda z, ids, start: _picked(z, ids, start).sum()
            ),
            "Begin where the ids part, not where the prompt's number of ids ends.": (
                lambda z, ids, p: _from(len(p), z, ids),
                lambda z, ids, p: _from(len(p), z, ids, len(p) >= len(ids)),
            ),
            "That is made of probabilities: sum their logarithms.": (
                _refusing(lambda z, ids, start: _picked(z.softmax(-1), ids, start).sum()),
                _refusing(lambda z, ids, start: _picked(z.softmax(-1), ids, start).prod()),
            ),
            "Sum over the phrase: one number is asked for, not one for each token.": _refusing(
                lambda z, ids, start: _picked(z.log_softmax(-1), ids, start)
            ),
            "softmax gave 0, whose log is -inf: log_softmax does both in one step.": _refusing(
                lambda z, ids, start: _picked(z.softmax(-1), ids, start).log().sum()
            ),
            "The phrase would begin at position 0, and no row stands before that: raise.": (
                lambda z, ids, p: _from(_start(ids, p), z, ids, _start(ids, p) == len(ids))
            ),
            "No token is left to score. A sum of 0 would call the phrase certain: raise.": (
                lambda z, ids, p: _from(_start(ids, p), z, ids),
                lambda z, ids, p: _from(_start(ids, p), z, ids, _start(ids, p) == 0),
            ),
            "That is the mean. Add the log-probabilities up: their sum is asked for.": _refusing(
                lambda z, ids, start: _picked(z.log_softmax(-1), ids, start).mean()
            ),
        },
        hints=(
            "Go from position 0 for as long as both have an id there, and the same one.",
            "torch.log_softmax(logits, dim=-1) gives log-probabilities, (T, V).",
            "The token at position t is scored by the row before it: log_probs[t - 1, ids[t]].",
        ),
        why="A prompt's last token can change once text follows it. Where the ids part, the phrase "
        "begins, and each of its tokens is scored one position before it.",
        tried="short and long phrases, prompts whose last tokens are swallowed, nothing to score",
    ),
)
