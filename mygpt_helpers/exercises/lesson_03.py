"""The exercises of lesson 03: greedy or sampling."""

from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from random import Random

import torch

from .cases import float32, many_logits, normal
from .engine import Exercise


def draw_token(probs: torch.Tensor, u: float) -> int:
    """Return the id that u, a number in [0, 1), draws from probs (V,)."""
    cumulative = probs.double().cumsum(dim=-1)  # (V,): where each token ends
    place = u * cumulative[-1]  # rounding may leave the sum a bit below 1
    return int((cumulative <= place).sum())


def _probs_and_numbers() -> Iterator[tuple[torch.Tensor, float]]:
    rows = [[0.5, 0.3, 0.15, 0.05], [0.125, 0.5, 0.125, 0.25], [0.0, 0.25, 0.0, 0.75], [0, 0, 1]]
    for row in rows:  # the ends of the second and the third row's tokens are exact
        for u in (0.6, 0.25, 0.0, 0.625, 0.125, 0.97, 0.999):
            yield float32(row), u
    for u in (0.1, 0.7, 0.98, 0.99994):  # the last one lies beyond the sum
        yield float32([0.3, 0.3, 0.3999, 0.0]), u
    random = Random(0)
    for logits in many_logits():
        if logits.dim() == 1:
            for _ in range(3):
                yield logits.softmax(dim=-1), round(random.random(), 3) + 1e-5


def _drawn_again(function: Callable, probs: torch.Tensor, u: float) -> object:
    """Return what an answer returns, unless u does not settle it: then say so."""
    copies = [probs.clone() for _ in range(12)]
    got = function(probs, u)
    with redirect_stdout(StringIO()):  # what it prints is shown once
        same = len({str(function(copy, u)) for copy in copies}) == 1
    return got if same else "the same u gives one id now, another one then"


def _laid_out(rule: Callable[[torch.Tensor, float], object]) -> Callable:
    """Make an answer that does something else with the cumulative probabilities."""
    return lambda probs, u: rule(probs.double().cumsum(dim=-1), u)


def largest_gap(ids: torch.Tensor, probs: torch.Tensor) -> torch.Tensor:
    """Return the largest distance between a token's share of ids (N,) and its probs (V,)."""
    shares = torch.bincount(ids, minlength=len(probs)) / len(ids)  # (V,)
    return (shares - probs).abs().max()


def _ids_and_probs() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    probs = [0.5, 0.3, 0.15, 0.05]
    for ids in ([0, 0, 1, 0], [1, 1, 1, 2], [3], [2] * 7, [0, 1, 2, 3]):
        yield torch.tensor(ids), float32(probs)
    random = Random(0)
    for logits in many_logits():
        if logits.dim() == 1 and len(logits) > 1:
            numbers = random.choices(range(len(logits)), k=random.choice((5, 40)))
            yield torch.tensor(numbers), logits.softmax(dim=-1)


def _gap(one: Callable, shares: Callable | None = None) -> Callable:
    """Make an answer that takes other shares, or something else than the largest gap of them."""

    def wrong(ids: torch.Tensor, probs: torch.Tensor) -> float:
        counts = torch.bincount(ids, minlength=len(probs))
        return float(one((shares(counts) if shares else counts / len(ids)) - probs))

    return wrong


def chance_of_a_slip(probs: torch.Tensor) -> torch.Tensor:
    """Return the chance that at least one of n tokens is wrong; probs (n,): each is right."""
    return 1 - probs.prod()


def _chances() -> Iterator[tuple[torch.Tensor]]:
    for row in ([0.9, 0.5], [0.9, 0.9], [0.5, 0.9, 0.8], [1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.7]):
        yield (float32(row),)
    random = Random(0)
    for length in (2, 5, 20, 100, 400):
        for low in (0.5, 0.9, 0.99):
            yield (float32([round(random.uniform(low, 1), 4) for _ in range(length)]),)


def mixed_probs(logits: torch.Tensor, share: float) -> torch.Tensor:
    """Return the distribution of: greedy with chance share, else a draw; logits (V,)."""
    greedy = torch.zeros_like(logits)
    greedy[logits.argmax()] = 1.0  # (V,)
    return share * greedy + (1 - share) * logits.softmax(dim=-1)


