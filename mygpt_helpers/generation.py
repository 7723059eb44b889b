"""From a prompt to a text: classify the next token, in a for-loop. Built from lesson 01 on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .checks import check_device, check_ids, checked_count
from .errors import InputError, PromptError
from .models import (
    context_of,
    default_device,
    device_of,
    devices_of,
    is_transformers,
    mode,
    model_inside,
    names_of_arguments,
    unwrapped,
    vocab_size_of,
)
from .prompts import (
    check_enough_tokens,
    check_generator,
    check_length,
    checked_ends,
    checked_prompt,
)
from .sampling import avoid_repetition, next_token_probs

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase


def prompt_inputs(
    tokenizer: PreTrainedTokenizerBase, prompt: str, model: PreTrainedModel
) -> BatchEncoding:
    """Return tokenizer(prompt, return_tensors="pt"), for a prompt that the model can take.

    The result holds input_ids and attention_mask, both (1, T), on the model's device.
    Raises PromptError (a ValueError) for what is not text, for no token at all, and for more tokens
    than the model's context. Built in lesson 01.
    """
    if not isinstance(prompt, str):
        raise PromptError(f"the prompt must be a text, got {type(prompt).__name__}.")
    with default_device(torch.device("cpu")):
        inputs = tokenizer(prompt, return_tensors="pt")
    T = inputs["input_ids"].shape[1]
    check_length(T, 0, None)
    check_length(T, 0, context_of(model))
    return inputs.to(device_of(model))


@torch.no_grad()
def generate(
    model: nn.Module,
    prompt_ids: Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    *,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    no_repeat_ngram_size: int | None = None,
    attention_mask: Tensor | None = None,
    eos_token_id: int | list[int] | None = None,
    pad_token_id: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Continue prompt_ids (B, T) by up to n = max_new_tokens tokens: (B, T + n).

    model: a causal model of transformers, read with its key-value cache; or one of ours, which
    takes ids (B, T), returns (logits, loss), and is given its last max_seq_len tokens. top_k=1
    takes the top token (lowest id on a tie); else one is drawn, by torch's generator or the one
    given. A knob that is None is left out. Nothing ends the text but eos_token_id; a row that has
    ended is filled with pad_token_id (eos_token_id where there is none), and when all have, the
    result is shorter. attention_mask: (B, T), 0 where a shorter prompt of the batch is padded, on
    its left; such a row continues as it would alone. Raises ValueError, PromptError among them, for
    bad input. Built in lessons 02 and 11; the knobs in lessons 04 to 06, the cache in lesson 09.
    """
    looking_back = {
        "repetition_penalty": repetition_penalty,
        "no_repeat_ngram_size": no_repeat_ngram_size,
    }
    knobs = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    # A bad knob raises now, before the model has worked for nothing.
    ids, mask = checked_prompt(prompt_ids, attention_mask)
    next_token_probs(ids.new_zeros(2), **knobs, **looking_back, previous_ids=ids.new_zeros(1))
    greedy = top_k == 1
    if greedy:  # the other knobs never change which token is the top one
        rule = partial(avoid_repetition, **looking_back)
    else:
        rule = partial(next_token_probs, **knobs, **looking_back)
    max_new_tokens = checked_count("max_new_tokens", max_new_tokens)
    make_reader = _cached_reader if is_transformers(model) else _window_reader
    vocab_size = vocab_size_of(model)
    ends, pad = checked_ends(eos_token_id, pad_token_id, vocab_size)
    check_device("prompt_ids", ids, devices_of(model))
    check_generator(generator, ids.device)
    if no_repeat_ngram_size == 1 and vocab_size is not None and not ends:
        check_enough_tokens(ids, mask, max_new_tokens, vocab_size)
    last_logits = make_reader(model, ids, mask, max_new_tokens)
    padding = []  # how much of it each row has on its left, if anything looks back
    if repetition_penalty is not None or no_repeat_ngram_size is not None:
        padding = (mask == 0).sum(dim=1).tolist()
    end_ids = torch.tensor(ends, device=ids.device)
    running = torch.ones(len(ids), 1, dtype=torch.bool, device=ids.device)  # (B, 1)
    with mode(model, training=False), default_device(ids.device):  # no dropout while writing
        for _ in range(max_new_tokens):
            logits = last_logits(ids)  # (B, V)
            checked_ends(ends, pad, logits.shape[-1])  # not every model says its V before
            scores = _by_row(rule, logits, ids, padding)  # (B, V)
            if greedy:  # scores are logits
                new = scores.argmax(dim=-1, keepdim=True)  # (B, 1)
            else:  # scores are probabilities
                new = torch.multinomial(scores, 1, generator=generator)  # (B, 1)
            if ends:
                new = new.where(running, pad)
                running = running & ~torch.isin(new, end_ids)
            ids = torch.cat([ids, new], dim=1)  # (B, T + 1): append, never overwrite
            if ends and not bool(running.any()):
                break
    return ids


