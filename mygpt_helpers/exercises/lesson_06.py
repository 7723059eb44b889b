"""The exercises of lesson 06: top-p, repetition penalty, repeated n-grams, the order of rules."""

from collections.abc import Iterator
from random import Random

import torch

from ..sampling import keep_top_p
from .cases import float32, many_logits
from .engine import Exercise

INF = float("inf")


def nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the fewest tokens whose probabilities reach top_p; set the others to -inf, (..., V)."""
    ordered, order = logits.sort(dim=-1, descending=True)  # (..., V) each
    probs = ordered.softmax(dim=-1)
    before = probs.cumsum(dim=-1) - probs  # what the more likely tokens have together
    cut = before >= top_p
    cut = cut.scatter(-1, order, cut)  # back in the tokens' own order
    return logits.masked_fill(cut, -torch.inf)


def _logits_and_p() -> Iterator[tuple[torch.Tensor, float]]:
    yield float32([0.05, 0.5, 0.3, 0.15]).log(), 0.75
    yield float32([0.05, 0.95]).log(), 0.5
    for top_p in (0.5, 0.75, 0.875):  # sums that are exact: reaching top_p is enough
        yield float32([0.25, 0.125, 0.5, 0.125]).log(), top_p
    yield float32([0.1, 0.2, 0.7]).log(), 1.0
    for logits in many_logits():
        if any(len(row.unique()) < len(row) for row in logits.reshape(-1, logits.shape[-1])):
            continue  # which of equal tokens stays is open
        for top_p in (0.9, 0.5, 0.2):
            sums = logits.double().softmax(-1).sort(dim=-1, descending=True).values.cumsum(-1)
            if bool(((sums - top_p).abs() > 1e-4).all()):  # rounding decides nothing
                yield logits, top_p


def _slip(*dims: int, crossing: bool = True, late: float = 0.0, back: bool = True) -> object:
    """Make an answer with slips: the steps' dimensions, what is above a token, what is too late."""

    def answer(logits: torch.Tensor, top_p: float) -> torch.Tensor:
        sort, softmax, cumsum = dims or (-1, -1, -1)
        ordered, order = logits.sort(dim=sort, descending=True)
        probs = ordered.softmax(softmax)
        cut = probs.cumsum(cumsum) - probs * crossing >= top_p + late
        return logits.masked_fill(cut.scatter(sort, order, cut) if back else cut, -INF)

    return answer


def penalized(logits: torch.Tensor, used_ids: list[int], penalty: float) -> torch.Tensor:
    """Return logits (V,) in which each id of used_ids is penalized once, whatever its sign."""
    used = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    used[used_ids] = True
    changed = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(used, changed, logits)


def _logits_and_used() -> Iterator[tuple[torch.Tensor, list[int], float]]:
    random = Random(0)
    yield float32([2.0, -2.0, 1.0]), [0, 1], 2.0
    yield float32([2.0, 1.0]), [0, 0], 1.5
    for count in (2, 3, 5, 17):
        for penalty in (1.2, 2.0, 1.0, 0.5):
            logits = float32([round(random.gauss(0, 3), 1) for _ in range(count)])
            yield logits, [random.randrange(count) for _ in range(random.randint(1, 6))], penalty


def _each_time(logits: torch.Tensor, used_ids: list[int], penalty: float) -> torch.Tensor:
    for i in used_ids:
        logits = penalized(logits, [i], penalty)
    return logits


def _only_used(changed: object) -> object:
    """Make an answer that does something of its own to the logits of the tokens used."""

    def answer(logits: torch.Tensor, used_ids: list[int], penalty: float) -> torch.Tensor:
        used = torch.zeros(len(logits), dtype=torch.bool)
        used[used_ids] = True
        return torch.where(used, changed(logits, penalty), logits)

    return answer


def banned_next(ids: list[int], n: int) -> list[int]:
    """Return, ascending, each id that would end a run of n ids which is in ids already."""
    last = ids[len(ids) - n + 1 :]  # the n - 1 ids that the next one continues
    places = range(len(ids) - n + 1)  # where a run of n ids begins
    return sorted({ids[i + n - 1] for i in places if ids[i : i + n - 1] == last})


