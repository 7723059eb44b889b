"""The exercises of lesson 08: generate in practice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import torch

from .. import attempt
from .calls_08 import CALLS
from .engine import Exercise


def neutral(checkpoint: dict[str, Any], library: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that undo a checkpoint's taste, and leave its tokens alone."""
    settings = {}
    for name, value in checkpoint.items():
        if name.endswith("_token_id"):
            continue
        if value != library.get(name):
            settings[name] = library.get(name)
    return settings


def _checkpoints() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    library = {"do_sample": False, "temperature": 1.0, "top_k": 50, "repetition_penalty": 1.0}
    ids = {"eos_token_id": 2, "pad_token_id": 0}
    yield {"do_sample": True}, dict(library)
    yield {"temperature": 0.3, "top_k": 50}, dict(library)
    yield {"do_sample": True, **ids}, dict(library)
    yield {"max_new_tokens": 2048, "do_sample": True}, dict(library)
    yield {}, dict(library)
    penalty = {"do_sample": False, "repetition_penalty": 1.1, "top_k": 20}
    yield {**ids, **penalty, "temperature": 1.0}, dict(library)
    yield {**penalty, "min_p": 0.1, "bos_token_id": 1}, dict(library)


def _passed(function: Callable, *args: dict[str, Any]) -> str:
    """Return what is passed as text; of a dict, what is too much would not be seen."""
    settings = function(*args)
    return repr(dict(sorted(settings.items())) if isinstance(settings, dict) else settings)


