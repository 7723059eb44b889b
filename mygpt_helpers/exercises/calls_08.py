"""The ten calls of exercise 08.ten_calls, on a tiny model that is made when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PROMPT = torch.tensor([[3, 1, 4, 1, 5, 9]])  # (1, 6)
N = 10  # the new tokens that are wanted


@cache
def tiny_model(penalty: float = 1.0) -> PreTrainedModel:
    """Return a random GPT-2 of 60 tokens, the same everywhere; its checkpoint sets the penalty."""
    import transformers

    sizes = {"vocab_size": 60, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64}
    ends = {"bos_token_id": 0, "eos_token_id": 0, "initializer_range": 0.4}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **ends)).eval()
    settings = {"pad_token_id": 0, "repetition_penalty": penalty}
    model.generation_config = transformers.GenerationConfig(**settings)
    return model


def generate(prompt: Tensor = PROMPT, penalty: float = 1.0, **settings: object) -> Tensor:
    """Call the tiny model's generate, under one seed."""
    torch.default_generator.manual_seed(0)
    mask = (prompt != 0).long()
    return tiny_model(penalty).generate(prompt, attention_mask=mask, **settings)


def greedy(count: int = N) -> Tensor:
    """Return what plain greedy writes."""
    return generate(max_new_tokens=count)


def drawn(**settings: object) -> Tensor:
    """Return what sampling writes, with the library's own top_k."""
    return generate(max_new_tokens=N, do_sample=True, **settings)


RIGHT_PADDED = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 0, 0, 0]])  # (2, 6)
# By number: the call, and whether what it returns is what its settings say.
CALLS: dict[int, tuple[Callable[[], Tensor], Callable[[Tensor], bool]]] = {
    1: (lambda: generate(max_new_tokens=N), lambda ids: ids.shape[1] == 6 + N),
    2: (lambda: generate(max_length=N), lambda ids: ids.shape[1] == 6 + N),
    3: (lambda: generate(max_new_tokens=N, temperature=0.7), lambda ids: False),
    4: (lambda: drawn(top_p=1.1), lambda ids: not torch.equal(ids, drawn())),
    5: (lambda: generate(max_new_token=N), lambda ids: False),
    6: (lambda: generate(max_new_tokens=N, top_k=50), lambda ids: not torch.equal(ids, greedy())),
    7: (lambda: drawn(temperature=0.0), lambda ids: False),
    8: (lambda: generate(RIGHT_PADDED, max_new_tokens=N), lambda ids: False),
    9: (
        lambda: generate(penalty=5.0, max_new_tokens=N, do_sample=False),
        lambda ids: torch.equal(ids, greedy()),
    ),
    10: (
        lambda: generate(penalty=5.0, max_new_tokens=N, do_sample=False, repetition_penalty=1.0),
        lambda ids: torch.equal(ids, greedy()),
    ),
}
