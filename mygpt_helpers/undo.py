"""What a training step changes, kept so that it can be undone. Used by training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .models import devices_of, numbers_of, random_states, set_random_states
from .record import Record, TrainingError


class Undo:
    """The way back to the last reading of the losses, and to the one before.

    A loss is that of the weights before its step: where it is no number, they were not good.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, record: Record) -> None:
        """Look at what a step will change; nothing is copied yet."""
        self.record = record
        self.before, self.now = State(model, optimizer), State(model, optimizer)

    def keep(self) -> None:
        """Keep everything as it is now."""
        self.before, self.now = self.now, self.before
        self.now.keep(len(self.record.losses))

    def unfinished(self) -> None:
        """Undo what was done since, unless its losses are in the record."""
        if self.now.steps == len(self.record.losses):
            self.now.restore(self.record)

    def check_finite(self, losses: list[float]) -> None:
        """Go back to the last good state and raise TrainingError, where a loss is no number."""
        bad = [i for i, loss in enumerate(losses) if not math.isfinite(loss)]
        if not bad:
            return
        # The losses before it, of the weights kept now, were numbers.
        back = self.now if bad[0] else self.before
        said = f"the loss of step {self.now.steps + bad[0] + 1} is {losses[bad[0]]}"
        if back.steps is None:  # the first step of this call: nothing has changed yet
            self.now.restore(self.record)
            said += (
                ", before anything was changed: the weights that the training begins with give no "
                "finite loss. Begin with a new model."
            )
        else:
            back.restore(self.record)
            where = f"after step {back.steps}" if back.steps else "where they began"
            said += (
                f". Model, optimizer and record are back {where}, the last state whose loss was a "
                "number. A smaller learning rate is the first thing to try."
            )
        raise TrainingError(said, self.record)


class State:
    """A copy of everything that a step changes."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Look at the model and its optimizer; nothing is copied yet."""
        self.weights = [t.detach() for t in numbers_of(model)]
        self.devices = devices_of(model)
        self.optimizer = optimizer
        self.steps: int | None = None  # how many steps were done; None: nothing kept yet

    def keep(self, steps: int) -> None:
        """Copy the weights, the optimizer's state and the states of torch's generators."""
        groups, state = self.optimizer.param_groups, self.optimizer.state
        self.rates = [(group, group["lr"]) for group in groups if "lr" in group]
        values = [value for entry in state.values() for value in entry.values()]
        if self.steps is None or self.places != [*map(id, values)]:  # seldom after the first step
            self.values, self.places = values, [*map(id, values)]
            self.entries = {p: dict(entry) for p, entry in state.items()}
            tensors = [*self.weights, *(value for value in values if isinstance(value, Tensor))]
            self.parts = [(views, torch.cat(views)) for views in _by_kind(tensors)]
        for views, copy in self.parts:
            torch.cat(views, out=copy)
        self.random = random_states(self.devices)
        self.steps = steps

    @torch.no_grad()
    def restore(self, record: Record) -> None:
        """Put everything back as it was, and forget the losses since."""
        for views, copy in self.parts:
            torch._foreach_copy_(views, copy.split([len(view) for view in views]))
        self.optimizer.state.clear()
        self.optimizer.state.update(self.entries)
        self.set_rates()
        self.optimizer.zero_grad()
        set_random_states(self.random)
        record.cut(self.steps)

    def set_rates(self, factor: float = 1) -> None:
        """Set the learning rates to what they were, times a factor."""
        for group, rate in self.rates:
            group["lr"] = rate if factor == 1 else rate * factor


def _by_kind(tensors: list[Tensor]) -> list[list[Tensor]]:
    """Return views (n,) of the tensors, those that one call can copy together.

    One for each tensor would cost more than the small ones' numbers do. A tensor whose numbers do
    not lie in a row has no such view, and is copied by itself.
    """
    kinds: dict[object, list[Tensor]] = {}
    for t in tensors:
        is_row = t.is_contiguous()
        kind = (t.device, t.dtype) if is_row else id(t)
        kinds.setdefault(kind, []).append(t.view(-1) if is_row else t)
    return [*kinds.values()]
