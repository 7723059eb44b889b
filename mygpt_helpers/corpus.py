"""The cycle "I love AI !", as tokens, as ids and as batches. Built in lesson 11."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from .checks import INTEGERS, checked_count, checked_device, is_many, is_whole, plain, shape_of
from .errors import InputError

VOCAB = ("I", "love", "AI", "!")


def to_ids(
    text: str | Iterable[str],
    vocab: Sequence[str] = VOCAB,
    *,
    device: torch.device | str | None = None,
) -> Tensor:
    """Return the ids (T,) of a text's tokens: "I love" -> tensor([0, 1]).

    text: tokens with white space between them, or a list of tokens. A token's id is its place in
    vocab. device: where to make them, by default torch's default. Raises ValueError for a token
    that vocab does not hold, and for a device that is not there. Used from lesson 10 on.
    """
    if not is_many(text):
        raise InputError(f"text must be a string or a list of tokens, got {type(text).__name__}.")
    id_of = {token: i for i, token in enumerate(vocab)}
    tokens = text.split() if isinstance(text, str) else list(text)
    for token in tokens:
        if not isinstance(token, str) or token not in id_of:
            known = ", ".join(map(repr, vocab[:10])) + (", ..." if len(vocab) > 10 else "")
            raise InputError(f"no such token: {str(token)[:40]!r}; the vocabulary is {known}.")
    return torch.tensor(
        [id_of[token] for token in tokens], dtype=torch.long, device=checked_device(device)
    )


def to_tokens(ids: Tensor | Iterable[int], vocab: Sequence[str] = VOCAB) -> list[str]:
    """Return the tokens of ids (T,): tensor([0, 1]) -> ["I", "love"].

    Raises ValueError for what is no list of ids, or of more than one text, and for an id that vocab
    does not hold. Built in lesson 11.
    """
    if isinstance(ids, Tensor | np.ndarray):
        if ids.ndim != 1:
            raise InputError(
                f"ids must have shape (T,), one text; got {tuple(ids.shape)}. Of a batch (B, T), "
                "ids[0] is the first text."
            )
        ids = ids.tolist()
    if not is_many(ids):
        raise InputError(f"ids must be a list or a tensor of them, shape (T,), got {ids!r:.80}.")
    ids = [*map(plain, ids)]
    for i in ids:
        if not is_whole(i) or not 0 <= i < len(vocab):
            raise InputError(f"ids must be whole numbers from 0 to {len(vocab) - 1}, got {i!r}.")
    return [vocab[i] for i in ids]


def cycle_corpus(
    repeats: int = 64,
    vocab: Sequence[str] = VOCAB,
    *,
    device: torch.device | str | None = None,
) -> Tensor:
    """Return the ids of the whole vocabulary, in order, again and again: (repeats * V,).

    device: where to make them, by default torch's default. Raises ValueError for repeats below 1,
    and for a device that is not there. Built in lesson 11.
    """
    repeats = checked_count("repeats", repeats)
    return torch.arange(len(vocab), device=checked_device(device)).repeat(repeats)


def get_batch(data: Tensor, batch_size: int, seq_len: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets, (B, T) int64 each, cut from data (N,) at places drawn by torch.

    Each target is the token after its input: the targets are the inputs' places shifted by one.
    The places come from torch's own generator (torch.manual_seed) on the data's device, from 0 to
    N - seq_len - 2: the very last piece is never drawn. Raises ValueError for data that are no
    whole numbers or fewer than seq_len + 2, and for a size below 1. Built in lesson 11.
    """
    batch_size, seq_len = check_data(data, batch_size, seq_len)
    device = data.device
    starts = torch.randint(0, len(data) - seq_len - 1, (batch_size,), device=device)  # (B,)
    places = starts[:, None] + torch.arange(seq_len, device=device)  # (B, T)
    return data[places].long(), data[places + 1].long()


def check_data(data: Tensor, batch_size: int, seq_len: int, name: str = "data") -> tuple[int, int]:
    """Return the two sizes, or raise ValueError where get_batch cannot cut such from data (N,)."""
    batch_size = checked_count("batch_size", batch_size)
    seq_len = checked_count("seq_len", seq_len)
    if not isinstance(data, Tensor) or data.ndim != 1:
        raise InputError(f"{name} must be a tensor of ids, shape (N,), got {shape_of(data)}.")
    if data.dtype not in INTEGERS:
        raise InputError(f"{name} must be whole numbers (torch.long), got {data.dtype}.")
    if len(data) < seq_len + 2:
        raise InputError(
            f"{name} holds {len(data)} tokens, and seq_len={seq_len} needs at least {seq_len + 2}. "
            "Give more data, or a shorter seq_len."
        )
    return batch_size, seq_len
