"""What a training keeps: losses, and what they were made with. Used from lesson 11 on."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from torch import nn

from .checks import checked_count, checked_number, checked_numbers, kind_of
from .errors import InputError, PlainError


@dataclass
class Record:
    """The losses so far, in nats. Used from lesson 11 on.

    losses: that of every step; losses[0] is that of step 1. held_out: {step: loss} on text that the
    model does not learn from. settings: what the steps were made with, such as the batch size; a
    run that goes on needs the same.
    """

    losses: list[float] = field(default_factory=list)
    held_out: dict[int, float] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    # The model that the losses are of, if it is still there: a record goes on with no other one.
    _model: ClassVar[weakref.ref[nn.Module] | None] = None  # no field: asdict is for files

    def __getstate__(self) -> dict[str, object]:
        """Leave the model out of a copy, and of a file: a copy may go on with any model once."""
        return vars(self) | {"_model": None}

    def __repr__(self) -> str:
        losses = checked_numbers("losses", self.losses)
        if not losses:
            return "Record: no step yet"
        held_out = [*self.held_out.values()][-1:]
        ending = f", held-out {held_out[0]:.4f}" if held_out else ""
        return f"Record: {len(losses)} steps, loss {losses[0]:.4f} to {losses[-1]:.4f}{ending}"

    def cut(self, steps: int) -> None:
        """Forget the losses after so many steps."""
        del self.losses[steps:]
        for step in [step for step in self.held_out if step > steps]:
            del self.held_out[step]


class TrainingError(PlainError, RuntimeError):
    """The loss is no number any more. record holds the steps up to the last good state."""

    def __init__(self, message: str, record: Record) -> None:
        """Take the message, and the record up to the last good state."""
        super().__init__(message)
        self.record = record

    def __reduce__(self) -> tuple[type, tuple[str, Record]]:
        """Keep the record in a copy, and on the way to another process."""
        return type(self), (str(self), self.record)


def claim(record: Record, model: nn.Module, settings: dict[str, object]) -> None:
    """Mark the record as made by this model with these settings, or raise InputError."""
    if not isinstance(record, Record) or not isinstance(record.losses, list):
        raise InputError(
            "record must be a Record, as train returns it, with a list of losses; "
            f"got {kind_of(record)}."
        )
    checked_numbers("record.losses", record.losses)
    if record.losses and record._model is not None and record._model() is not model:
        raise InputError(
            f"the record holds {len(record.losses)} steps of another model, so going on would mix "
            "two trainings. Give the model it is of, or leave record out to begin a new one."
        )
    others = differences(record.settings, settings) if record.losses else ""
    if others:
        raise InputError(
            f"the record's {len(record.losses)} steps were made with {others}. Give the "
            "same to go on as if never stopped, or set record.settings = {} to go on otherwise."
        )
    record._model, record.settings = weakref.ref(model), settings


def differences(then: dict[str, object], now: dict[str, object]) -> str:
    """Say which settings were others then, such as "seq_len=8 (now seq_len=9)"; "" for none."""
    return ", ".join(
        f"{name}={then[name]} (now {name}={value})"
        for name, value in now.items()
        if name in then and then[name] != value
    )


def bits_per_char(loss: float, tokens: int, characters: int) -> float:
    """Return a loss in nats per token as bits per character, which any two tokenizers share.

    tokens, characters: how many the same text has. Raises ValueError for a loss that is no number,
    and for a count below 1. Built in lesson 13.
    """
    loss = checked_number("loss", loss, "a number of nats", finite=False)
    tokens, characters = checked_count("tokens", tokens), checked_count("characters", characters)
    return loss / math.log(2) * tokens / characters


def warmup_cosine(steps: int, warmup_steps: int, floor: float = 0.1) -> Callable[[int], float]:
    """Return a schedule for train: a function from a step (from 1) to a factor of the rate.

    The factor grows to 1 in warmup_steps, then follows half a cosine down to floor at `steps`, and
    stays there. It depends on the step alone, so a run that goes on needs no memory of it. Raises
    ValueError for steps below 1, warmup_steps of more than that, and a floor outside 0 to 1. Used
    in lesson 13. Source: Loshchilov and Hutter 2017, sec. 3.
    """
    steps = checked_count("steps", steps)
    warmup_steps = checked_count("warmup_steps", warmup_steps, first=0, last=steps)
    floor = checked_number("floor", floor, "a number from 0 to 1")
    if not 0 <= floor <= 1:
        raise InputError(f"floor must be a number from 0 to 1, got {floor}.")

    def schedule(step: int) -> float:
        if step <= warmup_steps:
            return step / warmup_steps
        part = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
        return floor + (1 - floor) * (1 + math.cos(math.pi * part)) / 2

    # The name by which a record knows it.
    schedule.__qualname__ = f"warmup_cosine({steps}, {warmup_steps}, {floor})"
    return schedule
