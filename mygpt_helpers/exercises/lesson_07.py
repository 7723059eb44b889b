"""The exercises of lesson 07: beam search."""

from collections.abc import Callable, Iterator
from random import Random

import torch

from .beams_07 import beam_step, beams, each_beams_best, each_rows_best, levels
from .cases import float32
from .engine import Exercise


def best_pair(first: torch.Tensor, second: torch.Tensor) -> tuple[int, int]:
    """Return the two ids of the likeliest text; second[i] (V,) is what follows token i."""
    pairs = first[:, None] * second  # (V, V): each pair's probability
    place = int(pairs.argmax())  # in the flat list of V * V
    return place // pairs.shape[1], place % pairs.shape[1]


def _trees() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    yield float32([0.6, 0.4]), float32([[0.5, 0.5], [0.1, 0.9]])
    yield float32([0.6, 0.4, 0.0]), float32([[0.4, 0.3, 0.3], [0.0, 0.2, 0.8], [0.0, 1.0, 0.0]])
    yield float32([0.3, 0.7]), float32([[0.95, 0.05], [0.2, 0.8]])
    random = Random(7)
    for vocab_size in (3, 3, 4, 5, 8, 12, 20):
        for _ in range(3):
            count = vocab_size * (vocab_size + 1)
            scores = float32([round(random.gauss(0, 2), 2) for _ in range(count)])
            first, *rows = scores.reshape(-1, vocab_size).softmax(dim=-1)
            yield first, torch.stack(rows)


def _pair(table: Callable) -> Callable:
    """Make an answer that takes the largest entry of another table."""

    def answer(first: torch.Tensor, second: torch.Tensor) -> tuple[int, int]:
        place = int(table(first, second).argmax())
        return place // len(first), place % len(first)

    return answer


def _greedy_pair(first: torch.Tensor, second: torch.Tensor) -> tuple[int, int]:
    one = int(first.argmax())
    return one, int(second[one].argmax())


def best_text(scores: list[float], lengths: list[int], penalty: float) -> int:
    """Return the place of the text whose score / length ** penalty is the largest."""
    return max(range(len(scores)), key=lambda i: scores[i] / lengths[i] ** penalty)


def _texts() -> Iterator[tuple[list[float], list[int], float]]:
    for penalty in (0.0, 1.0, -1.0, 2.0):
        yield [-0.7, -0.9], [1, 3], penalty
    for penalty in (0.0, 0.5, 1.0, -1.0, 2.0):
        yield [-6.0, -3.0, -4.5, -9.0], [6, 2, 4, 12], penalty
    random = Random(7)
    for count in (2, 3, 5, 8, 8, 8):
        for penalty in (0.0, 1.0, 0.6, -0.5, 1.5):
            lengths = [random.randint(1, 20) for _ in range(count)]
            scores = [-round(n * random.uniform(0.3, 1.5), 3) for n in lengths]
            yield scores, lengths, penalty


def _text(key: Callable, choose: Callable = max) -> Callable:
    """Make an answer that ranks by another number."""
    return lambda s, n, penalty: choose(range(len(s)), key=lambda i: key(s[i], n[i], penalty))


def repeated_share(ids: list[int], n: int) -> float:
    """Return the share of the runs of n ids that stood in the text before; 0.0 without a run."""
    runs = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _ids_and_sizes() -> Iterator[tuple[list[int], int]]:
    yield [4, 7, 4, 7, 4], 2
    yield [1, 2, 3], 1
    yield [1, 1, 1, 1], 1
    yield [1, 1, 1, 1], 2
    yield [5, 6], 3  # no run at all
    yield [1, 2, 3, 9, 1, 2, 3, 9, 1, 2, 3], 3
    random = Random(7)
    for length in (6, 12, 30, 60):
        for n in (1, 2, 3):
            yield [random.randrange(4) for _ in range(length)], n


def _runs(ids: list[int], n: int) -> list[tuple[int, ...]]:
    return [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]


def _share(count: Callable, runs: Callable = _runs) -> Callable:
    """Make an answer that counts otherwise."""
    return lambda ids, n: count(found) if (found := runs(ids, n)) else 0.0


