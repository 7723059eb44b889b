"""gpt.py against two oracles: one written here from torch's functions, and transformers' GPT-2."""

from __future__ import annotations

import contextlib
import math
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from mygpt_helpers import (
    GPT,
    attention_weights,
    count_parameters,
    cycle_corpus,
    generate,
    to_tokens,
)
from mygpt_helpers.checks import INTEGERS, plain_pass
from mygpt_helpers.corpus import get_batch, to_ids
from mygpt_helpers.gpt import MLP, Block, SelfAttention, start_small

SIZES = [  # vocab_size, embed_dim, num_heads, num_layers, max_seq_len
    (4, 8, 2, 2, 64),
    (7, 12, 3, 1, 16),
    (2, 6, 1, 3, 33),
    (50, 16, 16, 2, 8),
    (1, 1, 1, 1, 1),
]
OPTIMIZERS = {
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=1e-2),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=3e-3),
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
}


pytestmark = pytest.mark.usefixtures("one_thread")


# ---- the oracle: plain functions, no use of the package ----------------------------------------


def oracle_weights(vocab_size, embed_dim, num_heads, num_layers, max_seq_len=64):
    """Draw every tensor with torch's initialisers, in the order the parts of a GPT come."""
    C = embed_dim

    def linear(C_in, C_out, bias):
        drawn = [nn.init.kaiming_uniform_(torch.empty(C_out, C_in), a=math.sqrt(5))]
        if bias:
            bound = 1 / math.sqrt(C_in)
            drawn.append(torch.empty(C_out).uniform_(-bound, bound))
        return drawn

    weights = [torch.empty(vocab_size, C).normal_(), torch.empty(max_seq_len, C).normal_()]
    for _ in range(num_layers):
        weights += [torch.ones(C), torch.zeros(C)]
        for _ in "qkvo":
            weights += linear(C, C, bias=False)
        weights += [torch.ones(C), torch.zeros(C)]
        weights += linear(C, 4 * C, bias=True) + linear(4 * C, C, bias=True)
    return [*weights, torch.ones(C), torch.zeros(C)]


def oracle_logits(weights, ids, num_heads):
    """What a pre-norm decoder makes of ids (B, T): (B, T, V), one head after the other."""
    T = ids.shape[1]
    tokens, places, *rest = weights
    C = tokens.shape[1]
    D = C // num_heads
    x = tokens[ids] + places[torch.arange(T)]
    hidden = torch.arange(T)[None, :] > torch.arange(T)[:, None]
    while len(rest) > 2:
        n1, n1_bias, q, k, v, o, n2, n2_bias, up, up_bias, down, down_bias, *rest = rest
        y = F.layer_norm(x, (C,), n1, n1_bias)
        heads = []
        for head in range(num_heads):
            part = slice(head * D, (head + 1) * D)
            scores = (y @ q[part].T) @ (y @ k[part].T).transpose(1, 2) / D**0.5
            weight = torch.exp(scores.masked_fill(hidden, -1e30) - scores.detach().amax())
            weight = weight / weight.sum(-1, keepdim=True)
            heads.append(weight @ (y @ v[part].T))
        x = x + torch.cat(heads, dim=-1) @ o.T
        y = F.layer_norm(x, (C,), n2, n2_bias) @ up.T + up_bias
        x = x + (y * (1 + torch.erf(y / math.sqrt(2))) / 2) @ down.T + down_bias
    return F.layer_norm(x, (C,), *rest) @ tokens.T


def oracle_loss(logits, targets):
    """The mean cross entropy in nats."""
    return -logits.log_softmax(-1).gather(-1, targets[..., None]).mean()


def oracle_batch(data, batch_size, seq_len):
    starts = torch.randint(0, len(data) - seq_len - 1, (batch_size,)).tolist()
    x = torch.stack([data[i : i + seq_len] for i in starts])
    return x, torch.stack([data[i + 1 : i + seq_len + 1] for i in starts])


