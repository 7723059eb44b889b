"""A model, looked at from outside: wrappers, other architectures, and the wrong kinds."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from types import SimpleNamespace

import pytest
import torch
import transformers
from torch import nn
from transformers import AutoModelForCausalLM, BatchEncoding, GenerationConfig

from mygpt_helpers import (
    GPT,
    Record,
    cycle_corpus,
    generate,
    load_checkpoint,
    prompt_inputs,
    save_checkpoint,
    train,
)
from mygpt_helpers.models import (
    context_of,
    device_of,
    devices_of,
    not_causal,
    unwrapped,
    vocab_size_of,
)
from tests.tiny import make_tokenizer

pytestmark = pytest.mark.usefixtures("one_thread")

V, CONTEXT = 61, 32
SMALL = {"vocab_size": V, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
WIDTHS = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": CONTEXT,
}
SIZES = SMALL | WIDTHS
N_SIZES = SMALL | {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT}
STATES = SMALL | {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8, "expand": 2}
DECODER = SMALL | {
    "d_model": 32,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": CONTEXT,
}
# The model type, and sizes: with a cache and without one, positions learned, turned and biased,
# states in the place of attention, sizes in a text_config, decoders taken out of pairs.
FAMILIES = {
    "bart": DECODER | {"is_decoder": True, "is_encoder_decoder": False},
    "bert": SIZES | {"is_decoder": True},
    "bloom": SMALL | {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "falcon_mamba": STATES,
    "gemma3": {
        "text_config": SIZES | {"num_key_value_heads": 2, "head_dim": 8, "sliding_window": 8},
        "vision_config": WIDTHS | {"image_size": 28, "patch_size": 14},
        "mm_tokens_per_image": 4,
    },
    "gpt2": N_SIZES,
    "gpt_neox": SIZES,
    "llama": SIZES | {"num_key_value_heads": 2},
    "mamba": STATES,
    "openai-gpt": N_SIZES,
    "opt": SMALL | WIDTHS | {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "recurrent_gemma": SIZES
    | {"num_key_value_heads": 1, "lru_width": 32, "attention_window_size": 8, "head_dim": 8}
    | {"num_hidden_layers": 3},
    "rwkv": SMALL | {"hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32},
    "xglm": SMALL
    | {"d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 48}
    | {"max_position_embeddings": CONTEXT},
}


def make(kind, **more):
    """Return a tiny random model whose choices hang on what it has read."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **(FAMILIES[kind] | more))
    model = AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    model.generation_config = GenerationConfig()
    return model


@pytest.fixture(scope="module")
def models():
    return {kind: make(kind) for kind in FAMILIES}


def by_transformers(model, ids, mask=None):
    return model.generate(
        ids, attention_mask=mask, max_new_tokens=6, do_sample=False, pad_token_id=0
    )


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_family_writes_as_in_transformers(kind, models):
    model, ids = models[kind], torch.tensor([[5, 6, 7, 8, 9]])
    assert generate(model, ids, 6, top_k=1).tolist() == by_transformers(model, ids).tolist()
    torch.manual_seed(1)
    ours = generate(model, ids, 6, temperature=0.9)
    torch.manual_seed(1)
    theirs = model.generate(
        ids, max_new_tokens=6, do_sample=True, temperature=0.9, top_k=0, pad_token_id=0
    )
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_padded_row_is_as_it_is_alone_or_refused(kind, models):
    ids = torch.tensor([[0, 0, 0, 5, 6], [7, 8, 9, 10, 11]])
    mask = (ids != 0).long()
    model = models[kind]
    if kind in ("bart", "rwkv"):  # padding shifts their positions, or goes into their state
        with pytest.raises(ValueError, match=rf"a {type(model).__name__} cannot be padded"):
            generate(model, ids, 6, top_k=1, attention_mask=mask)
        return
    came = generate(model, ids, 6, top_k=1, attention_mask=mask)
    assert came.tolist() == by_transformers(model, ids, mask).tolist()
    assert came[0, 3:].tolist() == generate(model, ids[:1, 3:], 6, top_k=1)[0].tolist()