EXERCISES = (
    Exercise(
        name="07.best_pair",
        title="The likeliest pair",
        difficulty=2,
        minutes=5,
        solution=best_pair,
        cases=_trees,
        mistakes={
            "That is greedy: the likeliest first token may lead to nothing good. Compare whole "
            "pairs.": _greedy_pair,
            "second alone forgets how likely its row is: multiply by first.": _pair(
                lambda first, second: second
            ),
            "Token i comes first, so it picks the row: first[:, None] * second.": _pair(
                lambda first, second: first * second
            ),
            "Probabilities along a path are multiplied; a sum needs their logarithms.": _pair(
                lambda first, second: first[:, None] + second
            ),
            "The first id is the row, place // V, the second the column, place % V.": (
                lambda first, second: best_pair(first, second)[::-1]
            ),
            "argmax counts through all V * V pairs: cut its place into row and column.": (
                lambda first, second: int((first[:, None] * second).argmax())
            ),
        },
        keep="Leave the caller's probabilities as they are.",
        hints=(
            "A pair's probability is first[i] * second[i, j]. There are V * V of them.",
            "first[:, None] has shape (V, 1), so first[:, None] * second multiplies row i by "
            "first[i].",
            "argmax gives a place in the flat table: its row is place // V, its column place % V.",
        ),
        why="All V * V products stand in one table, and the largest of them is the likeliest pair.",
        tried="trees of two levels over 2 to 20 tokens",
    ),
    Exercise(
        name="07.beam_step",
        title="One level of a beam search",
        difficulty=3,
        minutes=8,
        solution=beam_step,
        cases=levels,
        mistakes={
            "A candidate's score is its beam's score and the new log-probability.": beams(
                sums=lambda scores, log_probs: log_probs
            ),
            "Beams compete: one may go on twice, and another not at all.": each_beams_best,
            "Scores are logarithms already: add them.": beams(
                sums=lambda scores, log_probs: scores[:, None] * log_probs
            ),
            "The flat table has V places for each beam: divide by V.": beams(
                divide=lambda sums: sums.shape[0]
            ),
            "First the parents, then the tokens: place // V and place % V.": beams(order=(1, 0, 2)),
            "The scores come last: parents, tokens, scores.": (
                beams(order=(2, 0, 1)),
                beams(order=(2, 1, 0)),
            ),
            "Keep num_beams of the whole list, not of each row: flatten before topk.": (
                each_rows_best
            ),
            "The new scores are the sums: the next level adds to them.": beams(
                value=lambda log_probs, place, best: log_probs.flatten()[place]
            ),
            "Those are the worst. Scores are negative, and the largest is the one nearest to 0.": (
                beams(largest=False)
            ),
        },
        keep="Leave the caller's scores as they are.",
        hints=(
            "scores[:, None] + log_probs has a row for each beam and a column for each token.",
            "sums.flatten().topk(num_beams) looks at all B * V candidates at once.",
            "A place in the flat table: its row, the parent, is place // V, its token place % V.",
        ),
        why="All candidates of all beams stand in one list, so a good beam can take the place of a "
        "bad one.",
        tried="1 to 5 beams over 3 to 30 tokens, and the first level",
    ),
    Exercise(
        name="07.best_text",
        title="Which text wins?",
        difficulty=1,
        minutes=4,
        solution=best_text,
        cases=_texts,
        mistakes={
            "Without a penalty short texts win: divide by length ** penalty.": _text(
                lambda s, n, penalty: s
            ),
            "That is the mean whatever the penalty: raise the length to it first.": _text(
                lambda s, n, penalty: s / n
            ),
            "Divide by the power: a score is negative, and multiplied it falls.": _text(
                lambda s, n, penalty: s * n**penalty
            ),
            "length ** penalty, not length * penalty.": _text(
                lambda s, n, penalty: s / (n * penalty) if penalty else s / n
            ),
            "Its place is asked for, not its number.": lambda s, n, penalty: max(
                score / length**penalty for score, length in zip(s, n, strict=True)
            ),
            "Places are counted from 0.": lambda *given: best_text(*given) + 1,
            "The largest wins. All are negative, so that is the one nearest to 0.": _text(
                lambda s, n, penalty: s / n**penalty, min
            ),
        },
        keep="Leave the caller's lists as they are.",
        hints=(
            "For text i, compute scores[i] / lengths[i] ** penalty.",
            "max(range(len(scores)), key=...) gives the place of the largest.",
        ),
        why="Penalty 0 divides by 1 and leaves the sum; penalty 1 divides by the length and makes "
        "a mean.",
        tried="2 to 8 texts, penalties below, at and above 0",
        imports="",
    ),
    Exercise(
        name="07.repeated",
        title="How much is repeated?",
        difficulty=2,
        minutes=5,
        solution=repeated_share,
        cases=_ids_and_sizes,
        mistakes={
            "That is the share of different runs; the repeated ones are the rest.": _share(
                lambda runs: len(set(runs)) / len(runs)
            ),
            "Runs overlap: one starts at every place that has n ids left.": _share(
                lambda runs: 1 - len(set(runs)) / len(runs),
                lambda ids, n: [tuple(ids[i : i + n]) for i in range(0, len(ids) - n + 1, n)],
            ),
            "Runs of n are asked for, not single ids.": _share(
                lambda runs: 1 - len(set(runs)) / len(runs), lambda ids, n: _runs(ids, 1)
            ),
            "A run that comes three times repeats twice: its first time is new.": _share(
                lambda runs: sum(runs.count(run) > 1 for run in runs) / len(runs)
            ),
            "A share is a number from 0 to 1: divide by how many runs there are.": (
                _share(lambda runs: float(len(runs) - len(set(runs)))),
                _share(lambda runs: 100 * (1 - len(set(runs)) / len(runs))),
            ),
            "Divide by how many runs there are: len(ids) - n + 1, not len(ids).": lambda ids, n: (
                (len(runs := _runs(ids, n)) - len(set(runs))) / len(ids)
            ),
            "The last run starts at len(ids) - n: range(len(ids) - n + 1).": _share(
                lambda runs: 1 - len(set(runs)) / len(runs), lambda ids, n: _runs(ids[:-1], n)
            ),
            "A text shorter than n has no run: return 0.0.": lambda ids, n: (
                1 - len(set(_runs(ids, n))) / len(_runs(ids, n))
            ),
        },
        keep="Leave the caller's list as it is.",
        hints=(
            "tuple(ids[i : i + n]) for each i from 0 to len(ids) - n: those are the runs.",
            "A set keeps each run once: what it loses was there before.",
        ),
        why="A set counts a run once, so what is missing from it are the repetitions.",
        tried="texts of 2 to 60 ids, runs of 1 to 3",
        imports="",
    ),
)
