"""A model as a function from ids to the last position's logits. The cache is that of lesson 09."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checks import check_ids
from .errors import InputError, PromptError
from .models import (
    context_of,
    is_transformers,
    model_inside,
    names_of_arguments,
    unwrapped,
    vocab_size_of,
)
from .prompts import check_length

# From ids (B, T) to the last position's logits (B, V). `rows` (B,) is given where the ids do not go
# on from the last call's row by row: which row of that call each of them goes on from.
Reader = Callable[..., Tensor]
ALONE = "Give prompts of one length, or generate from each alone."
NO_PADDING = f"this model has no padding: it takes no attention_mask with a 0 in it. {ALONE}"


def reader_of(model: nn.Module, prompt_ids: Tensor, mask: Tensor, max_new_tokens: int) -> Reader:
    """Return a function from ids (B, T), the prompt and more, to the last logits (B, V).

    prompt_ids, mask: (B, T) each. Raises ValueError for a model that cannot continue a text, and
    PromptError, which is one, for a prompt that this model cannot take.
    """
    if is_transformers(model):
        check_length(prompt_ids.shape[1], max_new_tokens, context_of(model))
        if vocab_size := vocab_size_of(model):
            check_ids("prompt_ids", prompt_ids, vocab_size)
        return _cached_reader(model, prompt_ids, mask)
    return _window_reader(model, mask)


def _window_reader(model: nn.Module, mask: Tensor) -> Reader:
    """Return the function for our models, which read all that fits into their context."""
    inside = model_inside(model)
    context = getattr(inside, "max_seq_len", None) or context_of(inside)
    wrong = _wrapper_flaw(model, inside)
    if not bool(mask.all()):
        raise PromptError(wrong or NO_PADDING)

    def last_logits(ids: Tensor, rows: Tensor | None = None) -> Tensor:
        # Beyond the context the window slides: the model never sees what has left it.
        result = model(ids if context is None else ids[:, -context:])
        if not isinstance(result, tuple) or not isinstance(result[0], Tensor):
            returned = (
                f"the model must return (logits, loss), got {type(result).__name__}: "
                "its forward has to end in `return logits, loss`."
            )
            raise InputError(wrong or returned)
        return result[0][:, -1]

    return last_logits


def _wrapper_flaw(model: nn.Module, inside: nn.Module) -> str | None:
    """Say what is wrong where a model of transformers is inside a wrapper, or return None."""
    if not hasattr(inside, "prepare_inputs_for_generation"):
        return None
    held = type(inside).__name__
    return (
        f"{type(model).__name__} is a wrapper that takes or returns something else than the "
        f"{held} in it: give generate that {held}."
    )


def _cached_reader(model: nn.Module, prompt_ids: Tensor, mask: Tensor) -> Reader:
    """Return the function for transformers' models; after the prompt they read one new token."""
    takes = names_of_arguments(unwrapped(model))
    cache = None
    has_padding = not bool(mask.all())

    def read(ids: Tensor, mask: Tensor | None) -> tuple[Tensor, object]:
        """Return the last position's logits (B, V) and the cache, if the model has one."""
        given = ids if cache is None else ids[:, -1:]  # (B, T), then (B, 1)
        inputs = {"past_key_values": cache, "use_cache": "past_key_values" in takes}
        inputs["logits_to_keep"] = 1
        if mask is not None:  # with a mask of ones alone the model would look for a 0 in each step
            # Padding takes no position: the first real token has 0.
            places = (mask.cumsum(-1) - 1).clamp(min=0)[:, -given.shape[1] :]
            inputs |= {"attention_mask": mask, "position_ids": places}
        inputs = {name: value for name, value in inputs.items() if name in takes}
        output = model(input_ids=given, **inputs, return_dict=True)
        return output.logits[:, -1], getattr(output, "past_key_values", None)

    def last_logits(ids: Tensor, rows: Tensor | None = None) -> Tensor:
        nonlocal cache, mask
        if rows is not None and hasattr(cache, "reorder_cache"):
            cache.reorder_cache(rows)
        elif rows is not None:
            cache = None  # none that can follow: read everything again
        if not has_padding:
            logits, cache = read(ids, None)
            return logits
        mask = F.pad(mask, (0, ids.shape[1] - mask.shape[1]), value=1)  # (B, T): new ones are real
        is_start = ids.shape == prompt_ids.shape
        if is_start:
            shortest = int(mask.sum(dim=1).argmin())
            row = ids[shortest, mask[shortest].bool()][None]  # (1, T)
            alone, _ = read(row, None)  # (1, V)
        logits, cache = read(ids, mask)
        if is_start:
            _check_padding(model, alone[0], logits[shortest])
        return logits

    return last_logits


def _check_padding(model: nn.Module, alone: Tensor, padded: Tensor) -> None:
    """Raise PromptError where a row's logits (V,) hang on the padding before it."""
    scale = alone.nan_to_num(0, 0, 0).abs().max()
    parts = (type(part).__module__ for part in model.modules())
    rough = torch.finfo(alone.dtype).eps > 1e-6 or any("quantized" in name for name in parts)
    tolerance = (0.1 if rough else 1e-3) * scale
    if not torch.allclose(alone, padded, rtol=0, atol=float(tolerance), equal_nan=True):
        raise PromptError(
            f"a {type(unwrapped(model)).__name__} cannot be padded: a row would not continue as it "
            f"does alone. {ALONE}"
        )