def test_the_context_lies_in_the_text_config_too(models):
    assert context_of(models["gemma3"]) == CONTEXT
    with pytest.raises(ValueError, match=rf"has {CONTEXT} tokens.*context is full"):
        generate(models["gemma3"], torch.ones(1, CONTEXT).long(), 1)
    tokenizer = lambda *_, **__: {"input_ids": torch.ones(1, CONTEXT + 1)}  # noqa: E731
    with pytest.raises(ValueError, match=rf"context holds {CONTEXT}"):
        prompt_inputs(tokenizer, "a", models["gemma3"])


SHORT = SMALL | {"d_model": 32, "n_layers": 2, "n_heads": 4, "hidden_size": 32}
SHORT |= {"num_decoder_layers": 2, "num_decoder_attention_heads": 4, "add_cross_attention": False}
SHORT |= {"decoder_layers": 2, "decoder_attention_heads": 4, "decoder_ffn_dim": 48}
SHORT |= {"decoder_start_token_id": 1, "is_encoder_decoder": False}


@pytest.mark.parametrize(
    ("name", "sizes", "context"),
    [
        ("Mpt", {"max_seq_len": 16}, 16),
        ("Whisper", {"max_target_positions": 16}, 16),
        ("ProphetNet", {"max_position_embeddings": 16, "is_decoder": True}, 14),
    ],
)
def test_a_context_by_another_name(name, sizes, context):
    cls = getattr(transformers, f"{name}ForCausalLM")
    model = cls(cls.config_class(**(SHORT | sizes))).eval()
    assert context_of(model) == context
    full = torch.full((1, context - 2), 5)
    assert generate(model, full, 2, top_k=1).shape == (1, context)
    with pytest.raises(ValueError, match=f"context of {context}"):
        generate(model, full, 3)
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, context + 1), 5))


@pytest.mark.parametrize("name", ["Emu3", "Mllama"])
def test_the_text_half_of_a_kind_writes(name):
    cls = getattr(transformers, f"{name}ForCausalLM")
    more = {"cross_attention_layers": []} if name == "Mllama" else {}
    torch.manual_seed(0)
    model = cls(cls.config_class(**(SIZES | {"num_key_value_heads": 2} | more))).eval()
    model.generation_config = GenerationConfig()
    ids = torch.tensor([[5, 6, 7]])
    assert generate(model, ids, 6, top_k=1).tolist() == by_transformers(model, ids).tolist()


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("kind", ["llama", "opt"])
def test_a_quantized_model_may_be_padded(kind, models):
    rounded = copy.deepcopy(models[kind])
    rounded = torch.ao.quantization.quantize_dynamic(rounded, {nn.Linear}, dtype=torch.qint8)
    ids = torch.tensor([[0, 0, 0, 5, 6], [7, 8, 9, 10, 11]])
    mask = (ids != 0).long()
    came = generate(rounded, ids, 6, top_k=1, attention_mask=mask)
    assert came.tolist() == by_transformers(rounded, ids, mask).tolist()


# ---- where it lies -------------------------------------------------------------------------------


def test_what_accelerate_has_put_away_lies_nowhere():
    model = nn.Sequential(nn.Linear(2, 2, device="meta"), nn.Linear(2, 2))
    assert devices_of(model) == {torch.device("cpu")} and device_of(model) == torch.device("cpu")
    assert devices_of(model[0]) == set() and device_of(model[0]) == torch.device("cpu")


def test_a_prompt_goes_to_its_model_whatever_the_default_device(models):
    tokenizer = make_tokenizer("gpt2")
    with torch.device("meta"):
        inputs = prompt_inputs(tokenizer, "I", models["gpt2"])
    assert isinstance(inputs, BatchEncoding) and inputs["input_ids"].tolist() == [[43]]
    elsewhere = nn.Linear(2, 2)
    elsewhere.parameters = lambda: iter([SimpleNamespace(device=torch.device("meta:0"))])
    assert prompt_inputs(tokenizer, "I", elsewhere)["input_ids"].is_meta


# ---- the wrong kinds -----------------------------------------------------------------------------

