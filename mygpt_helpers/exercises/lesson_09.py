"""The exercises of lesson 09: the key-value cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import torch

from .engine import Exercise
from .loop_02 import transformer


def cache_bytes(
    num_layers: int,
    num_kv_heads: int,
    head_dim: int,
    bytes_per_number: int,
    length: int,
    batch_size: int,
) -> int:
    """Return the bytes that the keys and values of batch_size texts of `length` tokens take."""
    numbers = 2 * num_layers * num_kv_heads * head_dim  # of one token: a key and a value each
    return numbers * bytes_per_number * length * batch_size


def _shapes() -> Iterator[tuple[int, ...]]:
    yield 2, 3, 5, 4, 7, 1
    yield 30, 3, 64, 4, 512, 1
    yield 30, 3, 64, 2, 8192, 3
    yield 12, 12, 64, 4, 1024, 2
    yield 32, 8, 128, 2, 8192, 16


@torch.no_grad()
def write_with_cache(
    model: torch.nn.Module, ids: torch.Tensor, max_new_tokens: int
) -> torch.Tensor:
    """Continue ids (1, T) by the top token; the model reads each position once."""
    cache, unread = None, ids
    for _ in range(max_new_tokens):
        output = model(unread, past_key_values=cache, use_cache=True)
        cache = output.past_key_values
        unread = output.logits[:, -1].argmax(dim=-1, keepdim=True)  # (1, 1)
        ids = torch.cat([ids, unread], dim=1)  # (1, T + 1)
    return ids


def _models_and_prompts() -> Iterator[tuple]:
    for kind in ("qwen3", "gpt2"):
        for prompt, budget in (([1, 5, 2], 2), ([1, 5, 2], 6), ([7], 3), ([4, 4, 1, 0, 9], 1)):
            yield transformer(kind), torch.tensor([prompt]), budget


def _watched(function: Callable, model: torch.nn.Module, *given: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the text, and how many positions the model read in each pass."""
    passes: list[int] = []
    read = model.get_input_embeddings().register_forward_hook(
        lambda layer, args, output: passes.append(args[0].shape[1])
    )
    try:
        return {"ids": function(model, *given), "positions in each pass": passes}
    finally:
        read.remove()


def _loop(
    first: Callable = lambda ids: ids,
    following: Callable = lambda ids, new: new,
    at: int = -1,
    cached: bool = True,
    result: Callable = lambda ids, T: ids,
) -> Callable:
    """Make a loop that differs from the right one in one part."""

    @torch.no_grad()
    def written(model: torch.nn.Module, ids: torch.Tensor, max_new_tokens: int) -> object:
        T, cache, given = ids.shape[1], None, first(ids)
        for _ in range(max_new_tokens):
            output = model(given, past_key_values=cache, use_cache=cached)
            cache = output.past_key_values if cached else None
            new = output.logits[:, at].argmax(dim=-1, keepdim=True)
            ids = torch.cat([ids, new], dim=1)
            given = following(ids, new)
        return result(ids, T)

    return written


@torch.no_grad()
def _reads_last_twice(
    model: torch.nn.Module, ids: torch.Tensor, max_new_tokens: int
) -> torch.Tensor:
    cache, unread = model(ids, use_cache=True).past_key_values, ids[:, -1:]
    for _ in range(max_new_tokens):
        output = model(unread, past_key_values=cache, use_cache=True)
        unread = output.logits[:, -1].argmax(dim=-1, keepdim=True)
        ids = torch.cat([ids, unread], dim=1)
    return ids


def reusable_tokens(cached_ids: torch.Tensor, new_ids: torch.Tensor) -> int:
    """Return how many tokens of a cache a new text re-uses, with one token at least left to read.

    cached_ids, new_ids: (T,) each, of any lengths from 1.
    """
    T = min(len(cached_ids), len(new_ids) - 1)
    same = cached_ids[:T] == new_ids[:T]  # (T,)
    return int(same.cumprod(dim=0).sum())  # up to the first that differs


def _pairs_of_texts() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for cached, new in (
        ([5, 6, 7, 8], [5, 6, 9, 8, 3]),
        ([5, 6, 7], [5, 6, 7, 8]),
        ([5, 6, 7], [5, 6, 7]),
        ([5, 6, 7, 8], [5, 6]),
        ([1, 6], [5, 6, 7]),
        ([5], [5]),
        ([5, 5, 5, 5], [5, 5, 4, 5, 5, 5]),
        ([7, 6, 5], [5, 6, 7, 8]),
    ):
        yield torch.tensor(cached), torch.tensor(new)


def _first_other(find: Callable) -> tuple[Callable, Callable]:
    """Make two functions that find the first of the places that differ, or of all but the last."""
    return (
        lambda old, new: int(find(~_equal(old, new))),
        lambda old, new: int(find(~_equal(old, new[:-1]))),
    )