def pad_left(rows: list[list[int]], pad_token_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask, (B, T) each; the shorter rows are filled up on their left."""
    T = max(len(row) for row in rows)
    ids = [[pad_token_id] * (T - len(row)) + row for row in rows]
    mask = [[0] * (T - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids), torch.tensor(mask)


def _padded(
    left: bool = True,
    mask_of: Callable[[list[int], int], list[int]] = lambda row, gap: [1] * len(row),
    gap_of: Callable[[int], list[int]] = lambda gap: [0] * gap,
) -> Callable:
    def padded(rows: list[list[int]], pad_token_id: int) -> tuple[torch.Tensor, torch.Tensor]:
        T = max(len(row) for row in rows)
        ids, masks = [], []
        for row in rows:
            gap = T - len(row)
            parts = [[pad_token_id] * gap, row], [gap_of(gap), mask_of(row, gap)]
            first, second = ([*a, *b] if left else [*b, *a] for a, b in parts)
            ids.append(first)
            masks.append(second)
        return torch.tensor(ids), torch.tensor(masks)

    return padded


def _mask_by_id(rows: list[list[int]], pad_token_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids, _ = pad_left(rows, pad_token_id)
    return ids, (ids != pad_token_id).long()


def _rows() -> Iterator[tuple[list[list[int]], int]]:
    yield [[7, 8, 9], [5]], 0
    yield [[5], [7, 8]], 2
    yield [[4, 4], [4, 4]], 0
    yield [[3, 2, 1], [2, 2], [6]], 2  # the end token pads, and stands in the texts, too
    yield [[1, 2, 3, 4, 5], [9, 2], [2]], 2


def verdict(number: int) -> str:
    """Run call `number` on a tiny model, and say what comes of it."""
    call, is_as_wanted = CALLS[number]
    came = attempt(call)
    if came.error is not None:
        return "raises"
    if came.warnings:
        return "warns"
    return "fine" if is_as_wanted(came.returned) else "silent"


@cache
def _key() -> dict[int, str]:
    return {number: verdict(number) for number in CALLS}


def _but(**wrong: str) -> Callable[[int], str]:
    """Answer as the key does, but for some calls: call_2="fine"."""
    return lambda number: wrong.get(f"call_{number}", _key()[number])


EXERCISES = (
    Exercise(
        name="08.neutral",
        title="Neutralise a checkpoint",
        difficulty=2,
        minutes=6,
        solution=neutral,
        cases=_checkpoints,
        observe=_passed,
        mistakes={
            "Those are the checkpoint's values: pass the library's.": lambda checkpoint, library: {
                n: v for n, v in checkpoint.items() if not n.endswith("_token_id")
            },
            "Without its end token the model cannot stop: leave the ids alone.": (
                lambda checkpoint, library: {
                    n: library.get(n) for n, v in checkpoint.items() if v != library.get(n)
                }
            ),
            "Only what differs from the library's value need be passed.": (
                lambda checkpoint, library: {
                    n: library.get(n) for n in checkpoint if not n.endswith("_token_id")
                }
            ),
            "The library has no value for some settings: library.get(name) is None then.": (
                lambda checkpoint, library: {
                    n: library[n]
                    for n, v in checkpoint.items()
                    if not n.endswith("_token_id") and v != library[n]
                },
                lambda checkpoint, library: {
                    n: library[n] for n, v in checkpoint.items() if n in library and v != library[n]
                },
            ),
            "do_sample=False leaves the penalty as it is: undo every setting.": (
                lambda checkpoint, library: {"do_sample": False}
            ),
            "A dict is asked for, from name to value.": (
                lambda *dicts: [*neutral(*dicts).items()],
                lambda *dicts: [*neutral(*dicts)],
            ),
        },
        keep="Both dicts are the caller's: make a new one.",
        hints=(
            "Go through the checkpoint's settings, and skip the names that end in _token_id.",
            "Where checkpoint[name] differs from library.get(name), the second is what you want.",
        ),
        why="The call beats the checkpoint. So what is passed by name is what counts, whatever the "
        "checkpoint says.",
        tried="settings that differ, that do not, and that the library leaves open",
        imports="from typing import Any",
    ),
    Exercise(
        name="08.pad_left",
        title="A batch, filled up on the left",
        difficulty=2,
        minutes=7,
        solution=pad_left,
        cases=_rows,
        mistakes={
            "The padding stands on the left, so that every row ends in a real token.": (
                _padded(left=False)
            ),
            "The end token may stand in a text, too: make the mask from the lengths.": _mask_by_id,
            "The mask is 1 for a token that counts, and 0 for padding.": (
                _padded(mask_of=lambda row, gap: [0] * len(row), gap_of=lambda gap: [1] * gap),
                _padded(gap_of=lambda gap: [1] * gap),
            ),
            "All rows become as long as the longest: max, not min.": (
                lambda rows, pad: tuple(
                    torch.tensor(part)
                    for part in (
                        [row[-min(map(len, rows)) :] for row in rows],
                        [[1] * min(map(len, rows)) for row in rows],
                    )
                )
            ),
            "Two tensors are asked for, ids and mask.": (
                lambda rows, pad: pad_left(rows, pad)[0],
                lambda rows, pad: [part.tolist() for part in pad_left(rows, pad)],
            ),
            "The ids come first, then the mask.": lambda rows, pad: pad_left(rows, pad)[::-1],
            "Whole numbers in both: the mask is made of 0 and 1.": (
                lambda rows, pad: (pad_left(rows, pad)[0], pad_left(rows, pad)[1].bool()),
                lambda rows, pad: (pad_left(rows, pad)[0], pad_left(rows, pad)[1].float()),
            ),
        },
        keep="The rows are the caller's: make new lists.",
        hints=(
            "T = max(len(row) for row in rows); a row lacks T - len(row) tokens.",
            "[pad_token_id] * (T - len(row)) + row, and a mask of as many zeros, then ones.",
        ),
        why="generate reads the last column of the batch. With the padding on the left, a real "
        "token stands there in every row.",
        tried="rows of one length and of several, with padding that also stands in a text",
    ),
    Exercise(
        name="08.ten_calls",
        title="Ten calls",
        difficulty=2,
        minutes=8,
        solution=verdict,
        cases=lambda: ((number,) for number in CALLS),
        mistakes={
            "max_length counts the prompt, too: only four new tokens come.": _but(call_2="fine"),
            "A temperature without sampling is heard of: in the log.": (
                _but(call_3="silent"),
                _but(call_3="fine"),
            ),
            "A top_p above 1 cuts nothing, and nobody says so.": (
                _but(call_4="raises"),
                _but(call_4="warns"),
                _but(call_4="fine"),
            ),
            "A name that nobody knows is refused.": _but(call_5="silent"),
            "50 is the library's own value, so nothing warns; and nothing is drawn.": (
                _but(call_6="warns"),
                _but(call_6="fine"),
            ),
            "A draw at temperature 0 divides by zero.": (
                _but(call_7="fine"),
                _but(call_7="silent"),
                _but(call_7="warns"),
            ),
            "Padding on the right is noticed, since the mask ends in a 0.": (
                _but(call_8="silent"),
                _but(call_8="raises"),
            ),
            "The checkpoint's penalty works on greedy, too.": (
                _but(call_9="fine"),
                _but(call_9="warns"),
            ),
        },
        hints=(
            "Two kinds come from the settings alone: raises for what cannot be, warns for what is "
            "not used.",
            "For the others ask: is the result what the last column wants?",
            "Run a call of which you are not sure: attempt(model.generate, **inputs, ...).",
        ),
        why="The key is not written down: each call is run, and its words and result are read.",
        tried="all ten, each really run on a tiny model",
        imports="from mygpt_helpers import attempt\n"
        "from mygpt_helpers.exercises.calls_08 import CALLS",
    ),
)
