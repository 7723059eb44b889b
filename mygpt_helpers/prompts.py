"""What generate is given, checked: the prompt, its padding, the ids that end it, the generator."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import Tensor

from .checks import INTEGERS, check_device, is_whole, kind_of, plain, shape_of
from .errors import InputError, PromptError


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
    if not isinstance(attention_mask, Tensor) or attention_mask.shape != ids.shape:
        raise PromptError(
            f"attention_mask must have the prompt's shape {tuple(ids.shape)}, "
            f"got {shape_of(attention_mask)}."
        )
    check_device("attention_mask", attention_mask, {ids.device})
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
    ends, pad = _as_list(eos_token_id), plain(pad_token_id)
    given = [("eos_token_id", i) for i in ends]
    if pad is not None:
        given.append(("pad_token_id", pad))
    elif ends:
        pad = ends[0]
    for name, i in given:
        if not is_whole(i) or i < 0 or (vocab_size is not None and i >= vocab_size):
            last = "" if vocab_size is None else f" to {vocab_size - 1}, the model's last"
            raise InputError(
                f"{name} must be a token's id, a whole number from 0{last}; got {i!r}."
            )
    return ends, pad


def _as_list(ids: object) -> list[object]:
    """Return ids as plain numbers in a list: None gives an empty one, a number a list of one."""
    ids = [] if ids is None else plain(ids)
    return [*map(plain, ids)] if isinstance(ids, list | tuple | Tensor | np.ndarray) else [ids]


def check_enough_tokens(ids: Tensor, mask: Tensor, max_new_tokens: int, vocab_size: int) -> None:
    """Raise ValueError where no_repeat_ngram_size=1, each token once, leaves too few of them."""
    used = max(len(set(row[there].tolist())) for row, there in zip(ids, mask.bool(), strict=True))
    if used + max_new_tokens > vocab_size:
        raise InputError(
            f"no_repeat_ngram_size=1 lets each of the {vocab_size:,} tokens come once, and the "
            f"prompt has {used:,} of them: ask for at most {vocab_size - used:,} new ones, not "
            f"{max_new_tokens:,}."
        )


def check_generator(
    generator: torch.Generator | random.Random | None, device: torch.device
) -> None:
    """Raise ValueError for what is no generator of random numbers, or one of another device's."""
    if generator is None or isinstance(generator, random.Random):
        return
    if not isinstance(generator, torch.Generator):
        raise InputError(
            f"generator must be a torch.Generator or a random.Random, got {kind_of(generator)}; "
            "random.Random(0) makes one."
        )
    if generator.device.type != device.type:
        raise InputError(
            f"the generator draws on {generator.device}, and the model is on {device}: "
            f"torch.Generator({str(device)!r}) makes one that fits."
        )


def check_watcher(on_step: object, num_prompts: int) -> None:
    """Raise ValueError for an on_step that cannot be called, or more than one prompt to watch."""
    if on_step is None:
        return
    if not callable(on_step):
        raise InputError(f"on_step must be a function that takes a Step, got {kind_of(on_step)}.")
    if num_prompts != 1:
        raise PromptError(
            f"a trace follows one prompt, shape (1, T); got {num_prompts} of them. "
            "prompt_ids[:1] is the first."
        )
