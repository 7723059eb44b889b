"""The exercises of lesson 00: plain Python, to see how exercises work."""

from collections.abc import Callable, Iterator
from random import Random

from .engine import Exercise
from .watched import with_its_calls


def pick_largest(scores: list[float]) -> int:
    """Return the position of the largest score; the first one on a tie."""
    best = 0
    for index in range(1, len(scores)):
        if scores[index] > scores[best]:
            best = index
    return best


def _scores() -> Iterator[tuple[list[float]]]:
    for scores in ([3.0, 5.0], [2.0, 1.0], [4.0, 4.0], [-2.0, -1.0], [0.2, 0.5, 0.3]):
        yield (scores[:],)
    yield from (([1.0, 2.0, 2.0],), ([-3.0, -1.0, -1.0],), ([0.0, -5.0, 0.0],), ([3.5],))
    random = Random(0)
    for length in (3, 4, 6, 10, 50):
        for low, high in ((-9, 9), (-9, -1), (1, 9)):  # mixed, all negative, all positive
            yield ([float(random.randint(low, high)) for _ in range(length)],)


def _from_zero(scores: list[float]) -> int:
    best, place = 0.0, 0
    for index, score in enumerate(scores):
        if score > best:
            best, place = score, index
    return place


def continue_text(
    next_token: Callable[[list[int]], int], tokens: list[int], steps: int
) -> list[int]:
    """Ask for the next token `steps` times; return the tokens with all that came after them."""
    text = list(tokens)
    for _ in range(steps):
        text.append(next_token(text))
    return text


def next_token(text: list[int]) -> int:
    """Give a next token that depends on the whole text."""
    return (sum(text) + len(text)) % 10


def _texts() -> Iterator[tuple[Callable, list[int], int]]:
    for tokens, steps in (([5], 1), ([5], 2), ([3, 4], 2), ([3, 4], 0), ([1, 2, 3], 5)):
        yield next_token, tokens[:], steps
    random = Random(0)
    for length in (1, 2, 5, 20):
        yield next_token, [random.randint(0, 9) for _ in range(length)], 2 * length


def _append_assigned(next_token: Callable, tokens: list[int], steps: int) -> list[int]:
    for _ in range(steps):
        tokens = tokens.append(next_token(tokens))
    return tokens


EXERCISES = (
    Exercise(
        name="00.pick_largest",
        title="Pick the largest score",
        difficulty=1,
        minutes=3,
        solution=pick_largest,
        cases=_scores,
        mistakes={
            "That is the largest score; its position is asked for.": (max, lambda s: int(max(s))),
            "All scores may be negative: start from the first score, not at 0.": _from_zero,
            "On a tie the first one counts.": lambda s: max(range(len(s)), key=lambda i: (s[i], i)),
            "Python counts positions from 0.": lambda scores: pick_largest(scores) + 1,
            "That is where the smallest score stands.": lambda s: s.index(min(s)),
            "`return` stands inside the loop, and ends it too soon: put it below the loop.": (
                lambda s: 0,
                lambda s: int(s[1] > s[0]) if len(s) > 1 else None,
                lambda s: next((i for i in range(1, len(s)) if s[i] > s[0]), None),
            ),
        },
        hints=(
            "Remember the position of the best score you have met so far.",
            "Start with position 0 as the best, so that a list of negative scores works too.",
            "Go through the other positions; take one over only where its score is larger (>).",
        ),
        why="The first score is the best so far, and only a larger one replaces it, so a tie keeps "
        "the first and the sign of the scores plays no part.",
        tried="positive, negative and tied scores",
        imports="",
    ),
    Exercise(
        name="00.loop",
        title="A text, one token at a time",
        difficulty=1,
        minutes=5,
        solution=continue_text,
        cases=_texts,
        observe=with_its_calls,
        mistakes={
            "`append` returns None: assign nothing from it, and `return` the list at the end.": (
                _append_assigned,
                lambda next_token, tokens, steps: list(tokens).append(next_token(tokens)),
            ),
            "`return` stands inside the loop, and ends it too soon: put it below the loop.": (
                lambda f, tokens, steps: continue_text(f, tokens, 1) if steps else None
            ),
            "Call the function: next_token(text) is a token, next_token alone is the function.": (
                lambda next_token, tokens, steps: tokens + [next_token] * steps
            ),
            "Give it the whole list: next_token(text).": (
                lambda f, tokens, steps: continue_text(lambda text: f(), tokens, steps)
            ),
            "That is only the last token: the next one may depend on all before it.": (
                lambda f, tokens, steps: continue_text(lambda text: f(text[-1:]), tokens, steps),
                lambda f, tokens, steps: continue_text(lambda text: f(text[-1]), tokens, steps),
            ),
            "Append each new token to the list before you ask for the next one.": (
                lambda f, tokens, steps: tokens + [f(tokens) for _ in range(steps)]
            ),
            "Return the whole list: the tokens given and the new ones.": (
                lambda f, tokens, steps: continue_text(f, tokens, steps)[len(tokens) :]
            ),
            "One new token a step, `steps` of them.": (
                lambda f, tokens, steps: continue_text(f, tokens, steps + 1)
            ),
        },
        keep="Work on a copy: `text = list(tokens)`, then append to `text`.",
        hints=(
            "Begin with a copy of the list: text = list(tokens).",
            "Repeat `steps` times: ask next_token(text) for one token.",
            "Append that token to text before the next round, and return text after the loop.",
        ),
        why="Each new token is appended before the next one is asked for, so every choice sees "
        "the whole text so far; a language model goes in the place of next_token.",
        tried="one step, many, none; each new token was fed back",
        imports="from collections.abc import Callable",
    ),
)
