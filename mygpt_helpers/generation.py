"""From a prompt to a text: classify the next token, in a for-loop. Built from lesson 01 on."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from numbers import Integral
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .checks import check_ids, checked_count, checked_logits, shape_of
from .errors import InputError
from .sampling import avoid_repetition, next_token_probs

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase


class PromptError(InputError):
    """A prompt that no model can continue; the message says why and what to do."""


def prompt_inputs(
    tokenizer: PreTrainedTokenizerBase, prompt: str, model: PreTrainedModel
) -> BatchEncoding:
    """Return tokenizer(prompt, return_tensors="pt"), for a prompt that the model can take.

    The result holds input_ids and attention_mask, both (1, T). Raises PromptError (a ValueError)
    for what is not text, for no token at all, and for more tokens than the model's context. Built
    in lesson 01.
    """
    if not isinstance(prompt, str):
        raise PromptError(f"the prompt must be a text, got {type(prompt).__name__}.")
    inputs = tokenizer(prompt, return_tensors="pt")
    T = inputs["input_ids"].shape[1]
    _check_length(T, 0, None)
    _check_length(T, 0, getattr(model.config, "max_position_embeddings", None))
    return inputs


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
    knobs = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    looking_back = {
        "repetition_penalty": repetition_penalty,
        "no_repeat_ngram_size": no_repeat_ngram_size,
    }
    # A bad knob raises now, before the model has worked for nothing.
    next_token_probs(torch.zeros(2), **knobs, **looking_back, previous_ids=torch.tensor([0]))
    max_new_tokens = checked_count("max_new_tokens", max_new_tokens)
    ends, pad = _ends(eos_token_id, pad_token_id)
    ids, mask = _checked_prompt(prompt_ids, attention_mask)
    make_reader = _cached_reader if _is_transformers(model) else _window_reader
    last_logits = make_reader(model, ids, mask, max_new_tokens)
    running = torch.ones(len(ids), 1, dtype=torch.bool, device=ids.device)  # (B, 1)
    with mode(model, training=False):  # no dropout while writing
        for _ in range(max_new_tokens):
            logits = last_logits(ids)  # (B, V)
            if repetition_penalty is not None or no_repeat_ngram_size is not None:
                logits = _look_back(logits, ids, mask, looking_back)
            if top_k == 1:
                new = checked_logits(logits).argmax(dim=-1, keepdim=True)  # (B, 1)
            else:
                probs = next_token_probs(logits, **knobs)  # (B, V)
                new = torch.multinomial(probs, 1, generator=generator)  # (B, 1)
            if ends:
                new = new.where(running, pad)
                running = running & ~torch.isin(new, torch.tensor(ends, device=new.device))
            ids = torch.cat([ids, new], dim=1)  # (B, T + 1): append, never overwrite
            if not bool(running.any()):
                break
    return ids


@contextlib.contextmanager
def mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Switch all parts of a model to training or to use, and afterwards back to what each was."""
    before = {part: part.training for part in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for part, was_training in before.items():
            part.training = was_training


def _is_transformers(model: nn.Module) -> bool:
    return hasattr(model, "prepare_inputs_for_generation")


def _window_reader(
    model: nn.Module, prompt_ids: Tensor, mask: Tensor, max_new_tokens: int
) -> Callable[[Tensor], Tensor]:
    """Return a function from ids (B, T) to the last position's logits (B, V), for our models."""
    if not bool(mask.all()):
        raise PromptError(
            "this model has no padding: it takes no attention_mask with a 0 in it. Give prompts of "
            "one length, or generate from each alone."
        )
    context = getattr(model, "max_seq_len", None)

    def last_logits(ids: Tensor) -> Tensor:
        # Beyond the context the window slides: the model never sees what has left it.
        result = model(ids if context is None else ids[:, -context:])
        if not isinstance(result, tuple) or not isinstance(result[0], Tensor):
            raise InputError(
                f"the model must return (logits, loss), got {type(result).__name__}: "
                "its forward has to end in `return logits, loss`."
            )
        return result[0][:, -1]

    return last_logits


def _cached_reader(
    model: nn.Module, prompt_ids: Tensor, mask: Tensor, max_new_tokens: int
) -> Callable[[Tensor], Tensor]:
    """Return the same for transformers' models; after the prompt they read only the new token."""
    context = getattr(model.config, "max_position_embeddings", None)
    _check_length(prompt_ids.shape[1], max_new_tokens, context)
    vocab_size = model.get_input_embeddings().num_embeddings
    check_ids("prompt_ids", prompt_ids, vocab_size)
    takes = inspect.signature(model.forward).parameters
    cache = None

    def last_logits(ids: Tensor) -> Tensor:
        nonlocal cache, mask
        given = ids if cache is None else ids[:, -1:]  # (B, T), then (B, 1)
        mask = torch.cat([mask, mask.new_ones(len(ids), ids.shape[1] - mask.shape[1])], dim=1)
        inputs = {"input_ids": given, "attention_mask": mask, "past_key_values": cache}
        if "position_ids" in takes:  # padding takes no position: the first real token has 0
            inputs["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)[:, -given.shape[1] :]
        if "logits_to_keep" in takes:
            inputs["logits_to_keep"] = 1
        output = model(**inputs, use_cache=True)
        cache = output.past_key_values
        return output.logits[:, -1]

    return last_logits


def _look_back(logits: Tensor, ids: Tensor, mask: Tensor, knobs: dict) -> Tensor:
    """Apply the knobs that look at ids (B, T) so far; padding on the left does not count."""
    starts = (mask == 0).sum(dim=1).tolist()  # the place of each row's first real token
    if not any(starts):
        return avoid_repetition(logits, ids, **knobs)
    rows = zip(logits, ids, starts, strict=True)
    return torch.stack([avoid_repetition(z, row[start:], **knobs) for z, row, start in rows])


def _checked_prompt(prompt_ids: Tensor, attention_mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return ids and mask, (B, T) int64 each, or raise PromptError."""
    if not isinstance(prompt_ids, Tensor) or prompt_ids.ndim != 2:
        raise PromptError(
            "prompt_ids must be a tensor of shape (B, T), a batch of B prompts of T tokens; got "
            f"{shape_of(prompt_ids)}. Of one prompt (T,), prompt_ids[None] makes a batch."
        )
    if prompt_ids.is_floating_point() or prompt_ids.is_complex() or prompt_ids.dtype == torch.bool:
        raise PromptError(f"prompt_ids must be whole numbers (torch.long), got {prompt_ids.dtype}.")
    if len(prompt_ids) == 0:
        raise PromptError("prompt_ids holds no prompt at all: its shape is (0, T).")
    _check_length(prompt_ids.shape[1], 0, None)
    ids = prompt_ids.long()
    if attention_mask is None:
        return ids, torch.ones_like(ids)
    if not isinstance(attention_mask, Tensor) or attention_mask.shape != ids.shape:
        raise PromptError(
            f"attention_mask must have the prompt's shape {tuple(ids.shape)}, "
            f"got {shape_of(attention_mask)}."
        )
    mask = attention_mask.long()
    if not torch.equal(mask, mask.clamp(0, 1)) or not torch.equal(mask, attention_mask):
        raise PromptError("attention_mask must hold 1 for a token and 0 for padding, nothing else.")
    if not bool((mask.diff(dim=1) >= 0).all()) or not bool(mask[:, -1].all()):
        raise PromptError(
            "the padding must stand on the left of each prompt, so that the last token is real. "
            'tokenizer.padding_side = "left" does that.'
        )
    return ids, mask


def _check_length(T: int, max_new_tokens: int, context: int | None) -> None:
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


def _ends(
    eos_token_id: int | list[int] | None, pad_token_id: int | None
) -> tuple[list[int], int | None]:
    """Return the ids that end a row, and the id that fills it up afterwards."""
    ends = [] if eos_token_id is None else eos_token_id
    ends = list(ends) if isinstance(ends, list | tuple) else [ends]
    given = {"eos_token_id": ends, "pad_token_id": [] if pad_token_id is None else [pad_token_id]}
    for name, ids in given.items():
        for i in ids:
            if not isinstance(i, Integral) or isinstance(i, bool) or i < 0:
                raise InputError(f"{name} must be a token's id, a whole number from 0; got {i!r}.")
    return ends, pad_token_id if pad_token_id is not None else ends[0] if ends else None