WRONG = {
    "BertLMHeadModel": "both sides",
    "RobertaForCausalLM": "both sides",
    "XLNetLMHeadModel": "both sides",
    "BertForMaskedLM": "both sides",
    "BartForConditionalGeneration": "encoder",
    "T5ForConditionalGeneration": "encoder",
    "GPT2ForSequenceClassification": "no head that scores the next token",
    "GPT2Model": "no head that scores the next token",
    "ViTModel": "knows no causal language model of the kind vit",
}
SEQ2SEQ = DECODER | {"encoder_layers": 1, "encoder_attention_heads": 4, "encoder_ffn_dim": 48}
CONFIGS = {
    "Bert": SIZES,
    "Roberta": SIZES,
    "XLNet": SMALL | {"d_model": 32, "n_layer": 1, "n_head": 4, "d_inner": 48},
    "Bart": SEQ2SEQ,
    "T5": SMALL | {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 1, "num_heads": 4},
    "GPT2": N_SIZES,
    "ViT": WIDTHS | {"image_size": 28, "patch_size": 14},
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("wrap", [lambda model: model, nn.DataParallel], ids=["bare", "wrapped"])
def test_a_model_of_the_wrong_kind_is_told_before_it_runs(name, wrap, monkeypatch):
    cls = getattr(transformers, name)
    kind = next(kind for kind in CONFIGS if name.startswith(kind))
    model = cls(cls.config_class(**CONFIGS[kind]))
    monkeypatch.setattr(cls, "forward", None)
    with pytest.raises(
        ValueError, match=rf"^a {name} cannot continue.*{WRONG[name]}.*AutoModelFor"
    ):
        generate(wrap(model), torch.tensor([[5, 6]]), 3)


def reads_ahead(model):
    """Tell whether a later token changes the logits at an earlier position."""
    with torch.no_grad():
        logits = model(torch.tensor([[5, 6, 7], [5, 6, 8]])).logits  # (2, T, V)
    return not torch.allclose(logits[0, 0], logits[1, 0], atol=1e-4)


@pytest.mark.parametrize("kind", ["bert", "bert-generation", "electra", "rembert", "xlm-roberta"])
@pytest.mark.parametrize("is_decoder", [False, True])
def test_what_is_refused_is_what_reads_ahead(kind, is_decoder, monkeypatch):
    monkeypatch.setitem(FAMILIES, kind, SIZES | {"is_decoder": is_decoder})
    model = make(kind)
    assert reads_ahead(model) == (not_causal(model.config) is not None) == (not is_decoder)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("gemma", {"use_bidirectional_attention": True}),
        ("gemma3_text", {"use_bidirectional_attention": True}),
        ("llama", {"is_causal": False}),
        ("gpt2", {"is_causal": False}),
    ],
)
@pytest.mark.parametrize("switched", [False, True])
def test_a_switch_to_both_sides_is_seen(kind, more, switched, monkeypatch):
    sizes = SIZES | {"num_key_value_heads": 2, "head_dim": 8} | FAMILIES.get(kind, {})
    monkeypatch.setitem(FAMILIES, kind, sizes | (more if switched else {}))
    model = make(kind)
    assert reads_ahead(model) == (not_causal(model.config) is not None) == switched


@pytest.mark.parametrize("no_model", ["gpt2", None, torch.ones(2), lambda ids: ids])
def test_what_is_no_model_is_told(no_model):
    for function in (unwrapped, context_of, lambda it: generate(it, torch.tensor([[1]]), 1)):
        with pytest.raises(ValueError, match=f"torch.nn.Module, .*got {type(no_model).__name__}"):
            function(no_model)


def test_no_family_that_writes_is_refused(models):
    assert [kind for kind in FAMILIES if not_causal(models[kind].config) is not None] == []
    assert not any(reads_ahead(model) for model in models.values())


# ---- wrappers ------------------------------------------------------------------------------------


class Passes(nn.Module):
    """A learner's own wrapper, which hands on what it is given."""

    def __init__(self, model):
        super().__init__()
        self.inside = model

    def forward(self, *args, **kwargs):
        return self.inside(*args, **kwargs)


def compiled(model):
    return torch.compile(model, backend="eager")


def forward_replaced(model):
    forward = model.forward
    model.forward = lambda *args, **kwargs: forward(*args, **kwargs)
    return model


def class_replaced(*arguments):
    """Return a function that gives a model a class of a learner's, which hands arguments on."""
    of_forward = {
        (): lambda self, *args, **kwargs: super(type(self), self).forward(*args, **kwargs),
        ("input_ids",): lambda self, input_ids, **kwargs: super(type(self), self).forward(
            input_ids, **kwargs
        ),
    }

    def replaced(model):
        model.__class__ = type("Mine", (type(model),), {"forward": of_forward[arguments]})
        return model

    return replaced


