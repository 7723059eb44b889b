"""From a prompt to a text: classify the next token, in a for-loop. Built from lesson 01 on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .checks import check_device, checked_count
from .errors import PromptError
from .models import context_of, default_device, device_of, devices_of, mode, vocab_size_of
from .prompts import (
    check_enough_tokens,
    check_generator,
    check_length,
    checked_ends,
    checked_prompt,
)
from .readers import reader_of
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
    knobs = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    looking_back = {
        "repetition_penalty": repetition_penalty,
        "no_repeat_ngram_size": no_repeat_ngram_size,
    }
    ids, mask = checked_prompt(prompt_ids, attention_mask)
    # A bad knob raises now, before the model has worked for nothing.
    next_token_probs(ids.new_zeros(2), **knobs, **looking_back, previous_ids=ids.new_zeros(1))
    max_new_tokens = checked_count("max_new_tokens", max_new_tokens)
    vocab_size = vocab_size_of(model)
    ends, pad = checked_ends(eos_token_id, pad_token_id, vocab_size)
    check_device("prompt_ids", ids, devices_of(model))
    check_generator(generator, ids.device)
    if no_repeat_ngram_size == 1 and vocab_size is not None and not ends:
        check_enough_tokens(ids, mask, max_new_tokens, vocab_size)
    last_logits = reader_of(model, ids, mask, max_new_tokens)

    greedy = top_k == 1
    if greedy:  # the other knobs never change which token is the top one
        rule = partial(avoid_repetition, **looking_back)
    else:
        rule = partial(next_token_probs, **knobs, **looking_back)
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