def _by_row(rule: Callable[..., Tensor], logits: Tensor, ids: Tensor, padding: list[int]) -> Tensor:
    """Apply a rule to logits (B, V); each row looks back at its ids (B, T) after its padding."""
    if not any(padding):
        return rule(logits, previous_ids=ids)
    rows = zip(logits, ids, padding, strict=True)
    return torch.stack([rule(z, previous_ids=row[width:]) for z, row, width in rows])


def _window_reader(
    model: nn.Module, prompt_ids: Tensor, mask: Tensor, max_new_tokens: int
) -> Callable[[Tensor], Tensor]:
    """Return a function from ids (B, T) to the last position's logits (B, V), for our models."""
    inside = model_inside(model)
    context = getattr(inside, "max_seq_len", None) or context_of(inside)
    told = ""
    if hasattr(inside, "prepare_inputs_for_generation"):
        told = (
            f"{type(model).__name__} is a wrapper that takes or returns something else than the "
            f"{type(inside).__name__} in it: give generate that {type(inside).__name__}."
        )
    if not bool(mask.all()):
        raise PromptError(
            told
            or "this model has no padding: it takes no attention_mask with a 0 in it. Give prompts "
            "of one length, or generate from each alone."
        )

    def last_logits(ids: Tensor) -> Tensor:
        # Beyond the context the window slides: the model never sees what has left it.
        result = model(ids if context is None else ids[:, -context:])
        if not isinstance(result, tuple) or not isinstance(result[0], Tensor):
            raise InputError(
                told
                or f"the model must return (logits, loss), got {type(result).__name__}: "
                "its forward has to end in `return logits, loss`."
            )
        return result[0][:, -1]

    return last_logits


def _cached_reader(
    model: nn.Module, prompt_ids: Tensor, mask: Tensor, max_new_tokens: int
) -> Callable[[Tensor], Tensor]:
    """Return the same for transformers' models; after the prompt they read only the new token."""
    check_length(prompt_ids.shape[1], max_new_tokens, context_of(model))
    if vocab_size := vocab_size_of(model):
        check_ids("prompt_ids", prompt_ids, vocab_size)
    takes = names_of_arguments(unwrapped(model))
    cache = None

    def read(ids: Tensor, mask: Tensor) -> tuple[Tensor, object]:
        """Return the last position's logits (B, V) and the cache, if the model has one."""
        given = ids if cache is None else ids[:, -1:]  # (B, T), then (B, 1)
        # Padding takes no position: the first real token has 0.
        places = (mask.cumsum(-1) - 1).clamp(min=0)[:, -given.shape[1] :]
        inputs = {"attention_mask": mask, "position_ids": places, "logits_to_keep": 1}
        inputs |= {"past_key_values": cache, "use_cache": "past_key_values" in takes}
        inputs = {name: value for name, value in inputs.items() if name in takes}
        output = model(input_ids=given, **inputs, return_dict=True)
        return output.logits[:, -1], getattr(output, "past_key_values", None)

    def last_logits(ids: Tensor) -> Tensor:
        nonlocal cache, mask
        mask = torch.cat([mask, mask.new_ones(len(ids), ids.shape[1] - mask.shape[1])], dim=1)
        is_padded = ids.shape == prompt_ids.shape and not bool(mask.all())  # asked at the start
        if is_padded:
            shortest = int(mask.sum(dim=1).argmin())
            row = ids[shortest, mask[shortest].bool()][None]  # (1, T)
            alone, _ = read(row, torch.ones_like(row))  # (1, V)
        logits, cache = read(ids, mask)
        if is_padded:
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
            "does alone. Give prompts of one length, or generate from each alone."
        )
