"""Arguments, checked: each function returns what it was given or raises one clear ValueError.

What was given, what was expected, what to do: so that the functions of the course can be short and
about one thing. Used from lesson 04 on.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from numbers import Integral, Real

import torch
from torch import Tensor

from .errors import InputError, PromptError

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8)
INTEGERS += (torch.uint64, torch.uint32, torch.uint16, torch.uint8)


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number: an int, or numpy's, and not True or False."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def checked_count(
    name: str, value: int, hint: str = "", *, first: int = 1, last: int | None = None
) -> int:
    """Return a whole number from first to last, or raise ValueError; hint: more for its message."""
    if not is_whole(value) or value < first or (last is not None and value > last):
        where = f"from {first}" if last is None else f"from {first} to {last}"
        raise InputError(f"{name} must be a whole number {where}, got {value!r}{hint}.")
    return int(value)


def checked_text(name: str, value: str) -> str:
    """Return a string, or raise ValueError."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be a string, got {type(value).__name__}.")
    return value


def checked_texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return a list of strings as a tuple, or raise ValueError; a string alone is no list."""
    if isinstance(values, Iterable) and not isinstance(values, str):
        texts = tuple(values)
        if all(isinstance(text, str) for text in texts):
            return texts
    raise InputError(f"{name} must be a list of strings, got {values!r:.80}.")


def shape_of(value: object) -> str:
    """Say what shape a tensor has, or what something else is: 'shape (2, 3)', 'list'."""
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def check_ids(name: str, ids: Tensor, vocab_size: int) -> None:
    """Raise ValueError for ids of another type than whole numbers, or beyond the vocabulary."""
    if ids.dtype not in INTEGERS:
        raise InputError(f"{name} must be whole numbers (torch.long), got {ids.dtype}.")
    if ids.numel() == 0:
        return
    low, high = (int(end) for end in ids.long().aminmax())  # uint16 has no aminmax of its own
    if low < 0 or high >= vocab_size:
        raise InputError(
            f"{name} must be from 0 to {vocab_size - 1}, one for each token of the vocabulary; "
            f"got ids from {low} to {high}."
        )


def checked_logits(logits: Tensor) -> Tensor:
    """Return the logits in at least float32, or raise ValueError where no distribution exists."""
    if not isinstance(logits, Tensor):
        raise InputError(
            f"logits must be a torch tensor (..., V), got {type(logits).__name__}; "
            "torch.tensor(...) makes one."
        )
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise InputError(
            f"logits must have a last dimension of V >= 1 tokens, got shape {tuple(logits.shape)}."
        )
    if logits.is_complex():
        raise InputError(f"logits must be real numbers, got {logits.dtype}.")
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    top = logits.amax(dim=-1)  # (...): NaN where any logit of the row is NaN
    if bool(top.isfinite().all()):
        return logits
    if bool(top.isnan().any()):
        raise InputError("logits hold NaN; look for the step before this one that made it.")
    if bool((top == math.inf).any()):
        raise InputError("logits hold plus infinity; expected finite numbers or minus infinity.")
    raise InputError("a row of logits is minus infinity throughout: no token is left to choose.")


def checked_probs(probs: Tensor) -> Tensor:
    """Return the probabilities in at least float32, or raise ValueError."""
    if not isinstance(probs, Tensor):
        raise InputError(f"probs must be a torch tensor (..., V), got {type(probs).__name__}.")
    if probs.ndim == 0 or probs.shape[-1] == 0:
        raise InputError(
            f"probs must have a last dimension of V >= 1 tokens, got shape {tuple(probs.shape)}."
        )
    tolerance = sum_tolerance(probs.dtype)
    probs = probs.to(torch.promote_types(probs.dtype, torch.float32))
    off = (probs.sum(dim=-1) - 1).abs()  # (...)
    if not bool((probs >= 0).all() & (off < tolerance).all()):
        raise InputError(
            "probs must be 0 or more and sum to 1 in each row; softmax turns logits into such "
            "numbers (logits of half precision as float32 first: logits.float().softmax(-1))."
        )
    return probs


def sum_tolerance(dtype: torch.dtype) -> float:
    """Return how far from 1 probabilities of a dtype may sum: half precision rounds each of them.

    Softmax in bfloat16, written out, is off by up to three roundings of its sum and its quotients.
    """
    return max(1e-3, 4 * torch.finfo(dtype).eps) if dtype.is_floating_point else 1e-3


def checked_number(name: str, value: float, expected: str) -> float:
    """Return a finite real number as a float, or raise ValueError."""
    number = math.nan
    if isinstance(value, Real) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # a whole number that no float can hold
            number = float(value)
    if not math.isfinite(number):
        raise InputError(f"{name} must be {expected}, got {value!r}.")
    return number


def checked_ids(previous_ids: Tensor, logits: Tensor) -> Tensor:
    """Return ids (..., T) as int64 that fit the logits (..., V), or raise ValueError."""
    if not isinstance(previous_ids, Tensor):
        raise InputError(
            f"previous_ids must be a torch tensor (..., T), got {type(previous_ids).__name__}."
        )
    check_ids("previous_ids", previous_ids, logits.shape[-1])
    if previous_ids.ndim != logits.ndim or previous_ids.shape[:-1] != logits.shape[:-1]:
        raise InputError(
            f"previous_ids must have shape {(*logits.shape[:-1], 'T')}, as many rows as the "
            f"logits; got {tuple(previous_ids.shape)}."
        )
    return previous_ids.long()


def checked_prompt(prompt_ids: Tensor, attention_mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return ids and mask, (B, T) int64 each, or raise PromptError."""
    if not isinstance(prompt_ids, Tensor) or prompt_ids.ndim != 2:
        raise PromptError(
            "prompt_ids must be a tensor of shape (B, T), a batch of B prompts of T tokens; got "
            f"{shape_of(prompt_ids)}. Of one prompt (T,), prompt_ids[None] makes a batch."
        )
    if prompt_ids.dtype not in INTEGERS:
        raise PromptError(f"prompt_ids must be whole numbers (torch.long), got {prompt_ids.dtype}.")
    if len(prompt_ids) == 0:
        raise PromptError("prompt_ids holds no prompt at all: its shape is (0, T).")
    check_length(prompt_ids.shape[1], 0, None)
    ids = prompt_ids.long()
    if attention_mask is None:
        return ids, torch.ones_like(ids)
    if isinstance(attention_mask, Tensor):
        check_device("attention_mask", attention_mask, {ids.device})
    if not isinstance(attention_mask, Tensor) or attention_mask.shape != ids.shape:
        raise PromptError(
            f"attention_mask must have the prompt's shape {tuple(ids.shape)}, "
            f"got {shape_of(attention_mask)}."
        )
    mask = attention_mask.long()
    whole = torch.equal(mask.to(attention_mask.dtype), attention_mask)
    if not whole or not torch.equal(mask, mask.clamp(0, 1)):
        raise PromptError("attention_mask must hold 1 for a token and 0 for padding, nothing else.")
    if not bool((mask.diff(dim=1) >= 0).all()) or not bool(mask[:, -1].all()):
        raise PromptError(
            "the padding must stand on the left of each prompt, so that the last token is real. "
            'tokenizer.padding_side = "left" does that.'
        )
    return ids, mask