REPLACED = [forward_replaced, class_replaced(), class_replaced("input_ids")]
WRAPPERS = [
    pytest.param(compiled, marks=pytest.mark.slow),  # ten seconds to import the compiler
    nn.DataParallel,
    torch.optim.swa_utils.AveragedModel,
    Passes,
    lambda model: Passes(nn.DataParallel(model)),
]


@pytest.mark.parametrize("wrap", [*WRAPPERS, *REPLACED])
def test_a_wrapper_changes_nothing_in_a_padded_batch(wrap, models):
    bare = models["gpt2"]
    ids = torch.tensor([[0, 0, 0, 5, 6], [7, 8, 9, 10, 11]])
    given = {"top_k": 1, "attention_mask": (ids != 0).long()}
    expected = generate(bare, ids, 8, **given)
    wrapped = wrap(copy.deepcopy(bare))
    assert generate(wrapped, ids, 8, **given).tolist() == expected.tolist()
    assert context_of(wrapped) == CONTEXT and vocab_size_of(wrapped) == V
    with pytest.raises(ValueError, match="pad_token_id"):
        generate(wrapped, ids, 8, **given, eos_token_id=1, pad_token_id=V)
    assert not generate(bare, ids, 8, top_k=1).equal(expected), "the padding makes no difference"


def our_run(wrap=lambda model: model):
    torch.manual_seed(0)
    model = wrap(GPT(4, 8, 2, 1, max_seq_len=8, dropout=0.1))
    return model, torch.optim.AdamW(model.parameters(), lr=1e-2)


def trained(model, optimizer, steps, record=None):
    torch.manual_seed(steps)
    return train(
        model, cycle_corpus(), optimizer, batch_size=2, seq_len=4, steps=steps, record=record
    )


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_a_wrapped_run_is_the_bare_one_with_the_names_of_the_bare_one(wrap, tmp_path):
    bare, bare_optimizer = our_run()
    expected = trained(bare, bare_optimizer, 3)
    model, optimizer = our_run(wrap)
    record = trained(model, optimizer, 3)
    assert record.losses == expected.losses
    save_checkpoint(tmp_path, model, optimizer, record)
    loaded, _ = load_checkpoint(tmp_path)  # a bare one
    wanted = {name: t.tolist() for name, t in bare.state_dict().items()}
    assert {name: t.tolist() for name, t in loaded.state_dict().items()} == wanted
    again, again_optimizer = our_run(wrap)  # and into a wrapped one
    _, record_again = load_checkpoint(tmp_path, again, again_optimizer)
    assert trained(again, again_optimizer, 5, record_again).losses == (
        trained(bare, bare_optimizer, 5, expected).losses
    )
    prompt = torch.tensor([[0, 1, 2, 3] * 4])  # longer than the context
    assert generate(again, prompt, 4, top_k=1).equal(generate(bare, prompt, 4, top_k=1))


def test_a_record_goes_on_with_its_model_in_a_wrapper():
    model, optimizer = our_run()
    record = trained(model, optimizer, 2)
    assert len(trained(Passes(model), optimizer, 4, record).losses) == 4


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))]
)
def test_a_used_record_can_be_copied_and_sent_with_its_model(again):
    model, optimizer = our_run()
    record = trained(model, optimizer, 2)
    came = again(record)
    assert came == record and came.losses == record.losses
    copied, copied_record = copy.deepcopy((model, record))
    copied_optimizer = torch.optim.AdamW(copied.parameters())
    assert len(trained(copied, copied_optimizer, 4, copied_record).losses) == 4
    assert isinstance(copied_record, Record) and len(record.losses) == 2
    with pytest.raises(ValueError, match="another model"):
        trained(*our_run(), 4, record)


def test_a_model_that_is_unwrapped_is_itself():
    model, _ = our_run()
    for inside in (model, model.blocks[0], nn.Linear(2, 2), nn.Sequential(model)):
        assert unwrapped(inside) is inside


class Scaled(Passes):
    """A learner's own model, which learns one more number than the model in it."""

    def __init__(self, model, number):
        super().__init__(model)
        self.scale = number
        self.config = model.config


