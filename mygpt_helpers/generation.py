"""From a prompt to a text: classify the next token, in a for-loop. Built from lesson 01 on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .checks import at_least_float32, check_device, check_ids, checked_count
from .console import running_cell, say
from .errors import PromptError
from .models import context_of, default_device, device_of, devices_of, mode, vocab_size_of
from .prompts import (
    check_enough_tokens,
    check_generator,
    check_length,
    check_watcher,
    checked_ends,
    checked_prompt,
)
from .readers import reader_of
from .sampling import LOOKING_BACK, apply_knobs, check_choice, draw, next_token_probs

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase


def prompt_inputs(
    tokenizer: PreTrainedTokenizerBase, prompt: str, model: PreTrainedModel
) -> BatchEncoding:
    """Return tokenizer(prompt, return_tensors="pt"), for a prompt that the model can take.

    The result holds input_ids and attention_mask, both (1, T), on the model's device.
    Raises PromptError (a ValueError) for what is not text, for no token at all, and for more tokens
    than the model's context. Used from lesson 01 on.
    """
    if not isinstance(prompt, str):
        raise PromptError(f"the prompt must be a text, got {type(prompt).__name__}.")
    with default_device(torch.device("cpu")):
        inputs = tokenizer(prompt, return_tensors="pt")
    T = inputs["input_ids"].shape[1]
    check_length(T, 0, None)
    check_length(T, 0, context_of(model))
    return inputs.to(device_of(model))


# A knob at this value changes nothing, and is left out: a copy of all logits costs time.
NEUTRAL = {"temperature": 1, "top_p": 1, "min_p": 0, "repetition_penalty": 1}
_stopped_in: set[tuple[str, str]] = set()  # the cells, and their runs, that were interrupted here


@dataclass(frozen=True, eq=False)
class Step:
    """One turn of the loop that writes a text; V is the vocabulary's size. Used from lesson 02 on.

    All tensors are on the model's device.
    """

    ids: Tensor  # (T,) int64: the text so far, the prompt included
    logits: Tensor  # (V,): the model's own, for the position after it
    probs: Tensor  # (V,): after the knobs, summing to 1; of a greedy choice, 1 for the top token
    kept: Tensor  # (V,) bool: what the knobs left to choose from
    chosen: int  # the id that comes next
    u: float | None  # the number in [0, 1) that draw was given; None where it was not called

    def __repr__(self) -> str:
        drawn = "" if self.u is None else f", u {self.u:.3f}"
        prob = f"{self.probs[self.chosen]:.3f}"
        return f"Step({len(self.ids)} ids, chosen {self.chosen} of probability {prob}{drawn})"


def trace(
    model: nn.Module,
    prompt_ids: Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    **options: Any,  # noqa: ANN401
) -> list[Step]:
    """Write as generate does, for one prompt (1, T), and return every step of it.

    options: the others of generate. The texts are the same: trace is generate, watched. A run that
    is interrupted gives the steps that it has. Raises ValueError for more than one prompt, and what
    generate raises. Built in lesson 02.
    """
    steps: list[Step] = []
    given = (model, prompt_ids, max_new_tokens, temperature, top_k)
    generate(*given, **options, on_step=steps.append)
    return steps


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
    generator: torch.Generator | random.Random | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> Tensor:
    """Continue prompt_ids (B, T) by up to n = max_new_tokens tokens: (B, T + n).

    model: a causal model of transformers, read with its key-value cache; or one of ours, which
    takes ids (B, T), returns (logits, loss), and is given its last max_seq_len tokens. top_k=1
    takes the top token (lowest id on a tie); else one is drawn: by torch.multinomial, from torch's
    generator or the one given; or by draw, from a random.Random, one number for each running row,
    the same text on every machine. A knob that is None is left out. Nothing ends the text but
    eos_token_id; a row that has ended is filled with pad_token_id (eos_token_id where there is
    none), and when all have, the result is shorter. attention_mask: (B, T), 0 where a shorter
    prompt of the batch is padded, on its left; such a row continues as it would alone. on_step:
    called with each Step, of one prompt. An interrupt keeps what was written, and ends the cell at
    its next generate. Raises ValueError, PromptError among them, for bad input. Built in lessons 02
    and 11; the knobs in lessons 04 to 06, the cache in lesson 09.
    """
    knobs = {
        "repetition_penalty": repetition_penalty,
        "no_repeat_ngram_size": no_repeat_ngram_size,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
    }
    if _stopped_in and running_cell() in _stopped_in:
        raise KeyboardInterrupt  # of a loop around us; whoever stopped it meant all of it
    ids, mask = checked_prompt(prompt_ids, attention_mask)
    # A bad knob raises now, before the model has worked for nothing.
    few = torch.tensor([1.0, -1.0, 0.0], device="cpu")
    next_token_probs(few, **knobs, previous_ids=torch.arange(2, device="cpu"))
    max_new_tokens = checked_count("max_new_tokens", max_new_tokens)
    vocab_size = vocab_size_of(model)
    ends, pad = checked_ends(eos_token_id, pad_token_id, vocab_size)
    check_device("prompt_ids", ids, devices_of(model))
    check_generator(generator, ids.device)
    check_watcher(on_step, len(ids))
    if no_repeat_ngram_size == 1 and vocab_size is not None and not ends:
        check_enough_tokens(ids, mask, max_new_tokens, vocab_size)
    last_logits = reader_of(model, ids, mask, max_new_tokens)

    greedy = top_k == 1  # then the knobs that do not look back never change which token is on top
    used = LOOKING_BACK if greedy else knobs
    knobs = {name: knobs[name] for name in used if knobs[name] not in (None, NEUTRAL.get(name))}
    padding = []  # how much of it each row has on its left, if anything looks back
    if not knobs.keys().isdisjoint(LOOKING_BACK):
        padding = (mask == 0).sum(dim=1).tolist()
    end_ids = torch.tensor(ends, device=ids.device)
    running = torch.ones(len(ids), 1, dtype=torch.bool, device=ids.device)  # (B, 1)
    T = ids.shape[1]
    try:
        with mode(model, training=False), default_device(ids.device):  # no dropout while writing
            for _ in range(max_new_tokens):
                logits = at_least_float32("logits", last_logits(ids))  # (B, V)
                if ids.shape[1] == T:  # the first; not every model says its V before
                    checked_ends(ends, pad, logits.shape[-1])
                    check_ids("prompt_ids", ids, logits.shape[-1])
                after = _by_row(logits, ids, padding, knobs)  # (B, V)
                new, us = _choose(after, greedy, running, generator)  # (B, 1), B numbers
                if on_step is not None:
                    on_step(_step(ids, logits, after, new, us, greedy))
                if ends:
                    new = new.where(running, pad)
                    running = running & ~torch.isin(new, end_ids)
                ids = torch.cat([ids, new], dim=1)  # (B, T + 1): append, never overwrite
                if ends and not bool(running.any()):
                    break
    except KeyboardInterrupt:
        say(f"stopped after {ids.shape[1] - T} of {max_new_tokens} tokens.")
        if running_cell()[0]:  # outside of a notebook no run can be told from the next
            _stopped_in.add(running_cell())
    return ids


def _by_row(logits: Tensor, ids: Tensor, padding: list[int], knobs: Mapping[str, float]) -> Tensor:
    """Apply knobs to logits (B, V); each row looks back at its ids (B, T) after its padding."""
    if not any(padding):
        after = apply_knobs(logits, ids, knobs)  # (B, V)
        check_choice(after, logits, ids, knobs)
        return after
    rows = zip(logits, ids, padding, strict=True)
    return torch.cat([_by_row(z[None], row[None, w:], [], knobs) for z, row, w in rows])


def _choose(
    after: Tensor,
    greedy: bool,
    running: Tensor,
    generator: torch.Generator | random.Random | None,
) -> tuple[Tensor, list[float] | None]:
    """Return the next ids (B, 1) out of logits (B, V), and the numbers that draw was given."""
    if greedy:
        return after.argmax(dim=-1, keepdim=True), None
    probs = after.softmax(dim=-1)  # (B, V)
    if not isinstance(generator, random.Random):
        return torch.multinomial(probs, 1, generator=generator), None
    us = [generator.random() if goes_on else 0.0 for goes_on in running[:, 0].tolist()]
    return draw(probs, torch.tensor(us, dtype=torch.float64, device="cpu"))[:, None], us


def _step(
    ids: Tensor, logits: Tensor, after: Tensor, new: Tensor, us: list[float] | None, greedy: bool
) -> Step:
    """Return the Step of a batch of one."""
    if greedy:
        after = torch.full_like(after, -math.inf).scatter(-1, new, 0.0)
    return Step(
        ids=ids[0],
        logits=logits[0].clone(),  # a view of all positions' logits would keep them all
        probs=after.softmax(dim=-1)[0],
        kept=after[0] > -math.inf,
        chosen=int(new),
        u=us[0] if us else None,
    )
