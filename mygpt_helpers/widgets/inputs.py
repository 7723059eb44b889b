"""What a live picture is given, checked and made ready: token texts and the sliders' stops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ..checks import checked_logits, checked_texts, is_many, kind_of
from ..errors import InputError
from ..generation import Step
from ..pictures.labels import label_function

Part = TypeVar("Part")
KNOBS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")

# The values that a knob's slider stops at: nice numbers, finer where they matter.
TEMPERATURES = (
    [0.01, 0.02, 0.05]
    + [round(0.05 * i, 2) for i in range(2, 41)]  # 0.1 to 2
    + [2.25, 2.5, 2.75, 3, 3.5, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100]
)
TOP_KS = list(range(1, 51)) + [
    int(digits * 10**power) for power in range(1, 7) for digits in (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
]
STOPS = {
    "top_p": [round(0.01 * i, 2) for i in range(1, 101)],
    "min_p": [0, 0.001, 0.002, 0.005]
    + [round(0.01 * i, 2) for i in range(1, 20)]  # 0.01 to 0.19
    + [round(0.05 * i, 2) for i in range(4, 21)],  # 0.2 to 1
    "repetition_penalty": [round(1 + 0.02 * i, 2) for i in range(51)],  # 1 to 2
}


def neutral_values(vocab_size: int) -> dict[str, float]:
    """Return the value of each knob that switches it off; temperature has no such value."""
    return {"top_k": vocab_size, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}


def off_stop(knob: str, vocab_size: int) -> tuple[float, str] | tuple[()]:
    """Return the stop of a knob's slider that changes nothing, and what to add there."""
    neutral = neutral_values(vocab_size)
    return (neutral[knob], " (all)" if knob == "top_k" else " (off)") if knob in neutral else ()


def slider_stops(knob: str, logits: Tensor) -> list[float]:
    """Return a knob's stops for logits (V,), ascending; the value that changes nothing is one."""
    vocab_size = len(logits)
    if knob == "temperature":
        # next_token_probs refuses what makes the division infinite.
        largest = float(logits[logits.isfinite()].abs().max())
        limit = torch.finfo(torch.float32).max
        return [t for t in TEMPERATURES if t >= 1 or largest / t < limit]
    if knob == "top_k":
        return sorted({k for k in TOP_KS if k < vocab_size} | {vocab_size})
    return STOPS[knob]


def checked_knobs(
    knobs: Sequence[str], among: Sequence[str] = KNOBS, called: str = "knobs"
) -> tuple[str, ...]:
    """Return the names of the sliders to show, or raise ValueError for one that is no knob."""
    names = (knobs,) if isinstance(knobs, str) else tuple(dict.fromkeys(knobs))
    for name in names:
        if name not in among:
            raise InputError(f"{called} must be among {', '.join(among)}; got {name!r}.")
    return names


def checked_row(logits: Tensor) -> Tensor:
    """Return one position's logits, (V,), in float32 on the CPU, or raise ValueError."""
    if isinstance(logits, Tensor) and logits.ndim != 1:
        raise InputError(
            f"logits must have shape (V,), one position's; got {tuple(logits.shape)}. "
            "Of a model's (1, T, V), logits[0, -1] is the last position."
        )
    if isinstance(logits, Tensor) and not logits.is_complex():
        logits = logits.detach().cpu().float()  # what the browser computes with
    return checked_logits(logits)


def texts_of(
    labels: Sequence[str] | Callable[[int], str], ids: list[int], vocab_size: int
) -> dict[int, str]:
    """Return the texts of some ids, {id: text}, or raise ValueError."""
    if not callable(labels):
        sized = isinstance(labels, Sequence) and not isinstance(labels, str)
        if not sized or len(labels) != vocab_size:
            given = f"{len(labels):,} of them" if sized else type(labels).__name__
            raise InputError(
                f"labels must be {vocab_size:,} strings, one a logit, or a function from an id to "
                f"its text, such as tokenizer.decode; got {given}."
            )
        labels = labels.__getitem__
    labels = label_function(labels)
    texts = {i: labels(i) for i in ids}
    for i, text in texts.items():
        if not isinstance(text, str):
            raise InputError(f"labels must be strings; id {i} has {type(text).__name__}.")
    return texts


def checked_steps(steps: Step | Iterable[Step], most: int | None = None) -> list[Step]:
    """Return steps of one vocabulary as a list, or raise ValueError; most: how many there may be.

    steps: what trace returns, or one of them.
    """
    found = [steps] if isinstance(steps, Step) else list(steps) if is_many(steps) else None
    if found is None or not all(isinstance(step, Step) for step in found):
        other = next(step for step in found or [steps] if not isinstance(step, Step))
        raise InputError(f"steps must be Steps, as trace returns them; got {kind_of(other)}.")
    if not found:
        raise InputError(
            "steps must hold at least one Step, got none. A trace without steps comes from a run "
            "that was interrupted: run trace again."
        )
    if most is not None and len(found) > most:
        raise InputError(
            f"this picture shows at most {most} of a trace's steps, got {len(found)}; "
            f"choose some: steps[:{most}]."
        )
    sizes = sorted({len(step.logits) for step in found})
    if len(sizes) > 1:
        raise InputError(
            "steps must have logits over one vocabulary; got some of "
            f"{' and '.join(f'{V:,}' for V in sizes)} tokens. Of two models, make two pictures."
        )
    return found


def checked_parts(name: str, parts: Iterable[Part], kind: type[Part], made: str) -> list[Part]:
    """Return what a slider goes through as a list, or raise ValueError; made: where one is from."""
    found = list(parts) if is_many(parts) else []
    if not found or not all(isinstance(part, kind) for part in found):
        raise InputError(f"{name} must hold at least one, each {made}.")
    return found


def checked_stops(name: str, stops: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of a slider's stops, at least one, or raise ValueError."""
    texts = checked_texts(f"the stops of {name!r}", stops)
    if not texts:
        raise InputError(f"the slider {name!r} must have at least one stop, got none.")
    return texts