@pytest.mark.parametrize("keeps", ["parameter", "buffer"])
def test_a_module_with_numbers_of_its_own_is_no_wrapper(keeps, tmp_path):
    kinds = {"parameter": nn.Parameter, "buffer": nn.Buffer}
    model, fresh = (Scaled(our_run()[0], kinds[keeps](torch.tensor(x))) for x in (3.0, 1.0))
    assert unwrapped(model) is model
    save_checkpoint(tmp_path, model)
    load_checkpoint(tmp_path, fresh)
    assert fresh.scale.item() == 3
    passing = Scaled(our_run()[0], nn.Buffer(torch.tensor(1.0), persistent=False))
    assert unwrapped(passing) is passing.inside


class Named(Passes):
    def forward(self, input_ids, **kwargs):
        return self.inside(input_ids, **kwargs)


class WithLoss(Passes):
    def __init__(self, model):
        super().__init__(model)
        self.loss = nn.CrossEntropyLoss()


class Hiding(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.__dict__["inside"] = model

    def forward(self, *args, **kwargs):
        return self.inside(*args, **kwargs)


NOT_TRANSPARENT = [Named, WithLoss, Hiding, nn.Sequential]


@pytest.mark.parametrize("wrap", NOT_TRANSPARENT)
@pytest.mark.parametrize("mask", [None, torch.tensor([[0, 1]])], ids=["whole", "padded"])
def test_a_wrapper_that_cannot_be_seen_through_is_told(wrap, mask, models):
    told = rf"^{wrap.__name__} is a wrapper .* give generate that GPT2LMHeadModel"
    with pytest.raises(ValueError, match=told):
        generate(wrap(models["gpt2"]), torch.tensor([[5, 6]]), 3, attention_mask=mask)


@pytest.mark.parametrize("wrap", NOT_TRANSPARENT)
def test_a_model_of_ours_keeps_its_window_in_any_module(wrap):
    model, _ = our_run()
    prompt = torch.tensor([[0, 1, 2, 3] * 4])  # longer than the context
    assert generate(wrap(model), prompt, 4, top_k=1).equal(generate(model, prompt, 4, top_k=1))


class Adapter(Passes):
    """As PEFT's prompt tuning is seen from outside."""

    active_peft_config = SimpleNamespace(is_prompt_learning=True, num_virtual_tokens=3)

    def get_base_model(self):
        return self.inside


@pytest.mark.parametrize("wrap", [Adapter, lambda model: nn.DataParallel(Adapter(model))])
def test_an_adapter_that_learns_a_prompt_is_refused(wrap, models, monkeypatch):
    model = wrap(copy.deepcopy(models["gpt2"]))
    monkeypatch.setattr(Passes, "forward", None)
    with pytest.raises(ValueError, match=r"^an? Adapter learns a prompt .*own model\.generate"):
        generate(model, torch.tensor([[5, 6]]), 3)
    assert context_of(model) == CONTEXT


@dataclasses.dataclass
class Longer(Record):
    rates: list[float] = dataclasses.field(default_factory=list)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_a_copied_record_keeps_what_the_learner_added(again):
    record = Longer(rates=[0.1])
    trained(*our_run(), 2, record)
    record.note = "first try"
    came = again(record)
    assert (came.losses, came.rates, came.note) == (record.losses, [0.1], "first try")


def test_a_record_as_a_dict_is_what_a_file_holds():
    record = trained(*our_run(), 2)
    held = {"losses": record.losses, "held_out": {}, "settings": record.settings}
    assert dataclasses.asdict(record) == json.loads(json.dumps(held)) == held


class Strict(transformers.GPT2LMHeadModel):
    """A model that takes what it names and nothing more: it has no cache, and places to learn."""

    def forward(self, input_ids, attention_mask=None, return_dict=True):
        return super().forward(input_ids, attention_mask=attention_mask, use_cache=False)


def test_a_model_is_given_only_what_it_names(models):
    strict = Strict(models["gpt2"].config).eval()
    strict.load_state_dict(models["gpt2"].state_dict())
    ids = torch.tensor([[5, 6, 7]])
    expected = generate(models["gpt2"], ids, 4, top_k=1)
    assert generate(strict, ids, 4, top_k=1).tolist() == expected.tolist()
