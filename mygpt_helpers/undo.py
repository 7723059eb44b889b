"""What a training step changes, kept so that it can be undone. Used by training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .models import devices_of, numbers_of, random_states, set_random_states
from .record import Record


class State:
    """A copy of everything that a step changes, kept until the next one but one."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Look at the model and its optimizer; nothing is copied yet."""
        self.weights = [t.detach() for t in numbers_of(model)]
        self.devices = devices_of(model)
        self.optimizer = optimizer
        self.steps: int | None = None  # how many steps were done; None: nothing kept yet

    def keep(self, steps: int) -> None:
        """Copy the weights, the optimizer's state and the states of torch's generators."""
        self.entries = {p: dict(entry) for p, entry in self.optimizer.state.items()}
        groups = self.optimizer.param_groups
        self.rates = [(group, group["lr"]) for group in groups if "lr" in group]
        tensors = [*self.weights]
        for entry in self.entries.values():
            tensors += [value for value in entry.values() if isinstance(value, Tensor)]
        if self.steps is None or len(tensors) != len(self.copies):
            self.copies = [torch.empty_like(t) for t in tensors]
        self.tensors, self.random = tensors, random_states(self.devices)
        self._copy(self.copies, tensors)
        self.steps = steps

    @torch.no_grad()
    def restore(self, record: Record) -> None:
        """Put everything back as it was, and forget the losses since."""
        self._copy(self.tensors, self.copies)
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

    def _copy(self, to: list[Tensor], tensors: list[Tensor]) -> None:
        """Copy all tensors in one call for each device, as torch's optimizers do."""
        if len(self.devices) == 1 and torch.device("cpu") in self.devices:
            torch._foreach_copy_(to, tensors)
            return
        for device in {t.device for t in tensors}:  # an optimizer counts its steps on the CPU
            here = [i for i, t in enumerate(tensors) if t.device == device]
            torch._foreach_copy_([to[i] for i in here], [tensors[i] for i in here])
