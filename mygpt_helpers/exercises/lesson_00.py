"""The exercises of lesson 00: plain Python, to see how exercises work."""

from collections.abc import Callable
from random import Random

from .answer import Answer, TooManyCalls, Wrong, kind, show
from .core import Exercise


def pick_largest(scores: list[float]) -> int:
    """Return the position of the largest score; the first one on a tie."""
    best = 0
    for index in range(1, len(scores)):
        if scores[index] > scores[best]:
            best = index
    return best


def _check_pick_largest(answer: Answer) -> str:
    cases = [[3.0, 5.0], [2.0, 1.0], [4.0, 4.0], [-2.0, -1.0], [0.2, 0.5, 0.3]]
    cases += [[1.0, 2.0, 2.0], [-3.0, -1.0, -1.0], [0.0, -5.0, 0.0], [3.5]]
    random = Random(0)
    for length in (3, 4, 6, 10, 50):
        for low, high in ((-9, 9), (-9, -1), (1, 9)):  # mixed, all negative, all positive
            cases.append([float(random.randint(low, high)) for _ in range(length)])
    for scores in cases:
        got, top = answer(scores), max(scores)
        want = scores.index(top)
        known = [
            (
                max(scores) < 0,
                "All scores are negative here: start from the first score, not at 0.",
            ),
            (got == len(scores) - 1 - scores[::-1].index(top), "On a tie the first one counts."),
            (got == want + 1, "Python counts positions from 0."),
            (got == scores.index(min(scores)), "That is where the smallest score stands."),
        ]
        if isinstance(got, bool) or not isinstance(got, int):
            asked = f"{want}, an int"
            same = isinstance(got, float) and got == top
            advice = (
                "That is the largest score; its position is asked for."
                if same
                else ("Return a plain Python int.")
            )
            raise Wrong("the result is not a position", asked, f"{show(got)} ({kind(got)})", advice)
        if got != want:
            advice = next((text for holds, text in known if holds), "")
            raise Wrong("that is not where the largest stands", show(want), show(got), advice)
    return "positive, negative and tied scores"


def continue_text(
    next_token: Callable[[list[int]], int], tokens: list[int], steps: int
) -> list[int]:
    """Ask for the next token `steps` times; return the tokens with all that came after them."""
    text = list(tokens)
    for _ in range(steps):
        text.append(next_token(text))
    return text


def _check_continue_text(answer: Answer) -> str:
    cases = [([5], 1), ([5], 2), ([3, 4], 2), ([3, 4], 0), ([1, 2, 3], 5)]
    random = Random(0)
    for length in (1, 2, 5, 20):
        cases.append(([random.randint(0, 9) for _ in range(length)], 2 * length))
    for tokens, steps in cases:
        want = list(tokens)
        for _ in range(steps):
            want = [*want, _rule(want)]
        seen: list[object] = []
        got = answer(_recorder(seen, steps), tokens, steps)
        _judge_calls(seen, tokens, want, steps)
        if not isinstance(got, list):
            raise Wrong("the result is not a list", show(want), f"{show(got)} ({kind(got)})")
        if got != want:
            fresh = got == want[len(tokens) :]
            advice = "Return the whole list: the tokens given and the new ones." if fresh else ""
            raise Wrong("that is not the whole text", show(want), show(got), advice)
        answer.must_not_change("Work on a copy: `text = list(tokens)`, then append to `text`.")
    return "one step, many, none; each new token was fed back"


def _rule(text: list[int]) -> int:
    """Give a next token that depends on the whole text."""
    return (sum(text) + len(text)) % 10


def _recorder(seen: list[object], steps: int) -> Callable[[object], int]:
    def next_token(text: object = ...) -> int:
        if len(seen) > steps + 100:
            raise TooManyCalls(f"next_token was called more than {steps + 100} times; does it end?")
        seen.append(list(text) if isinstance(text, list | tuple) else text)
        try:
            return _rule(text)  # type: ignore[arg-type]
        except Exception:  # not a list of numbers: _judge_calls says so
            return 0

    return next_token


