"""The exercises of lesson 12: where a text breaks, the crop, and the loop with it."""

import operator
from collections.abc import Callable, Iterator
from random import Random

import torch

from .answer import Answer, Raised, TooManyCalls, Wrong, kind, show
from .core import Exercise
from .mistakes_12 import (
    ALONE,
    LOOP_ERRORS,
    REMAINDER,
    VOCAB_SIZE,
    crop_mistakes,
    explain,
    judge_calls,
    judge_tokens,
    loop_mistakes,
    place_advice,
)
from .tensors import explained, judge


def first_wrong(ids: torch.Tensor) -> int | None:
    """Return the position of the first of ids (T,) that breaks the cycle 0, 1, 2, 3, 0, ...

    The cycle begins with the first id, whatever it is. Returns None where no id breaks it.
    """
    right = (ids[0] + torch.arange(len(ids))) % 4  # (T,)
    wrong = (ids != right).nonzero()  # (how many are wrong, 1)
    return wrong[0].item() if len(wrong) else None


def _texts() -> Iterator[list[int]]:
    """Yield texts, small ones first: broken and whole, from every id, longer than two rounds."""
    yield from ([0, 1, 0, 1, 2, 3, 3], [1, 1], [1, 2, 0], [2, 3, 0, 1], [3, 0, 1, 1, 2])
    yield from ([2], [0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 0, 1, 2, 3, 0, 2, 3, 3, 1])
    random = Random(0)
    for length in (6, 20, 150):
        for start in range(VOCAB_SIZE):
            text = [(start + i) % VOCAB_SIZE for i in range(length)]
            yield list(text)
            place = random.randrange(1, length)
            text[place:] = [random.randrange(VOCAB_SIZE) for _ in text[place:]]
            yield text


def _check_first_wrong(answer: Answer) -> str:
    for text in _texts():
        whole = [(text[0] + i) % VOCAB_SIZE for i in range(len(text))]
        broken = [i for i in range(len(text)) if text[i] != whole[i]]
        if broken:
            _judge_place(_place(answer, broken, text), broken, text)
        elif (error := answer.error(torch.tensor(text))) is not None:
            explain(answer, error, text, whole=True)
            raise Raised from error
        elif answer.returned is not None:  # None is due here, and answer(...) would refuse it
            nothing = "argmax of no True at all is 0: ask .any() first, and return None."
            known = {0: nothing, VOCAB_SIZE - text[0]: REMAINDER}
            advice = known.get(_whole_number(answer.returned), "Where all is right, return None.")
            raise Wrong("no id breaks the cycle here", "None", show(answer.returned), advice)
        answer.must_not_change("Compare the ids; leave them as they are.")
    return "broken and whole texts, from every id"


def _place(answer: Answer, broken: list[int], text: list[int]) -> object:
    try:
        return answer(torch.tensor(text))
    except Raised as raised:
        explain(answer, raised.__cause__, text, whole=False)  # type: ignore[arg-type]
        raise
    except Wrong as wrong:
        if "returned None" not in wrong.what:
            raise
    advice = "Is the last token looked at? Is None returned before all are? Is there a `return`?"
    raise Wrong("the cycle does break here", str(broken[0]), "None", advice)


def _judge_place(got: object, broken: list[int], text: list[int]) -> None:
    place = _whole_number(got)
    if place is None:
        came, advice = f"{show(got)} ({kind(got)})", "Return the position alone, a whole number."
        raise Wrong("the result is not a position", f"{broken[0]}, an int", came, advice)
    if place != broken[0]:
        advice = place_advice(place, broken, text)
        raise Wrong("the cycle breaks somewhere else", str(broken[0]), show(got), advice)


def _whole_number(got: object) -> int | None:
    """Return the one whole number that got is, numpy's and torch's among them, or None."""
    try:
        return None if "bool" in kind(got) else operator.index(got)  # type: ignore[arg-type]
    except (TypeError, RuntimeError):  # a fraction, or not one number
        return None


def crop(ids: torch.Tensor, max_seq_len: int) -> torch.Tensor:
    """Return the last max_seq_len tokens of each text in ids (B, T); shorter texts whole."""
    return ids[:, -max_seq_len:]