def as_gpt2(model):
    """Return transformers' GPT-2 with the same weights: no attention biases, the exact GELU."""
    V, C, H, L, S = (model.config[name] for name in list(model.config)[:5])
    peer = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=V,
            n_embd=C,
            n_head=H,
            n_layer=L,
            n_positions=S,
            activation_function="gelu",
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    own = dict(model.named_parameters())
    state = {"transformer.wte.weight": model.token_embedding.weight}
    state["transformer.wpe.weight"] = own["position_embedding.weight"]
    state["lm_head.weight"] = model.token_embedding.weight
    for i, block in enumerate(model.blocks):
        h, attention = f"transformer.h.{i}.", block.attention
        qkv = [attention.query.weight, attention.key.weight, attention.value.weight]
        state[h + "attn.c_attn.weight"] = torch.cat(qkv).T
        state[h + "attn.c_attn.bias"] = torch.zeros(3 * C)
        state[h + "attn.c_proj.weight"] = attention.output.weight.T
        state[h + "attn.c_proj.bias"] = torch.zeros(C)
        for ours, theirs in (("widen", "c_fc"), ("narrow", "c_proj")):
            state[f"{h}mlp.{theirs}.weight"] = getattr(block.mlp, ours).weight.T
            state[f"{h}mlp.{theirs}.bias"] = getattr(block.mlp, ours).bias
        for ours, theirs in (("attention_norm", "ln_1"), ("mlp_norm", "ln_2")):
            for name in ("weight", "bias"):
                state[f"{h}{theirs}.{name}"] = own[f"blocks.{i}.{ours}.{name}"]
    for name in ("weight", "bias"):
        state[f"transformer.ln_f.{name}"] = own[f"final_norm.{name}"]
    peer.load_state_dict(state)
    return peer.eval()


