"""The exercises of lesson 14: the lens, the induction score, the least likely token."""

from collections.abc import Callable, Iterator
from random import Random

import torch

from .engine import Exercise


def lens(states: torch.Tensor, norm: Callable, head: Callable) -> torch.Tensor:
    """Return the logits after the last token, had the model stopped at each state: (L + 1, V).

    states: (L + 1, T, C), the last of which has been through norm already. norm: (..., C) to
    (..., C). head: (..., C) to (..., V).
    """
    last = states[:, -1]  # (L + 1, C): of the last position
    normed = torch.cat([norm(last[:-1]), last[-1:]])  # (L + 1, C)
    return head(normed)  # (L + 1, V)


def norm(x: torch.Tensor) -> torch.Tensor:
    """Give each vector of (..., C) the length sqrt(C), then its numbers a weight each."""
    size = x.pow(2).mean(dim=-1, keepdim=True).sqrt()  # (..., 1)
    return x / size * torch.linspace(0.5, 2.0, x.shape[-1])


def head(x: torch.Tensor) -> torch.Tensor:
    """Return logits (..., C + 1): the numbers of x (..., C) as they are, and their sum."""
    return torch.cat([x, x.sum(dim=-1, keepdim=True)], dim=-1)


def _states() -> Iterator[tuple[torch.Tensor, Callable, Callable]]:
    random = Random(0)
    sizes = [(2, 2, 2), (2, 1, 3), (3, 2, 2), (4, 3, 5), (7, 9, 4)]
    for depth, T, C in sizes:
        places = range(depth * T * C)
        numbers = [random.choice([-1, 1]) * random.randint(1, 9) for _ in places]
        states = torch.tensor(numbers, dtype=torch.float32).view(depth, T, C)
        yield torch.cat([states[:-1], norm(states[-1:])]), norm, head