def _check_crop(answer: Answer) -> str:
    sizes = [(1, 6, 2), (3, 4, 2), (2, 3, 2), (1, 2, 5), (2, 3, 3), (1, 3, 4), (2, 3, 1)]
    sizes += [(4, 70, 64), (100, 64, 64), (3, 5, 64), (1, 150, 64)]
    random = Random(0)
    for B, T, max_seq_len in sizes:
        ids = torch.tensor([[random.randrange(VOCAB_SIZE) for _ in range(T)] for _ in range(B)])
        ids = torch.arange(T)[None] if B == 1 and T <= 6 else ids  # easy to read
        want = ids[:, -max_seq_len:]
        judge(answer(ids, max_seq_len), want, crop_mistakes, ids, max_seq_len, answer)
        answer.must_not_change("Return a part of ids; write nothing into it.")
    return "one text and many, longer and shorter than the context"


def greedy(next_logits: Callable, ids: torch.Tensor, n: int, max_seq_len: int) -> torch.Tensor:
    """Continue ids (B, T) by n top tokens; next_logits takes at most max_seq_len: (B, T + n)."""
    for _ in range(n):
        logits = next_logits(ids[:, -max_seq_len:])  # (B, V)
        new = logits.argmax(dim=-1, keepdim=True)  # (B, 1)
        ids = torch.cat([ids, new], dim=1)  # (B, T + 1)
    return ids


def _check_generate(answer: Answer) -> str:
    cases = [([[0, 1]], 1, 4), ([[0, 1]], 3, 4), ([[0, 1, 2]], 3, 4), ([[0, 1], [2, 3]], 4, 3)]
    cases += [([[0, 1, 2, 3]], 2, 2), ([[3]], 4, 1), ([[1, 2]], 0, 4)]
    cases += [([[0, 1, 2, 3, 0], [3, 1, 0, 2, 2], [1, 1, 1, 1, 1]], 6, 2), ([[2]], 70, 64)]
    for rows, n, max_seq_len in cases:
        ids = torch.tensor(rows)
        want = greedy(_rule, ids, n, max_seq_len)
        seen: list[object] = []
        try:
            got = explained(answer, LOOP_ERRORS, _recorder(seen, n), ids, n, max_seq_len)
        finally:  # where it raised, what next_logits was given may say more than the error
            judge_calls(seen, ids, want, max_seq_len)
        if len(seen) != n:
            raise Wrong(
                "next_logits was not called once a token", f"calls: {n}", f"{len(seen)}", ALONE
            )
        judge_tokens(got, want, 1, n)
        judge(got, want, loop_mistakes, want, ids, max_seq_len)
        answer.must_not_change("Append with torch.cat, which makes a new tensor.")
    return "prompts within the context and beyond it, one text and many"


def _rule(ids: torch.Tensor) -> torch.Tensor:
    """Return logits (B, V) that depend on every token of ids (B, T) and on its place."""
    top = (ids * torch.arange(1, ids.shape[1] + 1)).sum(dim=1) + ids.shape[1]  # (B,)
    return -((torch.arange(VOCAB_SIZE) - top[:, None]) % VOCAB_SIZE).float()


def _recorder(seen: list[object], n: int) -> Callable[[object], torch.Tensor]:
    def next_logits(ids: object = ...) -> torch.Tensor:
        if len(seen) > n + 100:
            raise TooManyCalls(f"next_logits was called more than {n + 100} times; does it end?")
        seen.append(ids.detach().clone() if isinstance(ids, torch.Tensor) else ids)
        try:
            return _rule(ids)  # type: ignore[arg-type]
        except Exception:  # not ids (B, T): _judge_calls says so
            return torch.zeros(1, VOCAB_SIZE)

    return next_logits


def _differs(ids: torch.Tensor, size: int = VOCAB_SIZE) -> torch.Tensor:
    return ids != (ids[0] + torch.arange(len(ids))) % size