# ---- against the oracles -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 7, 42])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_initial_weights_are_bit_equal_to_the_oracles(sizes, seed):
    torch.manual_seed(seed)
    model = GPT(*sizes)
    after = torch.get_rng_state()
    torch.manual_seed(seed)
    expected = oracle_weights(*sizes)
    assert torch.equal(after, torch.get_rng_state()), "drawn more or fewer numbers"
    ours = list(model.parameters())
    assert [p.shape for p in ours] == [t.shape for t in expected]
    assert all(torch.equal(a, b) for a, b in zip(ours, expected, strict=True))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_logits_and_the_loss_are_the_oracles_and_those_of_gpt2(sizes):
    V, _, H, _, S = sizes
    torch.manual_seed(3)
    model = GPT(*sizes).requires_grad_(False)
    for p in model.parameters():  # no bias at 0, no norm's weight at 1
        p.add_(torch.randn_like(p) * 0.3)
    peer = as_gpt2(model)
    for T in sorted({1, 2, S // 2 + 1, S}):
        if T > S:
            continue
        ids, targets = torch.randint(V, (3, T)), torch.randint(V, (3, T))
        logits, loss = model(ids, targets)
        expected = oracle_logits(list(model.parameters()), ids, H)
        assert logits.shape == (3, T, V) and logits.dtype == torch.float32
        assert torch.allclose(logits, expected, atol=2e-5, rtol=1e-5)
        assert torch.allclose(logits, peer(ids).logits, atol=2e-5, rtol=1e-5)
        assert loss.shape == ()
        assert float(loss) == pytest.approx(float(oracle_loss(expected, targets)), abs=2e-5)
        alone, none = model(ids)
        assert none is None and torch.equal(alone, logits)


# Trained by each, the two differ only by the rounding of the attention's sums, which training makes
# larger step by step: measured below 2e-5 throughout.
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("seed", "seq_len", "cycle", "sizes"),
    [
        (0, 8, 4, (8, 2, 2)),
        (1, 4, 4, (8, 1, 1)),
        (5, 31, 7, (12, 3, 2)),
        (9, 16, 2, (4, 2, 1)),
        (11, 1, 3, (8, 4, 3)),
    ],
)
def test_training_losses_are_the_oracles(seed, seq_len, cycle, sizes, optimizer):
    data = torch.arange(cycle).repeat(40)
    ours, theirs = [], []
    torch.manual_seed(seed)
    model = GPT(cycle, *sizes)
    step_with = OPTIMIZERS[optimizer](model.parameters())
    for _ in range(40):
        _, loss = model(*get_batch(data, 4, seq_len))
        step_with.zero_grad()
        loss.backward()
        step_with.step()
        ours.append(loss.item())
    torch.manual_seed(seed)
    weights = [t.requires_grad_() for t in oracle_weights(cycle, *sizes)]
    step_with = OPTIMIZERS[optimizer](weights)
    for _ in range(40):
        inputs, targets = oracle_batch(data, 4, seq_len)
        loss = oracle_loss(oracle_logits(weights, inputs, sizes[1]), targets)
        step_with.zero_grad()
        loss.backward()
        step_with.step()
        theirs.append(loss.item())
    assert ours[0] == pytest.approx(theirs[0], abs=1e-5)
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert ours[-1] < ours[0], "nothing was learned"


def cycle_model():
    torch.manual_seed(0)
    return GPT(4, 8, 2, 2)


def test_the_numbers_of_lesson_11():
    model = cycle_model()
    assert count_parameters(model) == 2240
    torch.manual_seed(42)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = {}
    for step in range(1, 201):
        _, loss = model(*get_batch(cycle_corpus(), 4, 8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[step] = loss.item()
    expected = {1: 5.2739, 10: 1.6107, 50: 0.3453, 100: 0.0162, 200: 0.0035}
    assert {step: losses[step] for step in expected} == pytest.approx(expected, abs=1e-4)
    prompt = to_ids("I")[None]
    for n, text in {
        7: "I love AI ! I love AI !",
        12: "I love AI ! I love AI ! I AI ! ! love",
    }.items():
        ids = generate(model, prompt, n, top_k=1)
        assert ids.shape == (1, 1 + n)
        assert " ".join(to_tokens(ids[0])) == text


# ---- attention ---------------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 7, 8), (1, 1, 1, 1), (2, 64, 3)], ids=str)
def test_the_readable_attention_is_the_fused_one(shape, causal):
    torch.manual_seed(1)
    q, k, v = torch.randn(3, *shape) * 2
    weights = attention_weights(q, k, causal=causal)
    T = shape[-2]
    assert weights.shape == (*shape[:-1], T)
    assert torch.allclose(weights.sum(-1), torch.ones(shape[:-1]))
    fused = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    assert torch.allclose(weights @ v, fused, atol=1e-5)
    later = torch.ones(T, T).triu(1).bool()
    assert (weights[..., later] == 0).all() if causal else (weights[..., later] > 0).all()


@pytest.mark.parametrize("sizes", SIZES[:4], ids=str)
def test_a_layers_attention_is_its_weights_times_the_values(sizes):
    _, C, H, _, S = sizes
    torch.manual_seed(2)
    layer = SelfAttention(C, H)
    x = torch.randn(2, S, C)
    weights = layer.weights(x)
    assert weights.shape == (2, H, S, S)
    joined = (weights @ layer.split(layer.value(x))).transpose(1, 2).reshape(2, S, C)
    assert torch.allclose(layer(x), layer.output(joined), atol=1e-5)


def test_the_models_attention_weights_are_those_its_layers_use():
    model = cycle_model()
    ids = torch.randint(4, (3, 10))
    weights = model.attention_weights(ids)
    assert weights.shape == (3, 2, 2, 10, 10)
    x = model.token_embedding.weight[ids] + model.position_embedding.weight[:10]
    for layer, block in enumerate(model.blocks):
        q = block.attention.split(block.attention.query(block.attention_norm(x)))
        k = block.attention.split(block.attention.key(block.attention_norm(x)))
        assert torch.allclose(weights[:, layer], attention_weights(q, k))
        x = block(x)
    # And they are what the logits come from: of GPT-2 with the same weights.
    peer = as_gpt2(model)
    peer.config._attn_implementation = "eager"
    theirs = peer(ids, output_attentions=True).attentions
    assert torch.allclose(weights, torch.stack(theirs, dim=1), atol=1e-6)


@pytest.mark.parametrize(
    ("q", "k"), [((2, 3), (3, 3)), ((3,), (3,)), ((1, 2, 3), (2, 3)), ((2, 3), (2, 4))], ids=str
)
def test_queries_and_keys_of_different_shapes(q, k):
    with pytest.raises(ValueError, match="q and k must have the same shape") as raised:
        attention_weights(torch.zeros(q), torch.zeros(k))
    assert str(q) in str(raised.value) and str(k) in str(raised.value)


@pytest.mark.parametrize(
    ("q", "k", "said"),
    [
        ([[1.0]], [[1.0]], "must be torch tensors.*got list and list"),
        (torch.zeros(2, 3), None, r"got shape \(2, 3\) and NoneType"),
        (torch.zeros(2, 0), torch.zeros(2, 0), "D at least 1"),
        (torch.zeros(2, 3), torch.zeros(2, 3).double(), "one dtype; got torch.float32 and.*64"),
        (torch.zeros(2, 3) + 1j, torch.zeros(2, 3) + 1j, "must be real.*complex64"),
    ],
    ids=range(5),
)
def test_queries_and_keys_that_do_not_fit(q, k, said):
    with pytest.raises(ValueError, match=said) as raised:
        attention_weights(q, k)
    assert "\n" not in str(raised.value)


def test_what_is_no_model_has_no_parameters():
    with pytest.raises(ValueError, match="model must be a torch.nn.Module.*got the class GPT"):
        count_parameters(GPT)


# ---- what a decoder promises -------------------------------------------------------------------


def test_no_position_sees_a_later_one_and_no_text_another_one():
    model = cycle_model().requires_grad_(False)
    ids = torch.randint(4, (3, 20))
    logits, _ = model(ids)
    for t in (1, 7, 19):
        other = ids.clone()
        other[1, t] = (other[1, t] + 1) % 4
        changed, _ = model(other)
        assert torch.allclose(changed[1, :t], logits[1, :t], atol=1e-6)
        assert not torch.allclose(changed[1, t:], logits[1, t:], atol=1e-3)
        assert torch.allclose(changed[[0, 2]], logits[[0, 2]], atol=1e-6)
    for t in (1, 5, 20):
        assert torch.allclose(model(ids[:, :t])[0], logits[:, :t], atol=1e-5)


def test_the_head_is_the_embedding():
    model = cycle_model()
    assert len({p.data_ptr() for p in model.parameters()}) == len(list(model.parameters()))
    before, _ = model(torch.tensor([[1, 2]]))
    with torch.no_grad():
        model.token_embedding.weight[3] += 1  # a token that the input does not hold
    after, _ = model(torch.tensor([[1, 2]]))
    assert torch.equal(before[..., :3], after[..., :3])
    assert not torch.equal(before[..., 3], after[..., 3])


def test_the_parts_in_their_order():
    names = [name.split(".", 2)[-1] for name, _ in cycle_model().blocks.named_parameters()]
    kinds = [type(m).__name__ for m in cycle_model().modules()]
    assert kinds[:3] == ["GPT", "Embedding", "Embedding"] and kinds[-1] == "LayerNorm"
    assert names[:12] == [
        "weight",
        "bias",
        "query.weight",
        "key.weight",
        "value.weight",
        "output.weight",
        "weight",
        "bias",
        "widen.weight",
        "widen.bias",
        "narrow.weight",
        "narrow.bias",
    ]
    assert MLP(5).widen.out_features == 20
    assert Block(8, 2)(torch.zeros(1, 3, 8)).shape == (1, 3, 8)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_number_of_parameters(sizes):
    V, C, _, L, S = sizes
    assert count_parameters(GPT(*sizes)) == V * C + S * C + L * (12 * C * C + 9 * C) + 2 * C


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_ids_of_any_whole_type(dtype):
    model = cycle_model()
    ids = torch.tensor([[0, 1, 2, 3]])
    logits, loss = model(ids.to(dtype), ids.to(dtype))
    expected, expected_loss = model(ids, ids)
    assert torch.equal(logits, expected) and torch.equal(loss, expected_loss)


def test_dropout_works_in_training_and_not_otherwise():
    torch.manual_seed(0)
    model = GPT(4, 8, 2, 2, dropout=0.5)
    plain = cycle_model()
    pairs = zip(model.parameters(), plain.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    ids = torch.arange(4)[None].repeat(2, 5)
    assert not torch.equal(model(ids)[0], model(ids)[0])
    torch.manual_seed(5)
    first = model(ids)[0]
    torch.manual_seed(5)
    assert torch.equal(first, model(ids)[0])
    model.eval()
    state = torch.get_rng_state()
    assert torch.equal(model(ids)[0], plain(ids)[0])
    assert torch.equal(state, torch.get_rng_state())
    # Without dropout, training draws nothing either.
    plain.train()(ids)
    assert torch.equal(state, torch.get_rng_state())


def test_each_place_of_dropout_drops():
    x = torch.randn(200, 4, 8)
    torch.manual_seed(0)
    for part in (SelfAttention(8, 2, 0.5), MLP(8, 0.5)):
        # The attention's first position has one weight; where both heads drop it, all is 0.
        share = float((part(x)[:, 1:] == 0).float().mean())
        assert share == pytest.approx(0.5, abs=0.06)
    model = GPT(4, 8, 2, 1, dropout=0.5)
    assert float((model.embed(torch.zeros(50, 60).long()) == 0).float().mean()) > 0.4
    layer = SelfAttention(8, 2, 0.5)
    with torch.no_grad():
        layer.output.weight.copy_(torch.eye(8))
    shown = layer(x)[:, 0]  # one position to look at: its weight is 1, or dropped for a whole head
    halves = (shown.unflatten(-1, (2, 4)) == 0).all(-1).float().mean()
    assert float(halves) == pytest.approx(0.5 + 0.5**5, abs=0.1)


# ---- bad input ---------------------------------------------------------------------------------


def said(model, *arguments):
    """Return the ValueError's message: one line."""
    with pytest.raises(ValueError) as raised:
        model(*arguments)
    message = str(raised.value)
    assert "\n" not in message and len(message) < 200
    return message


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.zeros(1, 65).long(), "input length T=65 exceeds max_seq_len=64"),
        (torch.zeros(3, 1000).long(), "input length T=1000 exceeds max_seq_len=64"),
        (torch.zeros(5).long(), r"shape \(B, T\).*got shape \(5,\)"),
        (torch.zeros(1, 2, 3).long(), r"got shape \(1, 2, 3\)"),
        (torch.tensor(1), r"got shape \(\)"),
        ([[0, 1]], "got list"),
        (None, "got NoneType"),
        (torch.zeros(1, 0).long(), r"at least one token, got shape \(1, 0\)"),
        (torch.zeros(0, 3).long(), r"at least one text.*got shape \(0, 3\)"),
        (torch.zeros(1, 3), "ids must be whole numbers.*got torch.float32"),
        (torch.zeros(1, 3).bool(), "got torch.bool"),
        (torch.tensor([[0, 4]]), "ids must be from 0 to 3.*got ids from 0 to 4"),
        (torch.tensor([[-1, 2]]), "got ids from -1 to 2"),
    ],
    ids=str,
)
def test_ids_that_no_model_takes(ids, message):
    assert re.search(message, said(cycle_model(), ids))
    if torch.is_tensor(ids):
        assert re.search(message, said(cycle_model().attention_weights, ids))


def test_the_message_of_a_long_input_word_for_word():
    assert said(cycle_model(), torch.zeros(2, 65).long()) == (
        "input length T=65 exceeds max_seq_len=64"
    )
    logits, _ = cycle_model()(torch.zeros(2, 64).long())
    assert logits.shape == (2, 64, 4)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.zeros(2, 4).long(), r"ids' shape \(2, 3\), got shape \(2, 4\)"),
        (torch.zeros(6).long(), r"got shape \(6,\)"),
        (torch.zeros(3, 2).long(), r"got shape \(3, 2\)"),
        ([[0, 1, 2]] * 2, "got list"),
        (torch.zeros(2, 3), "targets must be whole numbers.*torch.float32"),
        (torch.tensor([[0, 1, 4], [0, 1, 2]]), "targets must be from 0 to 3"),
        (torch.tensor([[0, 1, -100], [0, 1, 2]]), "targets must be from 0 to 3"),
    ],
    ids=str,
)
def test_targets_that_do_not_fit(targets, message):
    assert re.search(message, said(cycle_model(), torch.zeros(2, 3).long(), targets))


