"""The logit lens and the attention of whole models, against the models themselves."""

from __future__ import annotations

import math

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
)

from mygpt_helpers import GPT, cycle_run, logit_lens, model_attention, to_ids
from tests.tiny import make_model, make_tokenizer

SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
IDS = torch.tensor([[3, 1, 4, 1, 5, 9]])


def llama():
    return LlamaForCausalLM(LlamaConfig(**SMALL, intermediate_size=32, initializer_range=0.3))


def our_gpt():
    return GPT(vocab_size=50, embed_dim=16, num_heads=2, num_layers=3, dropout=0.2)


def opt():
    return OPTForCausalLM(OPTConfig(**SMALL, ffn_dim=32, word_embed_proj_dim=16))


MADE = {
    "ours": our_gpt,
    "llama": llama,
    "opt": opt,
    "gpt_neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SMALL, intermediate_size=32)),
    **{
        name: lambda name=name: make_model(name, make_tokenizer(name)) for name in ("gpt2", "qwen3")
    },
}


@pytest.fixture(params=MADE)
def model(request):
    torch.manual_seed(0)
    return MADE[request.param]().train()  # dropout must not matter


def own_logits(model, ids=IDS):
    with torch.no_grad():
        came = model.eval()(ids)
    return (came[0] if isinstance(came, tuple) else came.logits)[0]


def test_the_last_layer_is_the_model_itself_to_the_bit(model):
    lens = logit_lens(model, IDS)
    assert model.training and not lens.requires_grad and lens.dtype == torch.float32
    assert torch.equal(lens[-1], own_logits(model))
    assert lens.shape[1] == IDS.shape[1]


@pytest.mark.parametrize("name", ["ours", "llama", "gpt2", "qwen3"])
def test_each_layer_is_the_model_that_stops_there(name):
    torch.manual_seed(0)
    model = MADE[name]()
    lens = logit_lens(model, IDS)
    inside = getattr(model, "model", getattr(model, "transformer", model))
    place = next(n for n in ("blocks", "layers", "h") if hasattr(inside, n))
    layers = getattr(inside, place)
    assert len(lens) == len(layers) + 1
    for stop in reversed(range(len(layers))):
        setattr(inside, place, layers[:stop])
        if hasattr(model.config, "num_hidden_layers"):
            model.config.num_hidden_layers = stop
        assert torch.allclose(lens[stop], own_logits(model), atol=1e-4)


def test_a_model_that_does_more_is_refused():
    more = {"intermediate_size": 32, "head_dim": 8, "num_key_value_heads": 1}
    config = Gemma2Config(**SMALL, **more, final_logit_softcapping=0.1)
    with pytest.raises(ValueError, match="does not fit a Gemma2ForCausalLM: its logits are not"):
        logit_lens(Gemma2ForCausalLM(config), IDS)


def test_a_wrapped_model_and_the_cycles():
    model, ids = cycle_run(32), to_ids("I love AI !")[None]
    assert torch.equal(logit_lens(torch.compile(model), ids), logit_lens(model, ids))
    assert logit_lens(model, ids)[-1].argmax(-1).tolist() == [1, 2, 3, 0]


@pytest.mark.parametrize("look", [logit_lens, model_attention])
def test_what_cannot_be_looked_at(look):
    model = llama()
    for ids, said in [
        (torch.zeros(1, 0, dtype=torch.long), "the prompt is empty"),
        (torch.zeros(2, 3, dtype=torch.long), "one text, shape .1, T.; got 2"),
        (torch.zeros(1, 3000, dtype=torch.long), "context holds 2,048"),
        (torch.tensor([[50]]), "ids must be from 0 to 49"),
        ([1, 2], "tensor of shape .B, T."),
    ]:
        with pytest.raises(ValueError, match=said):
            look(model, ids)
    with pytest.raises(ValueError, match="must be a GPT of this course or a causal model"):
        look(torch.nn.Linear(2, 2), IDS)
    with pytest.raises(ValueError, match="exceeds max_seq_len"):
        look(our_gpt(), torch.zeros(1, 65, dtype=torch.long))


def test_every_head_looks_back_and_nowhere_else(model):
    if hasattr(model, "set_attn_implementation"):
        with pytest.raises(ValueError, match='"sdpa", which keeps no weights. model.set_attn'):
            model_attention(model, IDS)
        model.set_attn_implementation("eager")
    weights = model_attention(model, IDS)  # (L, H, T, T)
    L, H = weights.shape[:2]
    assert weights.shape == (L, H, 6, 6) and L >= 2 and H >= 2 and model.training
    assert torch.allclose(weights.sum(-1), torch.ones(L, H, 6), atol=1e-5)
    assert bool((weights.triu(1) == 0).all()) and not weights.requires_grad


def test_an_induction_head_is_measured_in_one_line():
    n = 3  # random tokens, twice
    weights = torch.zeros(1, 2, 2 * n, 2 * n)
    for i in range(n, 2 * n):
        weights[0, 1, i, i - n + 1] = 0.75  # the token after the earlier copy
    score = weights.diagonal(1 - n, -2, -1)[..., 1:].mean(-1)  # (L, H)
    assert score.tolist() == [[0.0, 0.75]] and not math.isnan(score.sum())