def _ids_and_n() -> Iterator[tuple[list[int], int]]:
    yield [5, 7, 5], 2
    yield [5, 7, 8, 5, 9, 5], 2
    yield [4], 2
    yield [3, 1, 3], 1
    yield [1, 2, 3, 1, 2], 3
    random = Random(0)
    for count in (3, 6, 12, 40):
        for n in (1, 2, 3, 4):
            yield [random.randrange(3) for _ in range(count)], n


def _runs(start: int, stop: int, take: int = 0) -> object:
    """Make an answer that looks for the last ids elsewhere, or too far, or bans another one."""

    def answer(ids: list[int], n: int) -> list[int]:
        last = ids[-(n - 1) :] if start else ids[len(ids) - n + 1 :]
        places = range(max(0, len(ids) - n + 1 + stop))
        found = {i + n - 1 + take for i in places if ids[i : i + n - 1] == last}
        return sorted({ids[i] for i in found if i < len(ids)})

    return answer


def _found(ids: list[int], n: int) -> list[int]:
    """Return the banned ids as they are met, some of them twice."""
    last = ids[len(ids) - n + 1 :]
    return [ids[i + n - 1] for i in range(len(ids) - n + 1) if ids[i : i + n - 1] == last]


def changed_by_order(logits: torch.Tensor, temperature: float, top_p: float) -> int:
    """Return how many tokens only one of two orders keeps: temperature first, or top-p first."""
    first = keep_top_p(logits / temperature, top_p) > -torch.inf  # (V,)
    second = keep_top_p(logits, top_p) / temperature > -torch.inf
    return int((first != second).sum())


def _kept(logits: torch.Tensor, top_p: float) -> int:
    return int((keep_top_p(logits, top_p) > -INF).sum())


def _more(logits: torch.Tensor, temperature: float, top_p: float) -> int:
    return _kept(logits / temperature, top_p) - _kept(logits, top_p)


def _logits_and_both() -> Iterator[tuple[torch.Tensor, float, float]]:
    yield float32([0.05, 0.5, 0.3, 0.15]).log(), 2.0, 0.75
    for logits, top_p in _logits_and_p():
        if logits.dim() == 1 and top_p < 1:
            for temperature in (0.6, 1.0, 1.7):
                yield logits.clone(), temperature, top_p


