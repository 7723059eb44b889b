"""A look inside: what a model would write after each layer, and where its heads look. Lesson 14."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checks import check_device, check_ids
from .errors import InputError, PromptError
from .gpt import GPT
from .models import (
    context_of,
    default_device,
    devices_of,
    is_transformers,
    mode,
    unwrapped,
    vocab_size_of,
)
from .prompts import check_length, checked_prompt

# What the last norm is called in models of transformers.
NORMS = ("norm", "ln_f", "norm_f", "final_norm", "final_layer_norm", "final_layernorm")


@torch.no_grad()
def logit_lens(model: nn.Module, ids: Tensor) -> Tensor:
    """Return the logits that a model would have, had it stopped after each layer: (L + 1, T, V).

    ids: (1, T), one text. Entry 0 is of the embedding, before the first layer; the last one is the
    model's own logits. Each layer's state goes through the final norm and the head. Raises
    ValueError for more than one text, for what the model cannot take, and for a model that does
    more than norm and head. Used in lesson 14. Source: nostalgebraist 2020, "interpreting GPT: the
    logit lens".
    """
    held, ids = _checked(model, ids)
    with mode(held, training=False), default_device(ids.device):
        if isinstance(held, GPT):
            states = [held.embed(ids)]  # (1, T, C)
            for block in held.blocks:
                states.append(block(states[-1]))
            normed = [held.final_norm(x) for x in states]
            return torch.cat([F.linear(x, held.token_embedding.weight) for x in normed])
        output = held(ids, output_hidden_states=True, use_cache=False, return_dict=True)
        *states, last = output.hidden_states  # L + 1 of (1, T, C); the last is normed already
        norm, head = _final_norm(held), held.get_output_embeddings()
        logits = [head(norm(x)) for x in states] + [head(last)]  # each (1, T, V)
    own = output.logits
    if not torch.allclose(logits[-1], own, rtol=1e-3, atol=1e-4 * float(own.abs().max())):
        raise InputError(
            f"the lens does not fit a {type(held).__name__}: its logits are not those of its final "
            "norm and head alone."
        )
    return torch.cat(logits).float()  # (L + 1, T, V)


@torch.no_grad()
def model_attention(model: nn.Module, ids: Tensor) -> Tensor:
    """Return the attention weights of every layer and head of a model: (L, H, T, T).

    ids: (1, T), one text. Entry [l, h, i, j] is how much position i looks at position j. Raises
    ValueError for more than one text, for what the model cannot take, and for a model that keeps no
    weights. Used in lesson 14.
    """
    held, ids = _checked(model, ids)
    with mode(held, training=False), default_device(ids.device):
        if isinstance(held, GPT):
            return held.attention_weights(ids)[0]
        way = getattr(held.config, "_attn_implementation", "eager")
        if way != "eager":
            raise InputError(
                f'this model computes its attention by "{way}", which keeps no weights. '
                'model.set_attn_implementation("eager") changes that.'
            )
        output = held(ids, output_attentions=True, use_cache=False, return_dict=True)
    if not output.attentions or None in output.attentions:
        raise InputError(f"a {type(held).__name__} returns no attention weights for its layers.")
    return torch.cat(output.attentions).float()  # a layer each: (1, H, T, T)


def _checked(model: nn.Module, ids: Tensor) -> tuple[nn.Module, Tensor]:
    """Return the model without its wrapper, and ids (1, T), or raise ValueError."""
    held = unwrapped(model)
    ids, _ = checked_prompt(ids, None)
    if len(ids) != 1:
        raise PromptError(
            f"ids must be one text, shape (1, T); got {len(ids)} of them. ids[:1] is the first."
        )
    check_device("ids", ids, devices_of(held))
    if not isinstance(held, GPT):  # which checks by itself
        if not is_transformers(model):
            raise InputError(
                "model must be a GPT of this course or a causal model of transformers, "
                f"got a {type(held).__name__}."
            )
        check_length(ids.shape[1], 0, context_of(held))
        check_ids("ids", ids, vocab_size_of(held))
    return held, ids


def _final_norm(model: nn.Module) -> nn.Module:
    """Return the norm after the last layer: it stands in no list of layers."""
    for name, part in model.named_modules():
        *places, last = name.split(".")
        if last in NORMS and not any(place.isdigit() for place in places):
            return part
    raise InputError(f"the lens finds no final norm in a {type(model).__name__}.")
