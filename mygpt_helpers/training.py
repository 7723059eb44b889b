"""Training: the loop, and the record it keeps. Built in lesson 11.

The state of a run is the model, the optimizer, torch's random generator and the record of losses.
Whatever stops the loop, they fit together afterwards, and the run can go on as if never stopped.
"""

from __future__ import annotations

import math
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from .checks import checked_count, checked_model, checked_numbers, kind_of, shape_of
from .corpus import check_data, get_batch
from .errors import InputError, PlainError
from .generation import generate
from .models import (
    default_device,
    devices_of,
    mode,
    numbers_of,
    random_states,
    set_random_states,
    unwrapped,
)
from .run_checks import check_callback, check_fit, check_optimizer, check_trainable


@dataclass
class Record:
    """The loss of every step so far, in nats: losses[0] is that of step 1. Used in lesson 11."""

    losses: list[float] = field(default_factory=list)
    # The model that the losses are of, if it is still there: a record goes on with no other one.
    _model: ClassVar[weakref.ref[nn.Module] | None] = None  # no field: asdict is for files

    def __getstate__(self) -> dict[str, object]:
        """Leave the model out of a copy, and of a file: a copy may go on with any model once."""
        return vars(self) | {"_model": None}

    def __repr__(self) -> str:
        losses = checked_numbers("losses", self.losses)
        if not losses:
            return "Record: no step yet"
        return f"Record: {len(losses)} steps, loss {losses[0]:.4f} to {losses[-1]:.4f}"


class TrainingError(PlainError, RuntimeError):
    """The loss is no number any more. record holds the steps up to the last good state."""

    def __init__(self, message: str, record: Record) -> None:
        """Take the message, and the record up to the last good state."""
        super().__init__(message)
        self.record = record

    def __reduce__(self) -> tuple[type, tuple[str, Record]]:
        """Keep the record in a copy, and on the way to another process."""
        return type(self), (str(self), self.record)


@torch.enable_grad()
def train(
    model: nn.Module,
    data: Tensor,
    optimizer: torch.optim.Optimizer,
    *,
    batch_size: int,
    seq_len: int,
    steps: int,
    record: Record | None = None,
    on_step: Callable[[int, float], object] | None = None,
    on_sample: Callable[[int, Tensor], object] | None = None,
    sample_every: int = 50,
    prompt_ids: Tensor | None = None,
    sample_tokens: int = 8,
) -> Record:
    """Train until the record holds `steps` losses, and return it.

    model: takes ids and targets, (B, T) each, and returns (logits, loss). data: ids (N,). A record
    given is gone on with; one that holds `steps` losses already is returned as it is.
    on_step(step, loss) is called after every step; on_sample(step, ids) every sample_every steps,
    with a greedy text (T + sample_tokens,) from prompt_ids (1, T), by default the first token of
    data. On a terminal, a line shows the progress.

    Ctrl-C stops after the last whole step, says so, and returns the record. Any other error, too,
    leaves model, optimizer and record as after the last whole step. Raises TrainingError where the
    loss is not finite, with everything back at the last state whose loss was; ValueError for bad
    input. Built in lesson 11.
    """
    record = Record() if record is None else record
    steps = checked_count("steps", steps)
    batch_size, seq_len = check_data(data, batch_size, seq_len)
    prompt_ids = data[None, :1] if prompt_ids is None else prompt_ids
    check_trainable(checked_model(model))
    check_fit(model, data, prompt_ids, seq_len)
    check_optimizer(model, optimizer)
    checked_count("sample_every", sample_every)
    checked_count("sample_tokens", sample_tokens)
    check_callback("on_step", on_step, "step, loss")
    check_callback("on_sample", on_sample, "step, ids")
    _check_record(record, unwrapped(model))
    before = _State(model, optimizer)  # as it was at the start of the last step but one,
    now = _State(model, optimizer)  # and of the last one
    show = _Progress(steps)
    try:
        with mode(model, training=True), default_device(data.device):
            for step in range(len(record.losses) + 1, steps + 1):
                before, now = now, before
                now.keep(step - 1)
                inputs, targets = get_batch(data, batch_size, seq_len)  # (B, T) each
                loss = _loss_of(model(inputs, targets))
                value = loss.item()
                if not math.isfinite(value):
                    raise TrainingError(_not_finite(step, value, now, before, record), record)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                record.losses.append(value)
                show(step, value)
                if on_step is not None:
                    on_step(step, value)
                if on_sample is not None and step % sample_every == 0:
                    sample = generate(model, prompt_ids, sample_tokens, top_k=1)[0]
                    if len(sample) < prompt_ids.shape[1] + sample_tokens:
                        raise KeyboardInterrupt  # generate kept it to itself
                    on_sample(step, sample)
    except BaseException as stop:
        if now.steps == len(record.losses):  # in the middle of a step: undo what it has done
            now.restore(record)
        if not isinstance(stop, KeyboardInterrupt):
            raise
        print(
            f"stopped at step {len(record.losses)} of {steps}; model, optimizer and record are "
            "those of this step. To go on, train again with the same model and optimizer, and "
            "record=<this record>."
        )
    finally:
        show.end()
    return record


