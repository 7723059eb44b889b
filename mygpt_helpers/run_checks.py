"""What train is given, checked before the first step: model, optimizer, ids and callbacks."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor, nn

from .checks import check_device, check_ids, kind_of, shape_of
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


def check_fit(model: nn.Module, data: Tensor, prompt_ids: Tensor, seq_len: int) -> None:
    """Raise InputError for ids, or a length, that the model cannot read."""
    checked_prompt(prompt_ids, None)
    if len(prompt_ids) != 1:
        raise InputError(
            f"prompt_ids must be one prompt, shape (1, T), got {shape_of(prompt_ids)}; "
            "prompt_ids[:1] is the first."
        )
    devices = devices_of(model)
    check_device("data", data, devices)
    check_device("prompt_ids", prompt_ids, devices)
    vocab_size = vocab_size_of(model)
    if vocab_size is not None:
        check_ids("data's ids", data, vocab_size)
        check_ids("prompt_ids", prompt_ids, vocab_size)
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