def _logits_and_shares() -> Iterator[tuple[torch.Tensor, float]]:
    for logits in many_logits():
        if logits.dim() == 1:
            for share in (0.5, 0.0, 1.0, 0.2):
                yield logits.clone(), share


def _mixed(rule: Callable) -> Callable:
    """Make an answer that combines the two distributions in another way."""

    def wrong(logits: torch.Tensor, share: float) -> torch.Tensor:
        return rule(mixed_probs(logits, 1.0), logits.softmax(dim=-1), share)

    return wrong


EXERCISES = (
    Exercise(
        name="03.draw",
        title="Draw a token",
        difficulty=2,
        minutes=6,
        solution=draw_token,
        cases=_probs_and_numbers,
        mistakes={
            "That is greedy: u makes no difference. Compare it with probs.cumsum(-1).": (
                lambda probs, u: int(probs.argmax())
            ),
            "The number u is drawn already: let it choose, and draw nothing else.": (
                lambda probs, u: int(probs.multinomial(1))
            ),
            "Compare u with the cumulative probabilities, not with the probabilities.": (
                lambda probs, u: int((probs <= u).sum()),
                lambda probs, u: int((probs > u).nonzero()[0]),
            ),
            "Ids count from 0: the token that u lands in has as many ends before it as its id.": (
                _laid_out(lambda ends, u: int((ends <= u).sum()) + 1)
            ),
            "That is the token before: count the ends up to u, and take off nothing.": (
                _laid_out(lambda ends, u: int((ends <= u).sum()) - 1)
            ),
            "A token's end belongs to the next token: count the ends with <=, not with <.": (
                _laid_out(lambda ends, u: int((ends < u * ends[-1]).sum())),
                _laid_out(lambda ends, u: min(int((ends < u).sum()), len(ends) - 1)),
            ),
            "u can lie beyond the last end: multiply it by the sum, cumulative[-1].": (
                _laid_out(lambda ends, u: int((ends <= u).sum())),
                _laid_out(lambda ends, u: int((ends > u).nonzero()[0])),
                _laid_out(lambda ends, u: next((i for i, e in enumerate(ends) if u < e), None)),
                _laid_out(lambda ends, u: int((ends > u).float().argmax())),
            ),
            "A token of probability 0 is never drawn, not even at the end.": (
                _laid_out(lambda ends, u: min(int((ends <= u).sum()), len(ends) - 1))
            ),
            "Keep the order of the ids: sorted, the places are no ids any more.": (
                lambda probs, u: draw_token(probs.sort(descending=True).values, u),
                lambda probs, u: draw_token(probs.sort().values, u),
            ),
        },
        keep="The probabilities are still needed: write `probs.cumsum(-1)`, not `cumsum_`.",
        hints=(
            "probs.cumsum(dim=-1) holds where each token ends on the line from 0 to 1.",
            "The id is the number of ends at or before u: (cumulative <= u).sum().",
            "The last end may be 0.9999: compare with u * cumulative[-1] instead of u.",
        ),
        why="A token's id is the number of tokens that end at or before u. Scaled by the sum, "
        "even the largest u lies before the last end.",
        tried="u on the very ends, zeros, sums a bit below 1, up to 200 tokens",
        observe=_drawn_again,
    ),
    Exercise(
        name="03.gap",
        title="How far off",
        difficulty=2,
        minutes=5,
        solution=largest_gap,
        cases=_ids_and_probs,
        mistakes={
            "A share can lie below its probability, too: take abs() of the differences.": (
                _gap(torch.max)
            ),
            "Shares are counts divided by the number of draws, len(ids).": (
                _gap(lambda d: d.abs().max(), shares=lambda counts: counts),
                _gap(lambda d: d.abs().max(), shares=lambda counts: counts / len(counts)),
            ),
            "The largest gap is asked for: max, not the mean or the sum.": (
                _gap(lambda d: d.abs().mean()),
                _gap(lambda d: d.abs().sum()),
            ),
            "Squares are another measure: take abs().": _gap(lambda d: (d**2).max()),
            "A token that never came has a gap as well: bincount(ids, minlength=len(probs)).": (
                lambda ids, probs: float(
                    max(abs(float((ids == i).float().mean() - probs[i])) for i in ids.unique())
                ),
                lambda ids, probs: float((torch.bincount(ids) / len(ids) - probs).abs().max()),
            ),
        },
        hints=(
            "torch.bincount(ids, minlength=len(probs)) counts how often each id came.",
            "Divided by len(ids), counts are shares. The gap is the largest |share - probability|.",
        ),
        why="Shares and probabilities are compared token by token, those never drawn included.",
        tried="few draws and many, tokens that never came",
    ),
    Exercise(
        name="03.slip",
        title="At least one slip",
        difficulty=1,
        minutes=4,
        solution=chance_of_a_slip,
        cases=_chances,
        mistakes={
            "That is the chance that all are right: take it from 1.": lambda p: float(p.prod()),
            "Adding up goes beyond 1 and counts double slips twice: multiply instead.": (
                lambda p: float((1 - p).sum()),
                lambda p: min(1.0, float((1 - p).sum())),
            ),
            "That is the chance that all are wrong: one slip is enough.": (
                lambda p: float((1 - p).prod())
            ),
            "That is the weakest token alone; the others can fail, too.": (
                lambda p: float(1 - p.min())
            ),
            "Each token has its own chance: multiply all of them.": (
                lambda p: float(1 - p[0] ** len(p)),
                lambda p: float(1 - p.mean() ** len(p)),
            ),
        },
        hints=(
            "First find the chance that no token is wrong.",
            "All right is the product, probs.prod(). At least one wrong is what is left of 1.",
        ),
        why="All right has a chance that is a product; at least one wrong is everything else.",
        tried="2 to 400 tokens, sure ones and hopeless ones",
    ),
    Exercise(
        name="03.mix",
        title="Half greedy",
        difficulty=2,
        minutes=6,
        solution=mixed_probs,
        cases=_logits_and_shares,
        mistakes={
            "The two parts must sum to 1: give the draw the rest, 1 - share.": (
                _mixed(lambda greedy, p, share: share * greedy + p),
                _mixed(lambda greedy, p, share: greedy + (1 - share) * p),
            ),
            "Return one distribution that holds both cases; toss no coin.": (
                _mixed(lambda greedy, p, share: greedy if share > 0.1 else p),
                _mixed(lambda greedy, p, share: greedy if share > 0.3 else p),
                _mixed(lambda greedy, p, share: greedy if share > 0.6 else p),
            ),
            "share is a part of 1: add it after softmax, to probabilities, not to logits.": (
                lambda logits, share: (logits + share * mixed_probs(logits, 1.0)).softmax(-1)
            ),
            "The draw takes the top token, too: it gets share and its part of the rest.": (
                _mixed(lambda greedy, p, share: p.where(greedy == 0, share)),
                _mixed(lambda greedy, p, share: (p * (1 - share)).where(greedy == 0, share)),
                _mixed(lambda greedy, p, share: normal(p.where(greedy == 0, share))),
                _mixed(
                    lambda greedy, p, share: (
                        share * greedy + (1 - share) * normal(p * (1 - greedy)).nan_to_num()
                    )
                ),
            ),
            "The other way round: share is the greedy part.": (
                _mixed(lambda greedy, p, share: (1 - share) * greedy + share * p)
            ),
            "Draw from probabilities: softmax first.": (
                lambda logits, share: share * mixed_probs(logits, 1.0) + (1 - share) * logits
            ),
            "Adding and dividing again gives another share than the one asked for.": (
                _mixed(lambda greedy, p, share: normal(share * greedy + p))
            ),
            "On a tie argmax takes the first token alone.": (
                lambda logits, share: (
                    share * normal((logits == logits.max()).float())
                    + (1 - share) * logits.softmax(-1)
                ),
                lambda logits, share: (
                    share * (logits == logits.max()).float() + (1 - share) * logits.softmax(-1)
                ),
            ),
            "share makes no difference here: mix greedy and softmax by it.": (
                _mixed(lambda greedy, p, share: p),
                _mixed(lambda greedy, p, share: greedy),
            ),
        },
        keep="A slider calls it again and again with the same logits: leave them alone.",
        hints=(
            "Greedy is a distribution, too: 1 for the top token, 0 for the rest.",
            "Add the two distributions, with the weights share and 1 - share.",
        ),
        why="With chance share the greedy 1 counts, with chance 1 - share the softmax: the "
        "distribution of a choice between two choices is their weighted sum.",
        tried="shares from 0 to 1, ties, flat and peaked logits",
    ),
)
