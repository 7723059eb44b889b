"""A walk's numbers are the model's own, as hooks on its modules see them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mygpt_helpers import GPT, walk


def made(V=4, embed_dim=8, heads=2, layers=2, seed=0, **about):
    torch.manual_seed(seed)
    return GPT(V, embed_dim, heads, layers, **about)


def hooked(model: GPT, ids: Tensor) -> Callable[[nn.Module], tuple[Tensor, Tensor]]:
    """Return a function: what a module was last given and what it returned, (T, ...) each."""
    seen = {}

    def keep(module, given, returned):
        returned = returned[0] if isinstance(returned, tuple) else returned
        seen[module] = (given[0].detach()[0], returned.detach()[0])

    hooks = [module.register_forward_hook(keep) for module in model.modules()]
    model(ids)
    for hook in hooks:
        hook.remove()
    return seen.__getitem__


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    V=st.integers(1, 9),
    D=st.integers(1, 4),
    heads=st.integers(1, 4),
    layers=st.integers(1, 3),
    T=st.integers(1, 8),
    data=st.data(),
)
def test_every_part_is_what_the_model_computes(V, D, heads, layers, T, data):
    model = made(V, heads * D, heads, layers)
    ids = torch.tensor([data.draw(st.lists(st.integers(0, V - 1), min_size=T, max_size=T))])
    parts = walk(model, ids)
    of = hooked(model, ids)
    after = [part.after for part in parts]
    inside = [part.inside for part in parts]
    wanted = [of(model.token_embedding)[1], model.embed(ids)[0].detach()]
    for number, block in enumerate(model.blocks):
        start = 2 + 6 * number
        x, normed = of(block.attention_norm)
        attended, mlp = of(block.attention)[1], of(block.mlp)[1]
        wanted += [normed, attended, x + attended, of(block.mlp_norm)[1], mlp, of(block)[1]]
        steps = inside[start + 1]
        weights = model.attention_weights(ids)[0, number].detach()  # (H, T, T)
        joined = of(block.attention.output)[0].chunk(heads, dim=-1)  # (T, D) each
        queries = (normed @ block.attention.query.weight.T).detach().chunk(heads, dim=-1)
        for head in range(heads):
            for step, expected in (("query", queries), ("weights", weights), ("mixture", joined)):
                close(steps[f"head {head}: {step}"], expected[head])
        close(inside[start + 4]["before GELU"], of(block.mlp.widen)[1])
        close(inside[start + 4]["after GELU"], of(block.mlp.narrow)[0])
        for norm, place in ((block.attention_norm, start), (block.mlp_norm, start + 3)):
            x = of(norm)[0]
            close(inside[place]["x - mean"], x - x.mean(dim=-1, keepdim=True))
            close(inside[place]["(x - mean) / spread"], torch.layer_norm(x, x.shape[-1:]))
    logits = of(model)[1]
    wanted += [of(model.final_norm)[1], logits, logits.softmax(dim=-1)]
    assert len(parts) == len(wanted) == 5 + 6 * layers
    for ours, expected in zip(after, wanted, strict=True):
        close(ours, expected)
        assert not ours.requires_grad


def close(ours, expected):
    torch.testing.assert_close(ours, expected.detach(), atol=1e-5, rtol=1e-4)


def test_before_and_inside_add_up():
    parts = walk(made(), torch.tensor([[0, 1, 2, 3, 0, 1]]))
    names = [part.name for part in parts]
    assert names[:2] == ["token embedding", "position added"]
    assert names[2:8] == [
        "block 0: attention norm",
        "block 0: attention",
        "block 0: x + attention",
        "block 0: MLP norm",
        "block 0: MLP",
        "block 0: x + MLP",
    ]
    assert names[-3:] == ["final norm", "logits", "probabilities"]
    assert len(set(names)) == len(names)
    close(parts[1].after, parts[0].after + parts[1].inside["the position's row"])
    for before, part in pairwise(parts):
        if " x + " in part.name:
            close(part.after, part.inside["x"] + before.after)


def test_the_model_is_used_without_dropout_and_stays_as_it_is():
    model = made(dropout=0.5)
    ids = torch.tensor([[0, 1, 2, 3]])
    ours = walk(model, ids)[-2].after
    assert model.training and all(part.training for part in model.modules())
    close(ours, model.eval()(ids)[0][0])
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("model", "ids", "says"),
    [
        (GPT, torch.tensor([[0]]), "model must be a torch.nn.Module"),
        (nn.Linear(2, 2), torch.tensor([[0]]), "model must be a GPT of this course, got Linear"),
        (made(V=65), torch.tensor([[0]]), "at most 64 numbers .* 65 for the vocabulary and 32 in"),
        (made(embed_dim=18), torch.tensor([[0]]), "has 4 for the vocabulary and 72 in the MLP"),
        (made(), torch.tensor([0, 1]), r"ids must be a tensor of shape \(B, T\)"),
        (made(), torch.tensor([[4]]), "ids must be from 0 to 3"),
        (made(), torch.zeros(2, 3).long(), r"one text of at most 8 tokens, .* got shape \(2, 3\)"),
        (made(), torch.zeros(1, 9).long(), r"one text of at most 8 tokens, .* got shape \(1, 9\)"),
        (made(max_seq_len=3), torch.zeros(1, 4).long(), "exceeds max_seq_len=3"),
    ],
)
def test_what_cannot_be_walked_through_is_one_message(model, ids, says):
    with pytest.raises(ValueError, match=says):
        walk(model, ids)
