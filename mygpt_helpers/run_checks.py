"""What train is given, checked before the first step: model, optimizer, ids and callbacks."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .checks import check_device, check_ids, checked_number, kind_of, shape_of
from .corpus import check_data
from .errors import InputError
from .models import devices_of, made_for_inference, unwrapped, vocab_size_of
from .prompts import checked_prompt


def check_trainable(model: nn.Module) -> None:
    """Raise InputError for a model that no step could change."""
    if torch.is_inference_mode_enabled() or made_for_inference(model):
        raise InputError(
            "the model was made, or is trained, under torch.inference_mode(), where nothing can be "
            "trained. Make it and train it outside; torch.no_grad() is enough to only use it."
        )
    if not any(p.requires_grad for p in model.parameters()):
        raise InputError(
            "no parameter of the model can be trained: all have requires_grad=False. "
            "model.requires_grad_(True) changes that."
        )


def check_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Raise ValueError for an optimizer that cannot train, or would train another model."""
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise InputError(
            "optimizer must be one of torch.optim, made for this model, such as "
            f"torch.optim.AdamW(model.parameters(), lr=1e-2); got {kind_of(optimizer)}."
        )
    is_sparse = any(getattr(part, "sparse", False) for part in model.modules())
    misfits = torch.optim.LBFGS if is_sparse else torch.optim.LBFGS | torch.optim.SparseAdam
    if isinstance(optimizer, misfits):
        raise InputError(
            f"{type(optimizer).__name__} cannot train this model: LBFGS needs a closure, and "
            "SparseAdam sparse gradients. torch.optim.AdamW(model.parameters(), lr=1e-2) can."
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if held.isdisjoint(id(p) for p in model.parameters()):
        raise InputError(
            "the optimizer holds none of this model's parameters, so it would train another one. "
            "Make it after the model: torch.optim.AdamW(model.parameters(), lr=1e-2)."
        )


def check_fit(
    model: nn.Module,
    batch_size: int,
    seq_len: int,
    data: Tensor,
    held_out: Tensor | None,
    prompt_ids: Tensor,
) -> None:
    """Raise ValueError for ids, or a length, that the model cannot read.

    data, held_out: (N,); prompt_ids: (1, T).
    """
    all_ids = {"data": data, "prompt_ids": prompt_ids}
    if held_out is not None:
        check_data(held_out, batch_size, seq_len, "held_out")
        all_ids["held_out"] = held_out
    checked_prompt(prompt_ids, None)
    if len(prompt_ids) != 1:
        raise InputError(
            f"prompt_ids must be one prompt, shape (1, T), got {shape_of(prompt_ids)}; "
            "prompt_ids[:1] is the first."
        )
    devices = devices_of(model)
    vocab_size = vocab_size_of(model)
    for name, ids in all_ids.items():
        check_device(name, ids, devices)
        if vocab_size is not None:
            check_ids(name if name == "prompt_ids" else f"{name}'s ids", ids, vocab_size)
    context = getattr(unwrapped(model), "max_seq_len", None)
    if context is not None and seq_len > context:
        raise InputError(
            f"seq_len={seq_len} is too long for this model: input length T={seq_len} exceeds "
            f"max_seq_len={context}. Give a shorter seq_len, or make a model with a longer context."
        )


def check_callback(name: str, function: object, gives: str) -> None:
    """Raise InputError for what cannot be called with what it is given."""
    if function is None:
        return
    try:
        # A wrapper may take other arguments than what it wraps.
        inspect.signature(function, follow_wrapped=False).bind(*gives.split(", "))  # type: ignore[arg-type]
    except TypeError:
        raise InputError(
            f"{name} must be a function that is called as {name}({gives}), got {function!r:.80}."
        ) from None
    except ValueError:
        pass  # some built-in functions do not tell what they take


def checked_dtype(dtype: torch.dtype | str | None) -> torch.dtype | None:
    """Return the dtype to compute in where it is not the weights', or raise InputError."""
    wanted = getattr(torch, dtype, dtype) if isinstance(dtype, str) else dtype
    if wanted in (None, torch.float32):
        return None
    if wanted is torch.bfloat16:
        return wanted
    raise InputError(
        f"dtype must be torch.bfloat16, torch.float32, or one of these as text; got {dtype!r}. "
        "The weights stay as they are: only the computing becomes coarser."
    )


def checked_clip(clip: float | None) -> float | None:
    """Return the largest norm that the gradients may have, or raise InputError."""
    if clip is None or (clip := checked_number("clip", clip, "a number above 0")) > 0:
        return clip
    raise InputError(f"clip must be a number above 0, or None for no clipping, got {clip}.")


def checked_factor(schedule: Callable[[int], float], step: int) -> float:
    """Return what the schedule gives for a step, or raise InputError where that is no factor."""
    factor = checked_number(f"schedule({step})", schedule(step), "a number from 0")
    if factor < 0:
        raise InputError(f"schedule({step}) must be a number from 0, got {factor}.")
    return factor


def loss_of(result: object) -> Tensor:
    """Return the loss out of what a model gave for ids and targets, or raise InputError."""
    loss = result[1] if isinstance(result, tuple) and len(result) == 2 else None
    wanted = torch.is_grad_enabled()
    if isinstance(loss, Tensor) and loss.numel() == 1 and (loss.requires_grad or not wanted):
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