def _equal(cached: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    T = min(len(cached), len(new))
    return cached[:T] == new[:T]


EXERCISES = (
    Exercise(
        name="09.memory",
        title="The size of a cache",
        difficulty=1,
        minutes=4,
        solution=cache_bytes,
        cases=_shapes,
        mistakes={
            "Two things are kept, a key and a value: times 2.": lambda *n: prod(n),
            "Each text of the batch has keys and values of its own.": lambda *n: 2 * prod(n[:5]),
            "That counts numbers; each takes bytes_per_number bytes.": (
                lambda *n: 2 * prod(n) // n[3]
            ),
            "bytes_per_number counts bytes already, not bits: leave the 8 out.": (
                lambda *n: 2 * prod(n) // 8,
                lambda *n: 2 * prod(n) / 8,
                lambda *n: 2 * prod(n) * 8,
            ),
            "A number takes bytes_per_number bytes, not always four.": (
                lambda *n: 2 * prod(n) // n[3] * 4
            ),
            "Each layer keeps keys and values of its own.": lambda *n: 2 * prod(n[1:]),
            "Each key-value head has a key and a value of its own.": (
                lambda *n: 2 * prod(n) // n[1]
            ),
            "All `length` tokens are in the cache: none is left out.": (
                lambda *n: 2 * prod(n) // n[4] * (n[4] - 1)
            ),
            "That is what one token adds; there are `length` of them.": (
                lambda *n: 2 * prod(n) // n[4]
            ),
            "One key for each token, not for each pair: `length`, not its square.": (
                lambda *n: 2 * prod(n) * n[4]
            ),
            "A count of bytes is a whole number.": lambda *n: 2.0 * prod(n),
        },
        hints=(
            "Begin with one token in one layer: a key and a value for each key-value head.",
            "Then every layer, every token, every text; and the bytes of each number.",
        ),
        why="Every factor is a plain multiplier: double any one of them and the cache doubles.",
        tried="a toy, the course's model, and three others",
        imports="",
    ),
    Exercise(
        name="09.loop",
        title="The loop with a cache",
        difficulty=1,
        minutes=4,
        solution=write_with_cache,
        cases=_models_and_prompts,
        observe=_watched,
        mistakes={
            "The cache has the earlier tokens: give the model the new one alone.": _loop(
                following=lambda ids, new: ids
            ),
            "Hand the cache on: past_key_values=cache. Else all is read again.": _loop(
                following=lambda ids, new: ids, cached=False
            ),
            "Without its cache the model has forgotten the text: past_key_values=cache.": _loop(
                cached=False
            ),
            "The first pass reads the whole prompt.": _loop(first=lambda ids: ids[:, -1:]),
            "The next token comes from the last position: logits[:, -1].": _loop(at=0),
            "The prompt is part of the result.": _loop(result=lambda ids, T: ids[:, T:]),
            "That is the last token alone: append each to the text.": _loop(
                result=lambda ids, T: ids[:, -1:]
            ),
            "The first pass gives logits already: do not read the prompt's last token twice.": (
                _reads_last_twice
            ),
            "Write max_new_tokens tokens: that is one too many.": (
                lambda model, ids, n: write_with_cache(model, ids, n + 1)
            ),
            "One pass writes one token: n tokens take n passes.": (
                lambda model, ids, n: write_with_cache(model, ids, n + 1)[:, :-1]
            ),
        },
        hints=(
            "Keep two things beside the text: the cache, and the ids that the model has not read.",
            "At first the whole prompt is unread; later the new token alone is, (1, 1).",
            "output = model(unread, past_key_values=cache, use_cache=True), and then "
            "cache = output.past_key_values.",
        ),
        why="What was read is in the cache, as keys and values, so each pass reads only the rest.",
        tried="a Qwen3 and a GPT-2 of random weights, prompts of 1 to 5 tokens",
    ),
    Exercise(
        name="09.reuse",
        title="How much of a cache fits a new text?",
        difficulty=2,
        minutes=6,
        solution=reusable_tokens,
        cases=_pairs_of_texts,
        mistakes={
            "Leave one token to read: without a pass there are no logits.": (
                lambda old, new: int(_equal(old, new).cumprod(0).sum())
            ),
            "What if no id differs before one text ends?": (
                _first_other(lambda other: other.nonzero()[0])
            ),
            "What if no id differs? Then argmin and argmax give 0.": (
                _first_other(lambda other: other.int().argmax())
            ),
            "One more fits: all tokens before the first that differs.": (
                lambda old, new: reusable_tokens(old, new) - 1,
                lambda old, new: max(0, reusable_tokens(old, new) - 1),
            ),
            "Only the new text keeps a token back: all of the cache may serve.": (
                lambda old, new: int(
                    _equal(old[:-1], new[:-1]).cumprod(0).sum() if len(old) > 1 else 0
                )
            ),
            "Stop at the first difference: later keys depend on every token before them.": (
                lambda old, new: int(_equal(old, new[:-1]).sum())
            ),
            "The same token at another place has another key: compare place by place.": (
                lambda old, new: len(set(old.tolist()) & set(new[:-1].tolist()))
            ),
            "That is how many to remove; asked is how many stay.": (
                lambda old, new: len(old) - reusable_tokens(old, new)
            ),
            "That is how many are left to read; asked is how many are not.": (
                lambda old, new: len(new) - reusable_tokens(old, new)
            ),
            "A number is asked for, not the tokens.": (
                lambda old, new: old[: reusable_tokens(old, new)]
            ),
            "A text that differs early re-uses little, however long the cache is.": (
                lambda old, new: min(len(old), len(new) - 1)
            ),
        },
        hints=(
            "Walk along both texts together, and count until two ids differ.",
            "The new text's last token is never re-used: compare with new_ids[:-1].",
        ),
        why="A token's keys and values depend on it and on all before it, so a cache is good for a "
        "text up to the first token that differs.",
        tried="longer and shorter texts, the same text, one that differs at once",
    ),
)
