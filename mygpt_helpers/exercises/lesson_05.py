"""The exercises of lesson 05: top-k."""

from collections.abc import Callable, Iterator

import torch

from .cases import float32, many_logits, many_probs, normal
from .engine import Exercise


def keep_k_largest(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Return logits (..., V) with all below the row's k-th largest set to minus infinity."""
    k = min(k, logits.shape[-1])
    smallest_kept = logits.topk(k, dim=-1).values[..., -1:]  # (..., 1)
    return logits.masked_fill(logits < smallest_kept, float("-inf"))


def _logits_and_ks() -> Iterator[tuple[torch.Tensor, int]]:
    yield float32([1.0, 2.0, 3.0]), 2
    yield float32([1.0, 3.0, 2.0, 1.0]), 3  # a tie at the edge
    yield float32([0.0, -torch.inf, 2.0, 1.0]), 2
    for logits in many_logits():
        for k in (1, 2, 7, logits.shape[-1], logits.shape[-1] + 3):
            yield logits.clone(), k


def _cut(
    logits: torch.Tensor, k: int, below: Callable = torch.lt, fill: float = -torch.inf
) -> torch.Tensor:
    """Return the logits cut as some answers do it: by another comparison, or with another value."""
    edge = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(below(logits, edge), fill)


def exactly_k_probs(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Return softmax over exactly k of the logits (..., V); of equal ones the lowest ids stay."""
    order = logits.argsort(dim=-1, descending=True, stable=True)  # (..., V): equal ones by id
    cut = torch.ones_like(logits, dtype=torch.bool).scatter(-1, order[..., :k], False)  # (..., V)
    return logits.masked_fill(cut, float("-inf")).softmax(dim=-1)


def _tied_logits_and_ks() -> Iterator[tuple[torch.Tensor, int]]:
    yield float32([1.0, 2.0, 3.0]), 2
    yield float32([2.0, 1.0, 1.0, 0.0]), 2
    yield float32([1.0, 2.0, 2.0, 2.0, 0.0]), 2
    yield float32([[0.0, 2.0, 2.0], [2.0, 0.0, 2.0]]), 1
    yield float32([0.0, -torch.inf, 2.0, 1.0]), 2
    for logits in many_logits():
        for k in (1, 2, 7):
            yield logits.clone().round(), k


def _chosen(
    order: Callable, after: Callable = lambda z: z.softmax(-1), fill: float = -torch.inf
) -> Callable:
    """Make an answer that keeps the first k of an order (..., V), and then does something else."""

    def answer(logits: torch.Tensor, k: int) -> torch.Tensor:
        cut = torch.ones_like(logits, dtype=torch.bool).scatter(-1, order(logits)[..., :k], False)
        return after(logits.masked_fill(cut, fill))

    return answer


def _by_id(logits: torch.Tensor) -> torch.Tensor:
    return logits.argsort(dim=-1, descending=True, stable=True)


def tokens_needed(probs: torch.Tensor, mass: float) -> int:
    """Return how many of the most likely tokens of probs (V,) are needed to reach the mass."""
    cumulative = probs.sort(descending=True).values.cumsum(dim=-1)  # (V,)
    return int((cumulative < mass).sum()) + 1


def _probs_and_masses() -> Iterator[tuple[torch.Tensor, float]]:
    yield float32([0.1, 0.2, 0.7]), 0.8
    yield float32([0.25, 0.5, 0.25]), 0.5  # reached exactly
    yield float32([0.25, 0.125, 0.125, 0.5]), 0.75
    for probs in many_probs():
        if probs.dim() > 1:
            continue
        cumulative = probs.double().sort(descending=True).values.cumsum(-1)  # (V,)
        for mass in (0.9, 0.5, 0.25, 0.99):
            if (cumulative - mass).abs().min() > 1e-3:  # at an edge rounding would decide
                yield probs.clone(), mass


EXERCISES = (
    Exercise(
        name="05.top_k",
        title="Keep the k largest",
        difficulty=1,
        minutes=5,
        solution=keep_k_largest,
        cases=_logits_and_ks,
        mistakes={
            "What equals the k-th largest stays: cut what is below it, `<`, not `<=`.": (
                lambda z, k: _cut(z, k, torch.le)
            ),
            "Fill with minus infinity: softmax gives 0 to nothing else.": (
                lambda z, k: _cut(z, k, fill=0.0),
                lambda z, k: _cut(z, k, fill=-1e9),
            ),
            "All V logits are wanted, the cut ones too: masked_fill keeps their places.": (
                lambda z, k: z.topk(min(k, z.shape[-1])).values
            ),
            "topk cannot give more than V: min(k, logits.shape[-1]).": (
                lambda z, k: z.masked_fill(z < z.topk(k).values[..., -1:], -torch.inf)
            ),
            "Each row has a k-th largest of its own: topk over dim=-1, then values[..., -1:].": (
                lambda z, k: z.masked_fill(z < z.topk(min(k, len(z)), 0).values[-1:], -torch.inf),
                lambda z, k: z.masked_fill(
                    z < z.flatten().topk(min(k, z.shape[-1])).values[-1], -torch.inf
                ),
                lambda z, k: z.masked_fill(
                    z < z.topk(min(k, z.shape[-1])).values[..., -1], -torch.inf
                ),
            ),
            "Equal logits at the edge all stay: compare values, do not pick k places.": (
                _chosen(_by_id, after=lambda z: z)
            ),
            "That is the k-th smallest: topk counts from the largest.": (
                lambda z, k: z.masked_fill(
                    z < z.sort().values[..., min(k, z.shape[-1]) - 1, None], -torch.inf
                )
            ),
            "Logits are wanted: leave softmax to whoever calls.": (
                lambda z, k: _cut(z, k).softmax(-1)
            ),
        },
        keep="The caller's logits are masked now, for every later call: masked_fill returns a new "
        "tensor, masked_fill_ and logits[...] = ... change the old one.",
        hints=(
            "topk(k).values holds the k largest, the largest first; its last one is the edge.",
            "values[..., -1:] keeps a dimension, so that (..., V) compares with (..., 1).",
            "logits.masked_fill(logits < edge, float('-inf')); k must not be above V.",
        ),
        why="Minus infinity becomes an exact 0 in softmax, and the others share what it had, in "
        "their old proportions.",
        tried="one row and batches, ties, minus infinity, k from 1 to above V",
    ),
    Exercise(
        name="05.exactly_k",
        title="Exactly k",
        difficulty=2,
        minutes=6,
        solution=exactly_k_probs,
        cases=_tied_logits_and_ks,
        mistakes={
            "More than k are left: equal logits pass a comparison together. Pick k places.": (
                lambda z, k: _cut(z, k).softmax(-1)
            ),
            "Of equal logits the lowest ids stay: argsort(descending=True, stable=True).": (
                _chosen(lambda z: z.argsort(dim=-1, stable=True).flip(-1)),
                _chosen(lambda z: z.argsort(dim=-1, descending=True)),
                lambda z, k: _chosen(lambda z: z.topk(min(k, z.shape[-1])).indices)(z, k),
            ),
            "These do not sum to 1: mask the logits before softmax.": (
                lambda z, k: z.softmax(-1) * _chosen(_by_id, after=torch.exp)(z, k).ne(0)
            ),
            "A logit of 0 is not cut: its share is exp(0). Use minus infinity.": (
                _chosen(_by_id, fill=0.0)
            ),
            "Those are logits still: softmax over the last dimension comes at the end.": (
                _chosen(_by_id, after=lambda z: z)
            ),
            "softmax goes over the last dimension.": _chosen(_by_id, after=lambda z: z.softmax(0)),
            "The k tokens keep their proportions: softmax, not equal shares.": (
                _chosen(_by_id, after=lambda z: normal(z.isfinite().float()))
            ),
            "That keeps the smallest: descending=True.": _chosen(
                lambda z: z.argsort(dim=-1, stable=True)
            ),
        },
        keep="Return a new tensor, and leave the caller's logits as they are.",
        hints=(
            "logits.argsort(dim=-1, descending=True, stable=True) gives ids, largest logit first; "
            "topk promises no order among equal ones.",
            "Its first k columns are the ids that stay.",
            "A mask of True everywhere; scatter(-1, ids, False) at those that stay; masked_fill.",
        ),
        why="A stable sort leaves equal logits in the order of their ids, so the first k places "
        "are a choice that everybody can repeat.",
        tried="ties inside, at and across the edge, batches, minus infinity",
    ),
    Exercise(
        name="05.needed",
        title="How many tokens are needed?",
        difficulty=2,
        minutes=5,
        solution=tokens_needed,
        cases=_probs_and_masses,
        mistakes={
            "The most likely ones count first: sort(descending=True) before cumsum.": (
                lambda p, mass: int((p.cumsum(-1) < mass).sum()) + 1,
                lambda p, mass: int((p.sort().values.cumsum(-1) < mass).sum()) + 1,
            ),
            "One too few: the token that crosses the line is needed, too.": (
                lambda p, mass: int((p.sort(descending=True).values.cumsum(-1) < mass).sum())
            ),
            "A sum that equals the mass has reached it: count the sums below, `<`.": (
                lambda p, mass: int((p.sort(descending=True).values.cumsum(-1) <= mass).sum()) + 1
            ),
            "A count is a whole number: int(...).": lambda p, mass: float(tokens_needed(p, mass)),
            "One too many: those before the crossing one, and then that one.": (
                lambda p, mass: int((p.sort(descending=True).values.cumsum(-1) < mass).sum()) + 2
            ),
            "Add the probabilities up, cumsum, before you compare.": (
                lambda p, mass: int((p >= mass).sum()),
                lambda p, mass: int((p < mass).sum()),
                lambda p, mass: int((p > 1 - mass).sum()),
            ),
            "That is how much they have, not how many they are.": (
                lambda p, mass: float(
                    p.sort(descending=True).values.cumsum(-1)[tokens_needed(p, mass) - 1]
                )
            ),
        },
        keep="Leave the caller's probabilities as they are.",
        hints=(
            "Sort with the largest first, then cumsum: entry n - 1 is what the first n have.",
            "Count the entries that are still below the mass; one more token reaches it.",
        ),
        why="The sums only grow, so the number of sums below the mass is the number of tokens that "
        "were not enough.",
        tried="peaked and flat distributions, masses from 0.25 to 0.99",
    ),
)