def check_length(T: int, max_new_tokens: int, context: int | None) -> None:
    """Raise PromptError for no token, and for more than the model's context holds."""
    if T == 0:
        raise PromptError(
            "the prompt is empty: it has no token, so there is no position to predict from. "
            "Write at least one character."
        )
    if context is None or context >= T + max_new_tokens:
        return
    if context > T:
        raise PromptError(
            f"the prompt has {T:,} tokens, and with {max_new_tokens:,} new ones that is more than "
            f"this model's context of {context:,}. Ask for at most {context - T:,}."
        )
    full = "is full with them" if context == T else f"holds {context:,}"
    raise PromptError(f"the prompt has {T:,} tokens, and this model's context {full}. Shorten it.")


def checked_ends(
    eos_token_id: int | list[int] | None, pad_token_id: int | None, vocab_size: int | None
) -> tuple[list[int], int | None]:
    """Return the ids that end a row, and the id that fills it up; or raise ValueError."""
    first_not_there = math.inf if vocab_size is None else vocab_size
    ends = [] if eos_token_id is None else eos_token_id
    ends = list(ends) if isinstance(ends, list | tuple) else [ends]
    given = {"eos_token_id": ends, "pad_token_id": [] if pad_token_id is None else [pad_token_id]}
    for name, ids in given.items():
        for i in ids:
            if not is_whole(i) or not 0 <= i < first_not_there:
                last = "" if vocab_size is None else f" to {vocab_size - 1}, the model's last"
                raise InputError(
                    f"{name} must be a token's id, a whole number from 0{last}; got {i!r}."
                )
    return ends, pad_token_id if pad_token_id is not None else ends[0] if ends else None


def check_enough_tokens(ids: Tensor, mask: Tensor, max_new_tokens: int, vocab_size: int) -> None:
    """Raise ValueError where no_repeat_ngram_size=1, each token once, leaves too few of them."""
    used = max(len(set(row[there].tolist())) for row, there in zip(ids, mask.bool(), strict=True))
    if used + max_new_tokens > vocab_size:
        raise InputError(
            f"no_repeat_ngram_size=1 lets each of the {vocab_size:,} tokens come once, and the "
            f"prompt has {used:,} of them: ask for at most {vocab_size - used:,} new ones, not "
            f"{max_new_tokens:,}."
        )


def check_device(name: str, tensor: Tensor, devices: set[torch.device]) -> None:
    """Raise ValueError for a tensor elsewhere than a model, unless that lies on several devices."""
    if len(devices) == 1 and tensor.device not in devices:
        (device,) = devices
        raise InputError(
            f"{name} is on the device {tensor.device}, and the model on {device}: "
            f"{name}.to({str(device)!r}) brings it there."
        )


def check_generator(generator: torch.Generator | None, device: torch.device) -> None:
    """Raise ValueError for what is no generator of random numbers on this device."""
    if generator is None:
        return
    if not isinstance(generator, torch.Generator):
        raise InputError(
            f"generator must be a torch.Generator, got {type(generator).__name__}; "
            "torch.Generator().manual_seed(0) makes one."
        )
    if generator.device.type != device.type:
        raise InputError(
            f"the generator draws on {generator.device}, and the model is on {device}: "
            f"torch.Generator({str(device)!r}) makes one that fits."
        )