def induction(weights: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return how much each head looks at what came after the same token the last time: (H,).

    weights: (H, T, T), row i is where position i looks. ids: (T,). Only positions count whose token
    stood earlier in the text; of several earlier places the latest. Returns the mean over these
    positions, and 0 for each head where there are none.
    """
    text = ids.tolist()
    found = []
    for i, token in enumerate(text):
        earlier = [j for j in range(i) if text[j] == token]
        if earlier:
            found.append(weights[:, i, earlier[-1] + 1])  # (H,)
    return torch.stack(found).mean(dim=0) if found else weights.new_zeros(len(weights))


def _texts() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    texts = [[4, 7, 4], [5, 1, 2, 5, 1, 2], [3, 8, 3, 6, 3], [1, 2, 3], [2, 2, 9], [6]]
    random = Random(0)
    texts += [[random.randrange(9) for _ in range(T)] for T in (8, 12, 20)]
    for H, text in zip((1, 2, 2, 3, 1, 2, 4, 3, 9), texts, strict=True):
        T = len(text)
        scores = torch.tensor([[[random.random() for _ in text] for _ in text] for _ in range(H)])
        later = torch.ones(T, T).triu(diagonal=1).bool()  # (T, T)
        yield (4 * scores).masked_fill(later, -torch.inf).softmax(dim=-1), torch.tensor(text)


def _looks(
    place: Callable = lambda earlier, i: earlier[-1] + 1,
    read: Callable = lambda weights, i, j: weights[:, i, j],
    whole: Callable = lambda found, T: found.mean(dim=0),
) -> Callable:
    """Make a score that looks at another place, reads another entry or means otherwise."""

    def score(weights: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        found = []
        for i, token in enumerate(ids.tolist()):
            earlier = (ids[:i] == token).nonzero()[:, 0].tolist()
            found += [read(weights, i, place(earlier, i))] if earlier else []
        return whole(torch.stack(found), len(ids)) if found else torch.zeros(len(weights))

    return score


def surprise(logits: torch.Tensor, ids: torch.Tensor) -> int:
    """Return the position of the token that the model held for least likely, from 1 to T - 1.

    logits: (T, V), what the model says after each of ids (T,), T at least 2. The first token has
    nothing before it and does not count.
    """
    log_probs = logits[:-1].log_softmax(dim=-1)  # (T - 1, V): about the tokens 1 to T - 1
    own = log_probs.gather(-1, ids[1:, None])[:, 0]  # (T - 1,)
    return 1 + int(own.argmin())


def _read() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    random = Random(1)
    for T, V in ((3, 3), (2, 3), (4, 3), (5, 4), (8, 5), (20, 9), (30, 6)):
        logits = [
            [random.gauss(0, 2) + 3 * random.random() * t for _ in range(V)] for t in range(T)
        ]
        yield torch.tensor(logits), torch.tensor([random.randrange(V) for _ in range(T)])


def _least(scores: Callable, first: int = 1, last: Callable = torch.argmin) -> Callable:
    """Make an answer that scores the tokens 1 to T - 1 in another way, or counts otherwise."""
    return lambda logits, ids: first + int(last(scores(logits, ids)))


def _own(scores: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return scores.gather(-1, ids[:, None])[:, 0]  # (T,)


def _right(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return _own(logits[:-1].log_softmax(dim=-1), ids[1:])  # (T - 1,)


EXERCISES = (
    Exercise(
        name="14.surprise",
        title="The most surprising token",
        difficulty=2,
        minutes=5,
        solution=surprise,
        cases=_read,
        mistakes={
            "Logits at position t are about token t + 1: compare logits[:-1] with ids[1:].": (
                _least(lambda z, ids: _own(z.log_softmax(dim=-1), ids), first=0),
                _least(lambda z, ids: _own(z[1:].log_softmax(dim=-1), ids[1:])),
            ),
            "Positions count from 0, and the first token has no logits: add 1.": (
                _least(_right, first=0)
            ),
            "Logits of different positions do not compare: take log_softmax of each row.": (
                _least(lambda z, ids: _own(z[:-1], ids[1:]))
            ),
            "That softmax goes over the positions; the vocabulary is the last dimension.": (
                _least(lambda z, ids: _own(z[:-1].log_softmax(dim=0), ids[1:]))
            ),
            "That is the likeliest token; the least likely is asked for.": (
                _least(_right, last=torch.argmax)
            ),
            "That is the token's id; its position is asked for.": (
                lambda z, ids: int(ids[surprise(z, ids)])
            ),
            "That reads each row at every id: gather one entry of each row.": (
                _least(lambda z, ids: z.softmax(dim=-1)[:-1, ids[1:]])
            ),
        },
        keep="Read the logits; change none of them.",
        hints=(
            "Which row of logits is about ids[1]? The row before it, logits[0].",
            "log_softmax over the last dimension of logits[:-1], then gather at ids[1:, None].",
            "argmin of these T - 1 numbers counts from the second token.",
        ),
        why="Each row of logits is about the next token, so the rows and the ids are shifted by "
        "one; after log_softmax the rows can be compared with each other.",
        tried="texts of two tokens and more",
    ),
    Exercise(
        name="14.lens",
        title="The lens, by hand",
        difficulty=2,
        minutes=5,
        solution=lens,
        cases=_states,
        mistakes={
            "The last state has had its norm, as in hidden_states of transformers: give it to the "
            "head as it is.": lambda states, norm, head: head(norm(states[:, -1])),
            "The head learnt to read normed states: norm the earlier ones first.": (
                lambda states, norm, head: head(states[:, -1])
            ),
            "That is after the first token; the last position is states[:, -1].": (
                lambda states, norm, head: lens(states[:, :1], norm, head)
            ),
            "Norm comes before the head, as at the end of the model.": (
                lambda states, norm, head: torch.cat(
                    [norm(head(states[:-1, -1])), head(states[-1:, -1])]
                )
            ),
            "That is the last layer's, the model's own logits; each state has its row.": (
                lambda states, norm, head: head(states[-1, -1])
            ),
            "These are logits of every position; of each state the last is asked for.": (
                lambda states, norm, head: head(torch.cat([norm(states[:-1]), states[-1:]]))
            ),
            "These are probabilities; logits are asked for.": (
                lambda states, norm, head: lens(states, norm, head).softmax(dim=-1)
            ),
            "states[-1] is the last layer; the last token is states[:, -1].": (
                lambda states, norm, head: head(states[-1])
            ),
            "One tensor is asked for: torch.stack makes it of a list.": (
                lambda states, norm, head: [*lens(states, norm, head)]
            ),
        },
        keep="Make new tensors; leave the states as they are.",
        hints=(
            "states[:, -1] is (L + 1, C): the last position of each state.",
            "Norm all rows of it but the last, put the two parts together by torch.cat, and give "
            "that to the head.",
        ),
        why="All states have the same width, so the model's last two parts take any of them; the "
        "last state has had the norm, and a second one would change it.",
        tried="one layer and more, one token and more",
        imports="from collections.abc import Callable\n\nimport torch",
    ),
    Exercise(
        name="14.induction",
        title="A score for any text",
        difficulty=3,
        minutes=8,
        solution=induction,
        cases=_texts,
        mistakes={
            "All zeros: no repeat was found. Compare numbers, ids.tolist(), not tensors.": (
                lambda weights, ids: torch.zeros(len(weights))
            ),
            "That is the weight on the same token; the one after it counts.": _looks(
                place=lambda earlier, i: earlier[-1]
            ),
            "Of several earlier places the latest counts.": _looks(
                place=lambda earlier, i: earlier[0] + 1
            ),
            "Row i says where position i looks: weights[:, i, j].": _looks(
                read=lambda weights, i, j: weights[:, j, i]
            ),
            "A position whose token is new does not count in the mean.": _looks(
                whole=lambda found, T: found.sum(dim=0) / T
            ),
            "That is the sum; the mean is asked for.": _looks(
                whole=lambda found, T: found.sum(dim=0)
            ),
            "That is one number for all heads; each head has its own.": _looks(
                whole=lambda found, T: found.mean()
            ),
            "A text without a repeated token scores 0 for each head: torch.zeros(H).": (
                lambda weights, ids: (
                    induction(weights, ids)
                    if len(set(ids.tolist())) < len(ids)
                    else torch.full((len(weights),), torch.nan)
                ),
                lambda weights, ids: (
                    induction(weights, ids)
                    if len(set(ids.tolist())) < len(ids)
                    else torch.stack([])
                ),
            ),
        },
        keep="Read the weights; change none of them.",
        hints=(
            "Go through the positions i. Which earlier j have ids[j] == ids[i]?",
            "With the latest such j, keep weights[:, i, j + 1]. That is a tensor (H,).",
            "torch.stack makes one tensor of what you kept; its mean over dimension 0 is (H,).",
        ),
        why="An induction head looks one place past the last time that its token stood there; the "
        "mean of these weights tells such a head in any text that repeats itself.",
        tried="texts with repeats and without, next to each other and far apart, one head and nine",
    ),
)