def _judge_calls(seen: list[object], tokens: list[int], want: list[int], steps: int) -> None:
    """Raise Wrong unless each call of next_token was given the whole text so far."""
    for count, text in enumerate(seen[:steps]):
        asked = want[: len(tokens) + count]
        if text == asked:
            continue
        advice = "It takes the whole list so far: next_token(text)."
        if text == asked[-1:] or text == asked[-1]:
            advice = "That is only the last token: the next one may depend on all before it."
        elif text == tokens:
            advice = "Append each new token to the list before you ask for the next one."
        what = f"call {count + 1} of next_token was not given the text so far"
        raise Wrong(what, f"next_token({show(asked)})", f"next_token({show(text)})", advice)
    if len(seen) != steps:
        what = "next_token was not called once a step"
        raise Wrong(what, f"calls: {steps}", f"calls: {len(seen)}")


def _from_zero(scores: list[float]) -> int:
    best, place = 0.0, 0
    for index, score in enumerate(scores):
        if score > best:
            best, place = score, index
    return place


def _last_on_tie(scores: list[float]) -> int:
    return max(range(len(scores)), key=lambda index: (scores[index], index))


def _only_last(next_token: Callable, tokens: list[int], steps: int) -> list[int]:
    text = list(tokens)
    for _ in range(steps):
        text.append(next_token([text[-1]]))
    return text


def _in_place(next_token: Callable, tokens: list[int], steps: int) -> list[int]:
    for _ in range(steps):
        tokens.append(next_token(tokens))
    return tokens


def _not_fed_back(next_token: Callable, tokens: list[int], steps: int) -> list[int]:
    return list(tokens) + [next_token(tokens) for _ in range(steps)]


def _only_new(next_token: Callable, tokens: list[int], steps: int) -> list[int]:
    return continue_text(next_token, tokens, steps)[len(tokens) :]


def _append_assigned(next_token: Callable, tokens: list[int], steps: int) -> list[int]:
    for _ in range(steps):
        tokens = tokens.append(next_token(tokens))
    return tokens


def _one_too_many(next_token: Callable, tokens: list[int], steps: int) -> list[int]:
    return continue_text(next_token, tokens, steps + 1)


def _endless(next_token: Callable, tokens: list[int], steps: int) -> list[int]:
    text = list(tokens)
    while True:
        text.append(next_token(text))


EXERCISES = (
    Exercise(
        name="00.pick_largest",
        title="Pick the largest score",
        difficulty=1,
        minutes=3,
        task="Return the position of the largest score in a list; on a tie, the first one.",
        check=_check_pick_largest,
        hints=(
            "Remember the position of the best score you have met so far.",
            "Start with position 0 as the best, so that a list of negative scores works too.",
            "Go through the other positions; take one over only where its score is larger (>).",
        ),
        solution=pick_largest,
        why="The first score is the best so far, and only a larger one replaces it, so a tie keeps "
        "the first and the sign of the scores plays no part.",
        wrong=(
            (_from_zero, "start from the first score, not at 0"),
            (max, "its position is asked for"),
            (_last_on_tie, "On a tie the first one counts"),
            (lambda scores: pick_largest(scores) + 1, "counts positions from 0"),
            (lambda scores: scores.index(min(scores)), "the smallest"),
        ),
    ),
    Exercise(
        name="00.loop",
        title="A text, one token at a time",
        difficulty=1,
        minutes=5,
        task="Call next_token with the list so far and append what it gives, `steps` times; "
        "return the whole list and leave the caller's list alone.",
        check=_check_continue_text,
        hints=(
            "Begin with a copy of the list: text = list(tokens).",
            "Repeat `steps` times: ask next_token(text) for one token.",
            "Append that token to text before the next round, and return text after the loop.",
        ),
        solution=continue_text,
        why="Each new token is appended before the next one is asked for, so every choice sees "
        "the whole text so far; a language model goes in the place of next_token.",
        wrong=(
            (_only_last, "only the last token"),
            (_in_place, "changed its argument `tokens`"),
            (_not_fed_back, "Append each new token"),
            (_only_new, "Return the whole list"),
            (_append_assigned, "`append` returns None"),
            (_one_too_many, "not called once a step"),
            (_endless, "does it end"),
        ),
        imports="from collections.abc import Callable",
    ),
)
