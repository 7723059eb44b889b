"""One training by several processes or devices, each with its share of a batch, by Accelerate.

Every process draws the same whole batch from the same generator and takes its own rows, so torch's
generators stay alike, and one checkpoint is enough. Used by training.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .checks import kind_of
from .errors import InputError, PlainError
from .models import devices_of, random_states, set_random_states

if TYPE_CHECKING:
    from accelerate import Accelerator


class ProcessError(PlainError, RuntimeError):
    """Another process of the same training is gone; the message says what is left."""


class Alone:
    """One process: it has the whole batch, and its loss is the loss."""

    is_main, stop = True, False

    def prepared(self, model: nn.Module) -> nn.Module:
        """Return what is called in place of the model."""
        return model

    def share(self, batch: Tensor) -> Tensor:
        """Return this process's rows of a batch (B, T)."""
        return batch

    def read(self, losses: list[Tensor]) -> list[float]:
        """Return losses as numbers, the mean over all processes. It waits for the device."""
        return torch.stack(losses).tolist() if len(losses) > 1 else [losses[0].item()]

    def own_chance(self) -> contextlib.AbstractContextManager[object]:
        """Have each process draw numbers of its own, which leave torch's generators alone."""
        return contextlib.nullcontext()

    def together(self) -> contextlib.AbstractContextManager[object]:
        """Have Ctrl-C stop all processes after the same step."""
        return contextlib.nullcontext()

    def explain(self, error: BaseException) -> None:
        """Raise one clear message in place of what torch says where another process is gone."""


class Several(Alone):
    """One of several processes that train one model."""

    def __init__(self, accelerator: Accelerator, model: nn.Module, batch_size: int) -> None:
        """Raise InputError where the processes cannot share the batch."""
        self.accelerator, self.count = accelerator, accelerator.num_processes
        self.is_main, self.devices = accelerator.is_main_process, devices_of(model)
        self.asked = False  # to stop, by Ctrl-C here; stop: what all have agreed on
        if batch_size % self.count:
            raise InputError(
                f"batch_size={batch_size} is that of all processes together, and cannot be divided "
                f"by {self.count} of them."
            )

    def prepared(self, model: nn.Module) -> nn.Module:
        """Return a wrapper that averages the gradients; all take the first one's weights."""
        return self.accelerator.prepare_model(model)

    def share(self, batch: Tensor) -> Tensor:
        """Return this process's rows of a batch (B, T): (B / processes, T)."""
        return batch.chunk(self.count)[self.accelerator.process_index]

    def read(self, losses: list[Tensor]) -> list[float]:
        """Return the mean losses, and learn whether any process was asked to stop."""
        told = torch.stack([*losses, losses[0].new_tensor(float(self.asked))])
        *values, stop = self.accelerator.reduce(told, reduction="mean").tolist()
        self.stop = stop > 0
        return values

    @contextlib.contextmanager
    def own_chance(self) -> Iterator[None]:
        """Seed by the common generator and this process's number; dropout then differs."""
        before = random_states(self.devices)
        try:
            common = int(torch.randint(2**62, (), device="cpu"))
            torch.manual_seed(common + self.accelerator.process_index)
            yield
        finally:
            set_random_states(before)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Note a Ctrl-C, to be told to the others when the losses are read."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(*_: object) -> None:
            self.asked = True

        before = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def explain(self, error: BaseException) -> None:
        """Raise RuntimeError, in one sentence, where another process is gone."""
        gone = ("Connection closed by peer", "Connection reset by peer", "NCCL", "gloo")
        if isinstance(error, RuntimeError) and any(word in str(error) for word in gone):
            raise ProcessError(
                "another process of this training has stopped, so this one cannot go on; what that "
                "one says is the reason. Model, optimizer and record are as after the last step "
                "that all of them made."
            ) from None


def processes(accelerator: Accelerator | None, model: nn.Module, batch_size: int) -> Alone:
    """Return what stands for the processes, or raise InputError for an accelerator of no use."""
    if accelerator is None:
        return Alone()
    if isinstance(accelerator, type) or not hasattr(accelerator, "prepare_model"):
        raise InputError(
            "accelerator must be an accelerate.Accelerator(), which knows the processes; "
            f"got {kind_of(accelerator)}."
        )
    if accelerator.mixed_precision not in ("no", "bf16"):
        raise InputError(
            f"the accelerator's mixed_precision={accelerator.mixed_precision!r} needs a scaled "
            'loss. Leave it at "no", and give dtype=torch.bfloat16.'
        )
    device = torch.empty(0, device=accelerator.device).device  # "cpu" of "cpu:0"
    if devices_of(model) != {device}:
        raise InputError(
            f"the model is not on this process's device, {device}: "
            "model.to(accelerator.device) brings it there, the data likewise."
        )
    return Several(accelerator, model, batch_size) if accelerator.num_processes > 1 else Alone()