def _loss_of(result: object) -> Tensor:
    """Return the loss out of what a model gave for ids and targets, or raise InputError."""
    loss = result[1] if isinstance(result, tuple) and len(result) == 2 else None
    if isinstance(loss, Tensor) and loss.numel() == 1 and loss.requires_grad:
        return loss
    if isinstance(loss, Tensor):
        without = ", without a gradient" if loss.numel() == 1 else ""
        given = f"a loss that is a tensor of {shape_of(loss)}{without}"
    elif loss is not None:
        given = f"a loss that is of type {type(loss).__name__}"
    else:
        given = type(result).__name__
    raise InputError(
        "the model must return (logits, loss) when it is called with ids and targets, the loss one "
        f"number that backward() can start from; got {given}."
    )


def _not_finite(step: int, value: float, now: _State, before: _State, record: Record) -> str:
    """Go back to the last good state, and say so."""
    if before.steps is None:  # the first step of this call: nothing has changed yet
        now.restore(record)
        return (
            f"the loss of step {step} is {value}, before anything was changed: the weights that "
            "the training begins with give no finite loss. Begin with a new model."
        )
    before.restore(record)
    where = f"after step {before.steps}" if before.steps else "where they began"
    return (
        f"the loss of step {step} is {value}. Model, optimizer and record are back {where}, the "
        "last state whose loss was a number. A smaller learning rate is the first thing to try."
    )


class _State:
    """A copy of everything that a step changes, kept until the next one but one."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.weights = [t.detach() for t in numbers_of(model)]
        self.devices = devices_of(model)
        self.optimizer = optimizer
        self.steps: int | None = None  # how many steps were done; None: nothing kept yet

    def keep(self, steps: int) -> None:
        """Copy the weights, the optimizer's state and the states of torch's generators."""
        self.entries = {p: dict(entry) for p, entry in self.optimizer.state.items()}
        tensors = [*self.weights]
        for entry in self.entries.values():
            tensors += [value for value in entry.values() if isinstance(value, Tensor)]
        if self.steps is None or len(tensors) != len(self.copies):
            self.copies = [torch.empty_like(t) for t in tensors]
        torch._foreach_copy_(self.copies, tensors)  # what torch's optimizers use: one call for all
        self.tensors, self.random, self.steps = tensors, random_states(self.devices), steps

    @torch.no_grad()
    def restore(self, record: Record) -> None:
        """Put everything back as it was, and forget the losses since."""
        torch._foreach_copy_(self.tensors, self.copies)
        self.optimizer.state.clear()
        self.optimizer.state.update(self.entries)
        self.optimizer.zero_grad()
        set_random_states(self.random)
        del record.losses[self.steps :]


class _Progress:
    """One line on a terminal, written over and over; elsewhere nothing."""

    def __init__(self, steps: int) -> None:
        self.steps, self.next, self.shown = steps, time.monotonic() + 0.5, False
        self.wanted = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, step: int, loss: float) -> None:
        if self.wanted and (time.monotonic() >= self.next or (self.shown and step == self.steps)):
            self.next, self.shown = time.monotonic() + 0.2, True
            sys.stderr.write(f"\rstep {step} of {self.steps}, loss {loss:.4f}   ")
            sys.stderr.flush()

    def end(self) -> None:
        """End the line, if one was written."""
        if self.shown:
            sys.stderr.write("\n")


def _check_record(record: Record, model: nn.Module) -> None:
    """Mark the record as this model's, or raise InputError where it is none, or another's."""
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
    record._model = weakref.ref(model)
