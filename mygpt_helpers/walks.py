"""A walk through a small GPT: the numbers at each position after each of its parts. For lesson 10.

Shapes: T tokens in the text, V in the vocabulary, C numbers in a vector, H heads, D = C / H.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .checks import kind_of
from .errors import InputError
from .gpt import GPT, MLP, SelfAttention
from .models import mode, unwrapped

SCORES = ("logits", "probabilities")  # the parts with a number for each token of the vocabulary
WEIGHTS = "weights"  # what ends the name of a step with a number for each token of the text
MAX_TOKENS = 8
MAX_WIDTH = 64  # numbers at one position: more could not be read


@dataclass(frozen=True)
class Part:
    """One part of a model, and what it made of a text. Made by walk. Used in lesson 10."""

    name: str  # "block 0: attention"
    formula: str  # what the part does, in one line
    after: Tensor  # (T, C): the numbers after it; (T, V) for logits and probabilities
    inside: Mapping[str, Tensor] = field(default_factory=dict)  # its steps: {label: (T, m)}


def walk(model: GPT, ids: Tensor) -> list[Part]:
    """Return what each part of a GPT makes of ids (1, T), from the embedding to probabilities.

    In each part's tensors row t belongs to position t. The model is used without dropout, and
    stays as it is. Raises ValueError for another model, for more than one text or 8 tokens, and for
    a model with more than 64 numbers at one position (V, or 4 C inside the MLP). Used in lesson 10.
    """
    model = _checked_model(model)
    _check_ids(model, ids)
    with torch.no_grad(), mode(model, training=False):
        return [
            Part(part.name, part.formula, part.after[0], {k: v[0] for k, v in part.inside.items()})
            for part in _parts(model, ids)
        ]


def _parts(model: GPT, ids: Tensor) -> list[Part]:
    """Return the parts, with tensors (1, T, ...)."""
    embedded, x = model.token_embedding(ids.long()), model.embed(ids)  # (1, T, C) each
    position = {"the position's row": model.position_embedding.weight[None, : ids.shape[1]]}
    parts = [
        Part("token embedding", "the token's row of the embedding", embedded),
        Part("position added", "the token's row + the position's row", x, position),
    ]
    for number, block in enumerate(model.blocks):
        name = f"block {number}:"
        parts.append(_norm(f"{name} attention norm", block.attention_norm, x))
        parts.append(_attention(f"{name} attention", block.attention, parts[-1].after))
        said, added = "x + attention(norm(x))", parts[-1].after  # (1, T, C)
        parts.append(Part(f"{name} x + attention", said, x + added, {"x": x}))
        x = x + added
        parts.append(_norm(f"{name} MLP norm", block.mlp_norm, x))
        parts.append(_mlp(f"{name} MLP", block.mlp, parts[-1].after))
        said, added = "x + MLP(norm(x))", parts[-1].after  # (1, T, C)
        parts.append(Part(f"{name} x + MLP", said, x + added, {"x": x}))
        x = x + added
    parts.append(_norm("final norm", model.final_norm, x))
    logits = parts[-1].after @ model.token_embedding.weight.T  # (1, T, V)
    said = "the dot product of the vector with each token's row of the embedding"
    parts.append(Part(SCORES[0], said, logits))
    parts.append(Part(SCORES[1], "softmax(logits)", logits.softmax(dim=-1)))
    return parts


def _norm(name: str, norm: nn.LayerNorm, x: Tensor) -> Part:
    centred = x - x.mean(dim=-1, keepdim=True)  # (1, T, C)
    spread = (centred.pow(2).mean(dim=-1, keepdim=True) + norm.eps).sqrt()  # (1, T, 1)
    inside = {"x - mean": centred, "(x - mean) / spread": centred / spread}
    return Part(name, "norm(x) = (x - mean) / spread, times weight, plus bias", norm(x), inside)


def _attention(name: str, attention: SelfAttention, x: Tensor) -> Part:
    q, v = attention.split(attention.query(x)), attention.split(attention.value(x))  # (1, H, T, D)
    weights = attention.weights(x)  # (1, H, T, T)
    mixture = weights @ v  # (1, H, T, D)
    inside = {}
    for head in range(q.shape[1]):
        inside[f"head {head}: query"] = q[:, head]
        inside[f"head {head}: {WEIGHTS}"] = weights[:, head]
        inside[f"head {head}: mixture"] = mixture[:, head]
    said = "each head mixes values by its weights; a linear layer, output, joins the heads"
    return Part(name, said, attention(x), inside)


def _mlp(name: str, mlp: MLP, x: Tensor) -> Part:
    wide = mlp.widen(x)  # (1, T, 4C)
    inside = {"before GELU": wide, "after GELU": nn.functional.gelu(wide)}
    return Part(name, "MLP(x) = narrow(GELU(widen(x)))", mlp(x), inside)


def _checked_model(model: GPT) -> GPT:
    """Return the GPT that is walked through, or raise InputError."""
    model = unwrapped(model)
    if not isinstance(model, GPT):
        raise InputError(f"model must be a GPT of this course, got {kind_of(model)}.")
    V, C = model.token_embedding.weight.shape
    if max(V, 4 * C) > MAX_WIDTH:
        raise InputError(
            f"a walk shows at most {MAX_WIDTH} numbers at one position; this model has "
            f"{V:,} for the vocabulary and {4 * C:,} in the MLP. Walk through a smaller one."
        )
    return model


def _check_ids(model: GPT, ids: Tensor) -> None:
    """Raise InputError for what is not one short text."""
    model.check(ids)
    if len(ids) != 1 or ids.shape[1] > MAX_TOKENS:
        raise InputError(
            f"ids must be one text of at most {MAX_TOKENS} tokens, shape (1, T); got shape "
            f"{tuple(ids.shape)}. ids[:1, :{MAX_TOKENS}] is the beginning of the first."
        )