@pytest.mark.parametrize("name", ["vocab_size", "embed_dim", "num_heads", "num_layers"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "8", None, True, [8], math.nan], ids=repr)
def test_a_size_that_is_no_whole_number_from_1(name, value):
    sizes = {"vocab_size": 4, "embed_dim": 8, "num_heads": 2, "num_layers": 2, name: value}
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1, got") as raised:
        GPT(**sizes)
    assert repr(value) in str(raised.value)
    with pytest.raises(ValueError, match="max_seq_len must be a whole number"):
        GPT(4, 8, 2, 2, max_seq_len=value)


@pytest.mark.parametrize(("embed_dim", "num_heads"), [(8, 3), (7, 2), (4, 8)])
def test_heads_that_do_not_share_equally(embed_dim, num_heads):
    message = f"embed_dim={embed_dim} cannot be divided by num_heads={num_heads}"
    with pytest.raises(ValueError, match=message):
        GPT(4, embed_dim, num_heads, 1)


@pytest.mark.parametrize("value", [-0.1, 1, 1.0, 2, math.nan, "0.1", None, True], ids=repr)
def test_a_dropout_out_of_range(value):
    with pytest.raises(ValueError, match="dropout must be") as raised:
        GPT(4, 8, 2, 2, dropout=value)
    assert repr(value) in str(raised.value)