EXERCISES = (
    Exercise(
        name="06.nucleus",
        title="Top-p",
        difficulty=3,
        minutes=8,
        solution=nucleus,
        cases=_logits_and_p,
        mistakes={
            "The token that crosses top_p stays: compare the sum before it.": _slip(crossing=False),
            "A sum that equals top_p has reached it: cut with >=, not with >.": _slip(late=1e-6),
            "Sorted order is not the tokens' own: scatter brings the mask back to the logits.": (
                _slip(back=False),
                lambda z, p: nucleus(z, p).sort(dim=-1, descending=True).values,
            ),
            "Each row is a distribution of its own: dim=-1 in every step.": (
                *(_slip(*dims) for dims in ((-1, 0, -1), (-1, -1, 0), (-1, 0, 0), (0, 0, 0))),
            ),
            "Begin with the most likely token: descending=True.": lambda z, p: z.masked_fill(
                nucleus(-z, p) == -INF, -INF
            ),
            "top_p bounds a sum of probabilities, not each one of them.": (
                lambda z, p: z.masked_fill(z.softmax(-1) < p, -INF),
                lambda z, p: z.masked_fill(z.softmax(-1) < 1 - p, -INF),
            ),
            "Return logits: softmax comes later.": (
                lambda z, p: nucleus(z, p).softmax(-1),
                lambda z, p: z.softmax(-1).masked_fill(nucleus(z, p) == -INF, 0.0),
                lambda z, p: z.softmax(-1).masked_fill(nucleus(z, p) == -INF, -INF),
            ),
            "A logit of 0 is no ban: set it to -torch.inf.": (
                lambda z, p: nucleus(z, p).nan_to_num(neginf=0.0)
            ),
        },
        keep="Leave the argument alone: masked_fill, without an underscore, makes a new tensor.",
        hints=(
            "Sort the logits with descending=True, and take softmax of the sorted ones.",
            "cumsum(dim=-1) minus the probabilities is what stands before each token. A token is "
            "cut where that has reached top_p.",
            "mask.scatter(-1, order, mask) brings a mask back into the tokens' own order.",
        ),
        why="A token is needed only while the more likely ones have not reached top_p; nothing "
        "stands before the top token, so it always stays.",
        tried="rows and batches, peaked and flat, top_p from 0.2 to 1",
    ),
    Exercise(
        name="06.penalty",
        title="Repetition penalty",
        difficulty=2,
        minutes=6,
        solution=penalized,
        cases=_logits_and_used,
        mistakes={
            "A negative logit that is divided moves up: multiply it.": _only_used(
                lambda z, x: z / x
            ),
            "A positive logit that is multiplied moves up: divide it.": _only_used(
                lambda z, x: z * x
            ),
            "It is the other way round: divide the positive, multiply the negative ones.": (
                _only_used(lambda z, x: torch.where(z < 0, z / x, z * x))
            ),
            "Divide or multiply; do not subtract.": _only_used(lambda z, x: z - x),
            "Only the tokens in used_ids change.": lambda z, used, x: torch.where(
                z < 0, z * x, z / x
            ),
            "Once is enough, however often a token was used.": _each_time,
        },
        keep="Leave the argument alone: torch.where makes a new tensor.",
        hints=(
            "torch.where(condition, a, b) takes from a where the condition holds, else from b.",
            "Mark the used tokens in a tensor of V times False, then choose twice: by sign, and "
            "by whether a token was used.",
        ),
        why="Dividing brings a logit nearer to 0: that is down for a positive one, and up for a "
        "negative one, which is therefore multiplied.",
        tried="both signs, ids that come twice, penalties below and above 1",
    ),
    Exercise(
        name="06.ngrams",
        title="What may not come next",
        difficulty=2,
        minutes=8,
        solution=banned_next,
        cases=_ids_and_n,
        mistakes={
            "With n = 1 nothing goes before: ids[-0:] is the whole list.": _runs(1, 0),
            "Look one place further: the last run ends where the text ends.": _runs(0, -1),
            "Ban the id that came after the run, not the last one of the run.": _runs(0, 0, -1),
            "An id that follows one of these, anywhere, is not enough: all n - 1 must agree.": (
                lambda ids, n: banned_next(ids, min(n, 2))
            ),
            "Return a list, each id once, ascending: sorted(set(...)).": (
                lambda ids, n: set(banned_next(ids, n)),
                _found,
                lambda ids, n: sorted(_found(ids, n)),
                lambda ids, n: [*dict.fromkeys(_found(ids, n))],
            ),
            "n counts the banned id, too: n - 1 ids go before it.": lambda ids, n: banned_next(
                ids, n + 1
            ),
        },
        imports="",
        hints=(
            "The next id would end a run of n. Its first n - 1 ids are the last ones of the text.",
            "Go through every place where n ids fit. Where the first n - 1 are those last ones, "
            "the n-th may not come again.",
        ),
        why="A run of n comes again exactly when the last n - 1 ids have been there before, "
        "followed by the same id.",
        tried="n from 1 to 4, texts shorter than n, several bans at once",
    ),
    Exercise(
        name="06.order",
        title="What the order changes",
        difficulty=2,
        minutes=5,
        solution=changed_by_order,
        cases=_logits_and_both,
        mistakes={
            "Count tokens that are kept, which one order leaves finite and the other does not.": (
                lambda z, t, p: int(
                    (keep_top_p(z / t, p).softmax(-1) != keep_top_p(z, p).softmax(-1)).sum()
                ),
                lambda z, t, p: int((keep_top_p(z / t, p) != keep_top_p(z, p) / t).any()),
            ),
            "Either order may keep more: count wherever the masks differ.": (
                _more,
                lambda z, t, p: -_more(z, t, p),
                lambda z, t, p: max(0, _more(z, t, p)),
                lambda z, t, p: max(0, -_more(z, t, p)),
            ),
            "If that is 0 each time, both are the same order: in one of them top-p comes first.": (
                lambda z, t, p: 0
            ),
            "The temperature divides the logits.": lambda z, t, p: changed_by_order(z, 1 / t, p),
            "That is what one order keeps; compare it with the other.": (
                lambda z, t, p: _kept(z / t, p),
                lambda z, t, p: _kept(z, p),
            ),
        },
        imports="import torch\n\nfrom mygpt_helpers import keep_top_p",
        hints=(
            "One order is keep_top_p(logits / temperature, top_p). What is the other one?",
            "A kept token is above -torch.inf. Compare the two masks with != and count.",
        ),
        why="Top-p adds up probabilities, and the temperature changes them; so what reaches "
        "top_p depends on which of them comes first.",
        tried="sharper, unchanged and flatter distributions",
    ),
)
