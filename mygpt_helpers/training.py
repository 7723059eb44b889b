"""Training: the loop. Built in lesson 11, grown up in lesson 13.

The state of a run is the model, the optimizer, torch's random generator and the record of losses.
Whatever stops the loop, they fit together afterwards, and the run can go on as if never stopped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .checks import checked_count, checked_model, plain_pass
from .corpus import check_data, get_batch
from .errors import InputError
from .held_out import held_out_loss
from .meter import Progress
from .models import default_device, mode, unwrapped
from .processes import Alone, processes
from .record import Record, claim
from .run_checks import (
    check_callback,
    check_fit,
    check_optimizer,
    check_trainable,
    checked_clip,
    checked_dtype,
    checked_factor,
    loss_of,
)
from .undo import Undo
from .watch import Watch

if TYPE_CHECKING:
    from accelerate import Accelerator

READ_EVERY = 10  # steps; on another device than the CPU, which would wait for it at each reading


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
    held_out: Tensor | None = None,
    evaluate_every: int = 100,
    on_held_out: Callable[[int, float], object] | None = None,
    on_save: Callable[[Record], object] | None = None,
    save_every: int = 100,
    clip: float | None = None,
    schedule: Callable[[int], float] | None = None,
    dtype: torch.dtype | str | None = None,
    compile: bool = False,
    accelerator: Accelerator | None = None,
) -> Record:
    """Train until the record holds `steps` losses, and return it.

    model: takes ids and targets, (B, T) each, and returns (logits, loss). data: ids (N,). A record
    given is gone on with; one that holds `steps` losses already is returned as it is.
    on_step(step, loss) is called after every step; on_sample(step, ids) every sample_every steps,
    with a greedy text (T + sample_tokens,) from prompt_ids (1, T), by default the first token of
    data; on_save(record) every save_every steps, to save a checkpoint. On a terminal, a line shows
    the progress.

    held_out: ids (N,) that the model does not learn from; every evaluate_every steps their loss
    goes into record.held_out and to on_held_out(step, loss). clip: the largest norm of all
    gradients together; larger ones are scaled down. schedule(step): a factor for the optimizer's
    rate at that step, as warmup_cosine makes one. dtype: torch.bfloat16 to compute coarser and
    faster. compile: translate the model by torch.compile first. accelerator: an
    accelerate.Accelerator(), where several processes train together; batch_size is theirs
    together, they need the same seed, and only the first calls the callbacks.

    Ctrl-C stops after the last whole step, says so, and returns the record. Any other error, too,
    leaves model, optimizer and record as after the last whole step. Raises TrainingError where the
    loss is not finite, with everything back at the last state whose loss was; ValueError for bad
    input. On another device than the CPU, which would wait for it, the losses are read every 10
    steps: on_step is called then, and a stop leads back to the last reading. Built in lesson 11.
    """
    record = Record() if record is None else record
    steps = checked_count("steps", steps)
    batch_size, seq_len = check_data(data, batch_size, seq_len)
    prompt_ids = data[None, :1] if prompt_ids is None else prompt_ids
    check_trainable(checked_model(model))
    check_fit(model, batch_size, seq_len, data, held_out, prompt_ids)
    check_optimizer(model, optimizer)
    watch = Watch(
        on_step=on_step,
        on_sample=on_sample,
        sample_every=sample_every,
        prompt_ids=prompt_ids,
        sample_tokens=sample_tokens,
        held_out=held_out,
        evaluate_every=evaluate_every,
        on_held_out=on_held_out,
        on_save=on_save,
        save_every=save_every,
    )
    check_callback("schedule", schedule, "step")
    clip, dtype = checked_clip(clip), checked_dtype(dtype)
    several = processes(accelerator, model, batch_size)
    settings = {
        "batch_size": batch_size,
        "seq_len": seq_len,
        "clip": clip,
        "dtype": str(dtype or torch.float32).removeprefix("torch."),
        "schedule": schedule and getattr(schedule, "__qualname__", type(schedule).__name__),
        "evaluate_every": evaluate_every if held_out is not None else None,
    }
    claim(record, unwrapped(model), settings)
    undo = Undo(model, optimizer, record)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    coarse = torch.autocast(data.device.type, dtype) if dtype else contextlib.nullcontext()
    read_every = 1 if data.device.type == "cpu" else READ_EVERY
    unread: list[Tensor] = []  # the losses since the last reading
    with (
        _stopping(undo, steps, several, compile),
        Progress(record, steps, batch_size * seq_len, wanted=several.is_main) as show,
        mode(model, training=True),
        default_device(data.device),
        several.together(),
    ):
        called = several.prepared(model)
        called = torch.compile(called) if compile else called
        for step in range(len(record.losses) + 1, steps + 1):
            if not unread:
                undo.keep()
            batch = get_batch(data, batch_size, seq_len)  # (B, T) each
            inputs, targets = map(several.share, batch)
            with plain_pass(), coarse, several.own_chance():
                loss = loss_of(called(inputs, targets))
            optimizer.zero_grad()
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(parameters, clip)
            if schedule is not None:
                undo.now.set_rates(checked_factor(schedule, step))
            optimizer.step()
            if schedule is not None:
                undo.now.set_rates()
            unread.append(loss.detach())
            due = watch.due(step)
            if not due and step % read_every and step < steps:
                continue
            losses = several.read(unread)
            undo.check_finite(losses)
            if "evaluate" in due:
                with plain_pass(), coarse:
                    record.held_out[step] = held_out_loss(model, held_out, seq_len)
            record.losses += losses
            unread = []
            if several.is_main:
                show(step, losses[-1])
                watch.tell(due, losses, model, record)
            if several.stop:
                raise KeyboardInterrupt
    return record


@contextlib.contextmanager
def _stopping(undo: Undo, steps: int, several: Alone, compiles: bool) -> Iterator[None]:
    """End a training that is stopped as after its last whole step; Ctrl-C is no error."""
    try:
        yield
    except BaseException as stop:
        undo.unfinished()
        if not isinstance(stop, KeyboardInterrupt):
            several.explain(stop)
            if compiles and type(stop).__module__.startswith(("torch._inductor", "torch._dynamo")):
                raise InputError(
                    f"torch.compile cannot translate the model ({type(stop).__name__}); on a CPU "
                    "it needs a C++ compiler. Leave compile out: the run is the same, but slower."
                ) from None
            raise
        if several.is_main:
            print(
                f"stopped at step {len(undo.record.losses)} of {steps}; model, optimizer and "
                "record are those of this step. To go on, train again with the same model and "
                "optimizer, and record=<this record>."
            )