def _loop(read: Callable = crop, keep: Callable = lambda ids, n: ids) -> Callable:
    """Make a loop that lets the model read, or keeps, something else than greedy does."""

    def loop(next_logits: Callable, ids: torch.Tensor, n: int, max_seq_len: int) -> torch.Tensor:
        for _ in range(n):
            new = next_logits(read(ids, max_seq_len)).argmax(dim=-1, keepdim=True)
            ids = torch.cat([keep(ids, max_seq_len), new], dim=1)
        return ids

    return loop


EXERCISES = (
    Exercise(
        name="12.first_wrong",
        title="The first wrong token",
        difficulty=2,
        minutes=5,
        task="Return the position of the first of ids (T,) that breaks the cycle 0, 1, 2, 3, 0, "
        "..., which begins with the first id, whatever it is; None where no id breaks it.",
        check=_check_first_wrong,
        hints=(
            "What would be right? torch.arange counts up from 0; add the first id to it.",
            "After 3 comes 0: take the remainder, % 4. Then compare with ids, entry by entry.",
            "(ids != right).nonzero() lists the positions of all that differ; it may be empty.",
        ),
        solution=first_wrong,
        why="Up to the first wrong id, the text is what counting from the first id gives, so one "
        "comparison with that finds it; no difference at all means that every id is right.",
        wrong=(
            (lambda ids: int((ids != torch.arange(len(ids)) % 4).int().argmax()), "begins with"),
            (lambda ids: int(_differs(ids).int().argmax()), "argmax of no True at all is 0"),
            (lambda ids: int(_differs(ids).sum()), "how many"),
            (lambda ids: (first_wrong(ids) or -1) + 1, "count from 0"),
            (_differs, "not a position"),
            (lambda ids: int(_differs(ids, 999).int().argmax()), "% 4"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="12.crop",
        title="Crop to the context",
        difficulty=1,
        minutes=3,
        task="Return the last max_seq_len tokens of each text in ids (B, T); shorter texts whole.",
        check=_check_crop,
        hints=(
            "ids has two dimensions: the first counts texts, the second tokens.",
            "ids[:, start:] keeps all texts; a negative start counts the tokens from the end.",
        ),
        solution=crop,
        why="The colon keeps the whole batch, and a negative start counts from the end; where a "
        "text is shorter than that, the slice begins where the text does.",
        wrong=(
            (lambda ids, max_seq_len: ids[-max_seq_len:], "crops the batch"),
            (lambda ids, max_seq_len: ids[:, :max_seq_len], "the first tokens"),
            (lambda ids, max_seq_len: ids[:, -max_seq_len - 1 :], "one token too many"),
            (lambda ids, max_seq_len: ids[:, ids.shape[1] - max_seq_len :], "stays whole"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="12.generate",
        title="A loop that goes on beyond the context",
        difficulty=2,
        minutes=8,
        task="Continue ids (B, T) by n new tokens, always the top one, and return (B, T + n). "
        "next_logits takes the whole batch at once, at most max_seq_len tokens of each text, and "
        "returns the logits of the next one alone, (B, V): there is no position to pick.",
        check=_check_generate,
        hints=(
            "It is the loop of all lessons: logits, argmax, append, n times. Where does it crop?",
            "Crop what next_logits reads, ids[:, -max_seq_len:], and keep ids itself whole.",
            "argmax(dim=-1, keepdim=True) gives (B, 1); torch.cat([ids, new], dim=1) appends it.",
        ),
        solution=greedy,
        why="Only what the model reads is cropped. The text itself keeps every token, and where it "
        "is shorter than the context, the slice leaves it whole.",
        wrong=(
            (_loop(read=lambda ids, n: ids), "at most 4 tokens"),
            (_loop(read=lambda ids, n: ids[-n:]), "and ids[-max_seq_len:]"),
            (_loop(read=lambda ids, n: ids[:, :n]), "the first tokens of the text"),
            (_loop(read=lambda ids, n: ids[:, -1:]), "only the last token"),
            (_loop(keep=lambda ids, n: ids[:, -n:]), "not what you keep"),
            (_loop(keep=lambda ids, n: ids[:, :0]), "the prompt and the new tokens"),
            (_loop(keep=lambda ids, n: ids[:, :-1]), "overwrites none"),
        ),
        imports="from collections.abc import Callable\n\nimport torch",
    ),
)
