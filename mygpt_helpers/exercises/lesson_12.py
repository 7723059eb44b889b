"""The exercises of lesson 12: where a text breaks, the crop, and the loop with it."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import torch

from .engine import Exercise
from .watched import with_its_calls

VOCAB_SIZE = 4


def first_wrong(ids: torch.Tensor) -> int | None:
    """Return the position of the first of ids (T,) that breaks the cycle 0, 1, 2, 3, 0, ...

    The cycle begins with the first id, whatever it is. Returns None where no id breaks it.
    """
    right = (ids[0] + torch.arange(len(ids))) % 4  # (T,)
    wrong = (ids != right).nonzero()  # (how many are wrong, 1)
    return wrong[0].item() if len(wrong) else None


def _texts() -> Iterator[tuple[torch.Tensor]]:
    """Yield texts, small ones first: broken and whole, from every id, longer than two rounds."""
    texts = [[0, 1, 0, 1, 2, 3, 3], [1, 1], [1, 2, 0], [2, 3, 0, 1], [3, 0, 1, 1, 2]]
    texts += [[2], [0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 0, 1, 2, 3, 0, 2, 3, 3, 1]]
    random = Random(0)
    for length in (6, 20, 150):
        for start in range(VOCAB_SIZE):
            text = [(start + i) % VOCAB_SIZE for i in range(length)]
            place = random.randrange(1, length)
            after = [random.randrange(VOCAB_SIZE) for _ in text[place:]]
            texts += [text, text[:place] + after]
    yield from ((torch.tensor(text),) for text in texts)


def _breaks(ids: torch.Tensor, start: int | None = None, size: int = VOCAB_SIZE) -> list[int]:
    """List the positions that are out of step with a start, that of the text if None."""
    start = int(ids[0]) if start is None else start
    return [i for i, token in enumerate(ids.tolist()) if token != (start + i) % size]


def _slips(ids: torch.Tensor) -> list[int]:
    """List the positions that are out of step with the id before them."""
    return [i for i in range(1, len(ids)) if ids[i] != (ids[i - 1] + 1) % VOCAB_SIZE]


def _moved(by: int, ids: torch.Tensor) -> int | None:
    place = first_wrong(ids)
    return None if place is None else place + by


def crop(ids: torch.Tensor, max_seq_len: int) -> torch.Tensor:
    """Return the last max_seq_len tokens of each text in ids (B, T); shorter texts whole."""
    return ids[:, -max_seq_len:]


def _batches() -> Iterator[tuple[torch.Tensor, int]]:
    sizes = [(1, 6, 2), (3, 4, 2), (2, 3, 2), (1, 2, 5), (2, 3, 3), (1, 3, 4), (2, 3, 1)]
    sizes += [(4, 70, 64), (100, 64, 64), (3, 5, 64), (1, 150, 64)]
    random = Random(0)
    for B, T, max_seq_len in sizes:
        rows = [[random.randrange(VOCAB_SIZE) for _ in range(T)] for _ in range(B)]
        easy = [list(range(T))]  # easy to read
        yield torch.tensor(easy if B == 1 and T <= 6 else rows), max_seq_len


def greedy(next_logits: Callable, ids: torch.Tensor, n: int, max_seq_len: int) -> torch.Tensor:
    """Continue ids (B, T) by n top tokens; next_logits takes at most max_seq_len: (B, T + n)."""
    for _ in range(n):
        logits = next_logits(ids[:, -max_seq_len:])  # (B, V)
        new = logits.argmax(dim=-1, keepdim=True)  # (B, 1)
        ids = torch.cat([ids, new], dim=1)  # (B, T + 1)
    return ids


def next_logits(ids: torch.Tensor) -> torch.Tensor:
    """Return logits (B, V) that depend on every token of ids (B, T) and on its place."""
    top = (ids * torch.arange(1, ids.shape[1] + 1)).sum(dim=1) + ids.shape[1]  # (B,)
    return -((torch.arange(VOCAB_SIZE) - top[:, None]) % VOCAB_SIZE).float()


def _prompts() -> Iterator[tuple[Callable, torch.Tensor, int, int]]:
    cases = [([[0, 1]], 1, 4), ([[0, 1]], 3, 4), ([[0, 1, 2]], 3, 4), ([[0, 1], [2, 3]], 4, 3)]
    cases += [([[0, 1, 2, 3]], 2, 2), ([[3]], 4, 1), ([[1, 2]], 0, 4)]
    cases += [([[0, 1, 2, 3, 0], [3, 1, 0, 2, 2], [1, 1, 1, 1, 1]], 6, 2)]
    # Beyond 64 by a long prompt, no large n: a slip that doubles the text at each step stays small.
    cases += [([[i % 3 for i in range(62)]], 6, 64)]
    yield from ((next_logits, torch.tensor(rows), n, size) for rows, n, size in cases)


def _loop(
    read: Callable = crop,
    choose: Callable = lambda logits: logits.argmax(dim=-1, keepdim=True),
    append: Callable = lambda ids, new, n: torch.cat([ids, new], dim=1),
    times: Callable = lambda n, T: n,
) -> Callable:
    """Make a loop that reads, chooses, appends or counts in another way than greedy does."""

    def loop(next_logits: Callable, ids: torch.Tensor, n: int, max_seq_len: int) -> torch.Tensor:
        for _ in range(times(n, ids.shape[1])):
            new = choose(next_logits(read(ids, max_seq_len)))
            ids = append(ids, new, max_seq_len)
        return ids

    return loop


EXERCISES = (
    Exercise(
        name="12.first_wrong",
        title="The first wrong token",
        difficulty=2,
        minutes=5,
        solution=first_wrong,
        cases=_texts,
        mistakes={
            "The cycle begins with the first id, whatever it is.": (
                lambda ids: next(iter(_breaks(ids, start=0)), None)
            ),
            "argmax of no True at all is 0: ask .any() first, and return None.": (
                lambda ids: first_wrong(ids) or 0
            ),
            "After id 3 comes id 0: take the remainder, % 4.": (
                lambda ids: next(iter(_breaks(ids, size=999)), None)
            ),
            "One place off: positions count from 0, and entry i of a comparison of neighbours is "
            "about the id at i + 1.": (partial(_moved, 1), partial(_moved, -1)),
            "That is the last wrong one; the first is asked for.": (
                lambda ids: max(_breaks(ids), default=None),
                lambda ids: max(_slips(ids), default=None),
            ),
            "That is how many are wrong, not where.": (
                lambda ids: len(_breaks(ids)),
                lambda ids: len(_slips(ids)),
            ),
            "That is the token there; its position is asked for.": (
                lambda ids: int(ids[first_wrong(ids) or 0])
            ),
            "Look at every id, the last one too, before you return None.": (
                lambda ids: next((i for i in _breaks(ids) if i < len(ids) - 1), None),
                lambda ids: first_wrong(ids[:2]),
            ),
            "No id is wrong here: the list of the wrong ones is empty, and the last id has no "
            "next one. Return None.": lambda ids: torch.tensor(_breaks(ids))[0].item(),
        },
        keep="Compare the ids; leave them as they are.",
        hints=(
            "What would be right? torch.arange counts up from 0; add the first id to it.",
            "After 3 comes 0: take the remainder, % 4. Then compare with ids, entry by entry.",
            "(ids != right).nonzero() lists the positions of all that differ; it may be empty.",
        ),
        why="Up to the first wrong id, the text is what counting from the first id gives, so one "
        "comparison with that finds it; no difference at all means that every id is right.",
        tried="broken and whole texts, from every id",
    ),
    Exercise(
        name="12.crop",
        title="Crop to the context",
        difficulty=1,
        minutes=3,
        solution=crop,
        cases=_batches,
        mistakes={
            "That crops the batch, of (B, T); the tokens: ids[:, ...].": lambda ids, n: ids[-n:],
            "Nothing was cropped: is it max_seq_len tokens, and dimension 1?": (
                lambda ids, n: ids,
                lambda ids, n: ids[:, -64:],
            ),
            "Does it ask len(ids)? That is the number of texts, B; of tokens, ids.shape[1].": (
                lambda ids, n: ids if len(ids) <= n else ids[:, -n:],
                lambda ids, n: ids[:, max(0, len(ids) - n) :],
                lambda ids, n: ids[:, len(ids) - n :],
            ),
            "The last tokens are asked for: a negative start counts from the end.": (
                lambda ids, n: ids[:, :n],
                lambda ids, n: ids[:, n:],
            ),
            "One token too many or too few: the slice begins at -max_seq_len, its end is open.": (
                lambda ids, n: ids[:, -n - 1 :],
                lambda ids, n: ids[:, -n + 1 :],
                lambda ids, n: ids[:, -n:-1],
            ),
            "That is the first text alone; a batch stays a batch, (B, T).": (
                lambda ids, n: ids[0, -n:],
                lambda ids, n: ids[:1, -n:],
            ),
            "That is one column: ids[:, -max_seq_len:] is a slice.": lambda ids, n: ids[:, -n],
            "A text shorter than the context stays as it is, whole.": (
                lambda ids, n: ids[:, ids.shape[1] - n :]
            ),
        },
        keep="Return a part of ids; write nothing into it.",
        hints=(
            "ids has two dimensions: the first counts texts, the second tokens.",
            "ids[:, start:] keeps all texts; a negative start counts the tokens from the end.",
        ),
        why="The colon keeps the whole batch, and a negative start counts from the end; where a "
        "text is shorter than that, the slice begins where the text does.",
        tried="one text and many, longer and shorter than the context",
    ),
    Exercise(
        name="12.generate",
        title="A loop that goes on beyond the context",
        difficulty=2,
        minutes=8,
        solution=greedy,
        cases=_prompts,
        observe=with_its_calls,
        mistakes={
            "It takes at most max_seq_len tokens: ids[:, -max_seq_len:] are the last ones of each "
            "text, and ids[-max_seq_len:] crops the batch.": (
                _loop(read=lambda ids, n: ids),
                _loop(read=lambda ids, n: ids[-n:]),
            ),
            "It reads the last tokens, not the first, and as many as it can take.": (
                _loop(read=lambda ids, n: ids[:, :n]),
                _loop(read=lambda ids, n: ids[:, -1:]),
                _loop(read=lambda ids, n: ids[:, -max(1, n - 1) :]),
            ),
            "It takes a batch, and the whole one: all texts in one call.": (
                lambda f, ids, n, size: torch.cat([greedy(f, row[None], n, size) for row in ids])
            ),
            "Return the whole text, prompt and new tokens: crop what next_logits reads, not what "
            "you keep.": (
                _loop(append=lambda ids, new, n: torch.cat([ids[:, -n:], new], dim=1)),
                _loop(append=lambda ids, new, n: torch.cat([ids, new], dim=1)[:, -n:]),
                _loop(append=lambda ids, new, n: new),
                lambda f, ids, n, size: greedy(f, ids, n, size)[:, ids.shape[1] :],
                lambda f, ids, n, size: greedy(f, ids, n, size)[:, -size:],
            ),
            "Append each new token before the next call, and overwrite none: "
            "ids = torch.cat([ids, new], dim=1).": (
                lambda f, ids, n, size: greedy(lambda _: f(crop(ids, size)), ids, n, size),
                _loop(append=lambda ids, new, n: ids),
                _loop(append=lambda ids, new, n: torch.cat([ids[:, :-1], new], dim=1)),
            ),
            "n counts the new tokens: one call for each, and `return` after the loop.": (
                _loop(times=lambda n, T: n - T),
                _loop(times=lambda n, T: n + 1),
                _loop(times=lambda n, T: 1),
            ),
            "next_logits returns logits (B, V) alone: no position to pick, argmax(dim=-1, "
            "keepdim=True) gives ids (B, 1), appended at dim=1.": (
                _loop(choose=lambda logits: next(first for first, _ in [logits])),
                _loop(choose=lambda logits: logits[:, -1, :]),
                _loop(choose=lambda logits: logits[:, -1:].argmax(-1, keepdim=True)),
                _loop(choose=lambda logits: logits.argmax(-1)),
                _loop(choose=lambda logits: logits.argmax()),
                _loop(choose=lambda logits: logits.argmax(-1)[None]),
                _loop(choose=lambda logits: logits.max(-1, keepdim=True).values),
                _loop(append=lambda ids, new, n: torch.cat([ids, new])),
            ),
            "next_logits is a function, no model: write the loop yourself.": (
                lambda f, ids, n, size: f.modules()  # as the package's generate asks a model
            ),
            "Always the top token: argmax, and nothing is drawn.": (
                _loop(choose=lambda logits: logits.argmin(-1, keepdim=True)),
                _loop(choose=lambda logits: torch.multinomial(logits.softmax(-1), 1)),
            ),
        },
        keep="Append with torch.cat, which makes a new tensor.",
        hints=(
            "It is the loop of all lessons: logits, argmax, append, n times. Where does it crop?",
            "Crop what next_logits reads, ids[:, -max_seq_len:], and keep ids itself whole.",
            "argmax(dim=-1, keepdim=True) gives (B, 1); torch.cat([ids, new], dim=1) appends it.",
        ),
        why="Only what the model reads is cropped. The text itself keeps every token, and where it "
        "is shorter than the context, the slice leaves it whole.",
        tried="prompts within the context and beyond it, one text and many",
        imports="from collections.abc import Callable\n\nimport torch",
    ),
)