def test_large_batches_of_a_training_step_are_computed_alike():
    torch.manual_seed(0)
    model, results = GPT(65, 128, 4, 2), []
    ids = torch.randint(65, (12, 64))
    for how, by_onednn in ((contextlib.nullcontext, False), (plain_pass, True)):
        with how():
            loss = model(ids, ids.flip(0))[1]
            wide, small = (model.blocks[0].mlp.widen(torch.ones(B, 64, 128)) for B in (12, 1))
        assert (wide.grad_fn.name() == "ToDenseBackward0") is by_onednn
        assert small.grad_fn.name() != "ToDenseBackward0"
        model.zero_grad()
        loss.backward()
        results.append([loss.detach(), *(p.grad.clone() for p in model.parameters())])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_small_start_knows_nothing_and_says_so():
    torch.manual_seed(0)
    model = start_small(GPT(vocab_size=50, embed_dim=32, num_heads=2, num_layers=3, max_seq_len=16))
    ids = torch.randint(50, (8, 16))
    assert model(ids, ids.roll(1))[1].item() == pytest.approx(math.log(50), abs=0.05)
    for name, p in model.named_parameters():
        if p.ndim == 2:
            width = 0.02 if "embedding" in name else 1 / (3 * p.shape[1]) ** 0.5  # torch's own
            is_added = name.endswith(("output.weight", "narrow.weight"))
            assert p.std().item() == pytest.approx(
                width / 6**0.5 if is_added else width, rel=0.15
            ), name
    assert all(p.eq(0).all() for name, p in model.named_parameters() if name.endswith("bias"))
