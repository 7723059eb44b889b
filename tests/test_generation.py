"""From a prompt to a text: the prompt checked, and generate against transformers' own generate."""

from __future__ import annotations

import inspect
import re
from unittest.mock import Mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from mygpt_helpers import (
    GPT,
    PromptError,
    generate,
    lesson_checkpoint,
    next_token_probs,
    prompt_inputs,
)
from mygpt_helpers.checks import INTEGERS
from mygpt_helpers.pretrained.cache import COMMAND, flaw, model_folder
from tests.tiny import ARCHITECTURES, make_checkpoint

CONTEXT = 256  # of the tiny GPT-2


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    folder = make_checkpoint("gpt2", tmp_path_factory.mktemp("gpt2") / "model")
    return AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)


@pytest.mark.parametrize(
    "prompt", ["a", " ", "\n", "Hi dog", "🙂", "שלום", "$x$ <b>[red]", "\x00\x1b[31m", "\u202e"]
)
def test_any_text_of_some_tokens_passes_unchanged(gpt2, prompt):
    tokenizer, model = gpt2
    inputs = prompt_inputs(tokenizer, prompt, model)
    expected = tokenizer(prompt, return_tensors="pt")
    assert torch.equal(inputs["input_ids"], expected["input_ids"])
    assert inputs["input_ids"].shape == inputs["attention_mask"].shape
    assert model(**inputs).logits.shape[1] == inputs["input_ids"].shape[1]


def test_an_empty_prompt_is_refused(gpt2):
    with pytest.raises(PromptError, match="empty.*at least one character"):
        prompt_inputs(gpt2[0], "", gpt2[1])


def test_the_context_is_the_limit(gpt2):
    tokenizer, model = gpt2
    whole = tokenizer.decode(tokenizer("dog " * 2 * CONTEXT)["input_ids"][:CONTEXT])
    assert prompt_inputs(tokenizer, whole, model)["input_ids"].shape[1] <= CONTEXT
    with pytest.raises(PromptError, match=rf"has [\d,]+ tokens, and .* holds {CONTEXT:,}"):
        prompt_inputs(tokenizer, "dog " * 10_000, model)


def test_a_model_that_names_no_limit_has_none(gpt2, monkeypatch):
    tokenizer, model = gpt2
    monkeypatch.setattr(model, "config", object())
    assert prompt_inputs(tokenizer, "dog " * 3 * CONTEXT, model)["input_ids"].shape[1] > CONTEXT


@pytest.mark.parametrize("prompt", [None, 7, ["a"], b"a"])
def test_what_is_not_text_is_refused(gpt2, prompt):
    with pytest.raises(PromptError, match=f"must be a text, got {type(prompt).__name__}"):
        prompt_inputs(gpt2[0], prompt, gpt2[1])


@pytest.mark.slow
def test_in_a_notebook_the_message_stands_alone():
    cell = new_code_cell(
        "from mygpt_helpers import prompt_inputs\n"
        "prompt_inputs(lambda *a, **k: {'input_ids': __import__('torch').empty(1, 0)}, '', None)"
    )
    NotebookClient(new_notebook(cells=[cell]), allow_errors=True).execute()
    (output,) = cell.outputs
    assert output.ename == "PromptError"
    *message, line = "\n".join(output.traceback).split("\n")
    assert " ".join(part.strip() for part in message) == f"PromptError: {output.evalue}"
    assert line.startswith("  line 2 of your cell: prompt_inputs(")


# ---- generate, on tiny models of two architectures ----------------------------------------------

CASES = settings(max_examples=60, deadline=None, derandomize=True, database=None)
FEW = settings(CASES, max_examples=16)
KNOBS = {
    "temperature": st.sampled_from([0.3, 0.7, 1.0, 1.8]),
    "top_k": st.sampled_from([1, 1, 2, 5, 50, 10**6]),
    "top_p": st.sampled_from([0.3, 0.9, 1.0]),
    "min_p": st.sampled_from([0.0, 0.05, 0.5]),
    "repetition_penalty": st.sampled_from([0.8, 1.0, 1.3, 2.0]),
    "no_repeat_ngram_size": st.sampled_from([1, 2, 3]),
}


pytestmark = pytest.mark.usefixtures("one_thread")


def load(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.generation_config = GenerationConfig()  # nothing but what a call says
    return model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return {name: load(make_checkpoint(name, folder / name)) for name in ARCHITECTURES}


def peer(model, prompt_ids, n, *, attention_mask=None, eos_token_id=None, pad_token_id=0, **knobs):
    """transformers' generate with the same settings."""
    if attention_mask is None:
        attention_mask = torch.ones_like(prompt_ids)
    own = {"do_sample": False}
    if knobs.get("top_k") != 1:
        off = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": None}
        own = {"do_sample": True, **off, **{k: knobs[k] for k in off if knobs.get(k) is not None}}
    for name in ("repetition_penalty", "no_repeat_ngram_size"):
        if knobs.get(name) is not None:
            own[name] = knobs[name]
    return model.generate(
        prompt_ids,
        attention_mask=attention_mask,
        max_new_tokens=n,
        eos_token_id=eos_token_id,
        pad_token_id=pad_token_id,
        **own,
    )


def assert_as_transformers(model, prompt_ids, n, seed=0, **given_):
    """Compare both under one seed; return the ids."""
    kept = prompt_ids.clone()
    torch.manual_seed(seed)
    ours = generate(model, prompt_ids, n, **given_)
    after = torch.get_rng_state()
    torch.manual_seed(seed)
    theirs = peer(model, prompt_ids, n, **given_)
    assert ours.dtype == torch.int64 and ours.tolist() == theirs.tolist()
    assert torch.equal(after, torch.get_rng_state()), "drawn more or fewer numbers"
    assert torch.equal(prompt_ids, kept) and torch.equal(ours[:, : kept.shape[1]], kept)
    return ours


def random_ids(model, shape, seed):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(model.config.vocab_size, shape, generator=g)


@st.composite
def calls(draw_):
    knobs = {name: draw_(st.none() | values) for name, values in KNOBS.items()}
    if knobs["temperature"] is None:
        del knobs["temperature"]
    shape = draw_(st.integers(1, 3)), draw_(st.integers(1, 9))
    return shape, draw_(st.integers(1, 6)), draw_(st.integers(0, 10**6)), knobs


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@CASES
@given(call=calls(), ends=st.integers(0, 300))
def test_any_setting_is_as_in_transformers(architecture, tiny, call, ends):
    shape, n, seed, knobs = call
    model = tiny[architecture]
    # A third of the vocabulary ends a row, so that rows end early, and at different places.
    eos = {} if ends < 100 else {"eos_token_id": list(range(ends)), "pad_token_id": ends % 7}
    prompt_ids = random_ids(model, shape, seed)
    ids = assert_as_transformers(model, prompt_ids, n, seed, **knobs, **eos)
    if not eos:
        assert ids.shape == (shape[0], shape[1] + n)
        return
    for row in ids[:, shape[1] :].tolist():
        end = next((i for i, token in enumerate(row) if token < ends), len(row))
        assert set(row[end + 1 :]) <= {ends % 7}
    assert ids.shape[1] <= shape[1] + n


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@FEW
@given(
    lengths=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    seed=st.integers(0, 10**6),
    penalty=st.sampled_from([None, 1.5]),
    n_gram=st.sampled_from([None, 1, 2]),
    ends=st.sampled_from([0, 200]),
)
def test_a_padded_batch_is_its_rows_alone(architecture, tiny, lengths, seed, penalty, n_gram, ends):
    model, T, n = tiny[architecture], max(lengths), 5
    prompt_ids = random_ids(model, (len(lengths), T), seed)  # whatever stands in the padding
    mask = torch.zeros_like(prompt_ids)
    for row, length in enumerate(lengths):
        mask[row, T - length :] = 1
    knobs = {"top_k": 1, "repetition_penalty": penalty, "no_repeat_ngram_size": n_gram}
    if ends:
        knobs |= {"eos_token_id": [*range(ends)], "pad_token_id": 3}
    ids = generate(model, prompt_ids, n, attention_mask=mask, **knobs)
    for row, length in enumerate(lengths):
        alone = generate(model, prompt_ids[row : row + 1, T - length :], n, **knobs)[0]
        whole = ids[row, T - length :]
        assert whole[: len(alone)].tolist() == alone.tolist()
        assert set(whole[len(alone) :].tolist()) <= {3}
    if penalty is n_gram is None:  # for transformers, the padding has been said before
        assert_as_transformers(model, prompt_ids, n, attention_mask=mask, **knobs)
        sampled = {**knobs, "top_k": None, "top_p": 0.9}
        assert_as_transformers(model, prompt_ids, n, seed, attention_mask=mask, **sampled)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_cache_changes_nothing(architecture, tiny):
    # Every token once more, from the whole text at once: what the cache leaves out is the work.
    model = tiny[architecture]
    prompt_ids = random_ids(model, (2, 5), 1)
    ids = generate(model, prompt_ids, 30, top_k=1)
    with torch.no_grad():
        logits = model(ids).logits
    assert torch.equal(logits[:, 4:-1].argmax(-1), ids[:, 5:])


def test_after_the_prompt_only_the_new_token_is_read(tiny, monkeypatch):
    model = tiny["qwen3"]
    read, forward = [], model.forward

    def watched(*args, **kwargs):
        read.append(kwargs["input_ids"].shape)
        return forward(*args, **kwargs)

    watched.__signature__ = inspect.signature(forward)
    monkeypatch.setattr(model, "forward", watched)
    generate(model, random_ids(model, (2, 7), 0), 4, top_k=1)
    assert read == [(2, 7), (2, 1), (2, 1), (2, 1)]


def test_the_defaults_of_a_checkpoint_are_not_taken(tiny, tmp_path):
    # Qwen's files ask for temperature 0.6 and top_k 20, and name an end; generate takes only knobs.
    folder = make_checkpoint("qwen3", tmp_path / "qwen3")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert model.generation_config.top_k == 20 and model.generation_config.eos_token_id is not None
    prompt_ids = random_ids(model, (1, 4), 0)
    torch.manual_seed(3)
    ids = generate(model, prompt_ids, 40)
    torch.manual_seed(3)
    assert torch.equal(ids, peer(tiny["qwen3"], prompt_ids, 40))


def test_a_generator_of_ones_own(tiny):
    model = tiny["gpt2"]
    prompt_ids = random_ids(model, (2, 3), 0)
    torch.manual_seed(8)
    expected = generate(model, prompt_ids, 9)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    ids = generate(model, prompt_ids, 9, generator=torch.Generator().manual_seed(8))
    assert torch.equal(ids, expected)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(generate(model, prompt_ids, 9), expected)


def test_the_context_of_a_transformers_model_is_the_limit(tiny):
    model = tiny["gpt2"]
    prompt_ids = random_ids(model, (1, CONTEXT - 3), 0)
    assert generate(model, prompt_ids, 3, top_k=1).shape == (1, CONTEXT)
    with pytest.raises(PromptError, match=r"has 253 tokens, and with 4 new .* 256\. .* most 3\."):
        generate(model, prompt_ids, 4, top_k=1)
    with pytest.raises(PromptError, match=r"has 257 tokens, .* holds 256\. Shorten it"):
        generate(model, random_ids(model, (1, CONTEXT + 1), 0), 4, top_k=1)
    with pytest.raises(ValueError, match=r"prompt_ids must be from 0 to .*; got ids from"):
        generate(model, torch.tensor([[model.config.vocab_size]]), 1)


# ---- generate, on models of our own -------------------------------------------------------------


def cycle_model(**sizes):
    torch.manual_seed(0)
    return GPT(**{"vocab_size": 4, "embed_dim": 8, "num_heads": 2, "num_layers": 2, **sizes})


@CASES
@given(calls())
def test_our_gpt_is_a_loop_over_the_distribution(call):
    (B, T), n, seed, knobs = call
    model = cycle_model(vocab_size=60, max_seq_len=6)
    if knobs["no_repeat_ngram_size"] == 1 and knobs["top_k"] == 1:
        knobs["repetition_penalty"] = None
    prompt_ids = torch.randint(60, (B, T), generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    ours = generate(model, prompt_ids, n, **knobs)
    torch.manual_seed(seed)
    ids = prompt_ids
    for _ in range(n):
        logits = model(ids[:, -6:])[0][:, -1]
        probs = next_token_probs(logits, **knobs, previous_ids=ids)
        greedy = knobs["top_k"] == 1
        new = probs.argmax(-1, keepdim=True) if greedy else torch.multinomial(probs, 1)
        ids = torch.cat([ids, new], dim=1)
    assert torch.equal(ours, ids)


class Learners(nn.Module):
    """A learner's own model: it returns (logits, loss), and notes what it was given."""

    def __init__(self, vocab_size=5, max_seq_len=None):
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)
        self.dropout = nn.Dropout(0.5)
        self.widths, self.modes = [], []
        if max_seq_len is not None:
            self.max_seq_len = max_seq_len

    def forward(self, ids, targets=None):
        self.widths.append(ids.shape[1])
        self.modes.append(self.training)
        logits = self.dropout(self.table(ids))
        loss = None if targets is None else logits.sum()
        return logits, loss


def test_a_learners_own_model():
    model = Learners()
    ids = generate(model, torch.tensor([[0], [3]]), 70, top_k=1)
    follow = model.table.weight.argmax(-1)
    assert ids.shape == (2, 71) and torch.equal(ids[:, 1:], follow[ids[:, :-1]])
    assert model.widths == list(range(1, 71)), "no context is named, so nothing is cut off"
    assert not ids.requires_grad


@pytest.mark.parametrize("prompt", [1, 4, 5, 6, 20])
def test_the_window_slides(prompt):
    model = Learners(max_seq_len=5)
    ids = generate(model, torch.zeros(1, prompt, dtype=torch.long), 9)
    assert ids.shape == (1, prompt + 9)
    assert model.widths == [min(5, prompt + i) for i in range(9)]


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_while_generating_and_the_mode_is_put_back(training):
    model = Learners().train(training)
    texts = [generate(model, torch.tensor([[0]]), 20, top_k=1) for _ in range(3)]
    assert torch.equal(texts[0], texts[1]) and torch.equal(texts[0], texts[2])
    assert not any(model.modes) and model.training is training
    assert model.dropout.training is training
    gpt = cycle_model(dropout=0.5).train(training)
    state = torch.get_rng_state()
    generate(gpt, torch.tensor([[0]]), 20, top_k=1)
    assert torch.equal(state, torch.get_rng_state()), "dropout has drawn"
    assert all(part.training is training for part in gpt.modules())


def test_the_mode_is_put_back_after_an_error():
    model = Learners()

    def fails_at_the_third(*_):
        if len(model.widths) == 3:
            raise RuntimeError

    model.register_forward_hook(fails_at_the_third)
    with pytest.raises(RuntimeError):
        generate(model, torch.tensor([[0]]), 20, top_k=1)
    assert model.training and len(model.widths) == 3


def test_greedy_takes_the_lowest_id_on_a_tie_and_draws_nothing():
    model = Learners(vocab_size=9)
    model.table.weight.data.fill_(0)
    model.table.weight.data[:, [3, 7]] = 1.0
    state = torch.get_rng_state()
    generator = torch.Generator().manual_seed(5)
    own = generator.get_state()
    ids = generate(model, torch.tensor([[0, 8]]), 6, top_k=1, temperature=5, generator=generator)
    assert ids.tolist() == [[0, 8, 3, 3, 3, 3, 3, 3]]
    assert torch.equal(torch.get_rng_state(), state) and torch.equal(generator.get_state(), own)
    # Drawn among the top two, both come.
    assert set(generate(model, torch.tensor([[0]]), 60, top_k=2)[0, 1:].tolist()) == {3, 7}


def scripted(rows):
    """A model that says the next token of each row's script, whatever it is given."""

    class Scripted(nn.Module):
        step = 0

        def forward(self, ids, targets=None):
            said = torch.tensor([row[self.step] for row in rows])
            self.step += 1
            return nn.functional.one_hot(said, 9).float()[:, None], None

    return Scripted()


@pytest.mark.parametrize(
    ("eos", "pad", "expected"),
    [
        (None, None, [[4, 5, 6, 7, 8], [6, 1, 6, 5, 2]]),
        (None, 3, [[4, 5, 6, 7, 8], [6, 1, 6, 5, 2]]),
        (7, None, [[4, 5, 6, 7, 7], [6, 1, 6, 5, 2]]),
        (7, 0, [[4, 5, 6, 7, 0], [6, 1, 6, 5, 2]]),
        (6, 0, [[4, 5, 6], [6, 0, 0]]),
        (6, None, [[4, 5, 6], [6, 6, 6]]),
        ([5, 1], None, [[4, 5], [6, 1]]),
        ((5, 2), 3, [[4, 5, 3, 3], [6, 1, 6, 5]]),
        ([], 3, [[4, 5, 6, 7, 8], [6, 1, 6, 5, 2]]),
        ([4, 6], 0, [[4], [6]]),
    ],
    ids=repr,
)
def test_rows_end_on_their_own_and_are_filled(eos, pad, expected):
    model = scripted([[4, 5, 6, 7, 8], [6, 1, 6, 5, 2]])
    ids = generate(model, torch.tensor([[0], [1]]), 5, top_k=1, eos_token_id=eos, pad_token_id=pad)
    assert ids[:, 1:].tolist() == expected and ids[:, 0].tolist() == [0, 1]


def test_an_end_in_the_prompt_ends_nothing():
    ids = generate(scripted([[4, 5, 6]]), torch.tensor([[6, 6]]), 3, top_k=1, eos_token_id=6)
    assert ids.tolist() == [[6, 6, 4, 5, 6]]


# ---- bad input: one clear line -------------------------------------------------------------------

IDS = torch.tensor([[0, 1]])


def refused(model, ids, n=3, **given_):
    with pytest.raises(ValueError) as raised:
        generate(model, ids, n, **given_)
    message = str(raised.value)
    assert "\n" not in message and len(message) < 250 and message.rstrip()[-1] in ".`"
    return message


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (torch.tensor([0, 1]), r"shape \(B, T\).*got shape \(2,\).*prompt_ids\[None\]"),
        (torch.zeros(1, 2, 3).long(), r"got shape \(1, 2, 3\)"),
        ([[0, 1]], "got list"),
        ("I love", "got str"),
        (torch.zeros(1, 2), "whole numbers.*got torch.float32"),
        (torch.zeros(1, 2).bool(), "whole numbers.*got torch.bool"),
        (torch.zeros(0, 2).long(), "holds no prompt at all"),
        (torch.zeros(1, 0).long(), "the prompt is empty"),
    ],
    ids=str,
)
def test_a_prompt_that_is_none(ids, said):
    model = Learners()
    assert re.search(said, refused(model, ids))
    with pytest.raises(PromptError):
        generate(model, ids, 3)
    assert model.widths == []


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (torch.ones(1, 3), r"shape \(1, 2\), got shape \(1, 3\)"),
        ([[1, 1]], "got list"),
        (torch.tensor([[1, 2]]), "1 for a token and 0 for padding"),
        (torch.tensor([[0.5, 1]]), "1 for a token and 0 for padding"),
        (torch.tensor([[-1, 1]]), "1 for a token and 0 for padding"),
        (torch.tensor([[1, 0]]), "padding must stand on the left.*padding_side"),
        (torch.tensor([[0, 0]]), "padding must stand on the left"),
    ],
    ids=str,
)
def test_a_mask_that_is_none(mask, said, tiny):
    assert re.search(said, refused(tiny["gpt2"], IDS, attention_mask=mask))


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32, torch.int32], ids=str)
def test_a_mask_of_any_type(dtype, tiny):
    mask = torch.tensor([[0, 1]])
    expected = generate(tiny["gpt2"], IDS, 3, top_k=1, attention_mask=mask)
    ids = generate(tiny["gpt2"], IDS, 3, top_k=1, attention_mask=mask.to(dtype))
    assert torch.equal(ids, expected)


def test_our_models_take_no_padding():
    mask = torch.tensor([[0, 1]])
    assert "takes no attention_mask with a 0" in refused(Learners(), IDS, attention_mask=mask)
    assert generate(Learners(), IDS, 2, attention_mask=torch.ones(1, 2)).shape == (1, 4)


BAD_KNOBS = [
    ({"temperature": 0}, "temperature must be above 0, got 0.*top_k=1"),
    ({"temperature": None}, "temperature must be"),
    ({"top_k": 0}, "top_k must be a whole number from 1, got 0"),
    ({"top_k": 2.5}, "top_k must be"),
    ({"top_p": 0}, "top_p must be above 0"),
    ({"top_p": 1.1}, "top_p must be above 0 and at most 1, got 1.1"),
    ({"min_p": -0.1}, "min_p must be"),
    ({"repetition_penalty": 0}, "repetition_penalty must be above 0"),
    ({"no_repeat_ngram_size": 0}, "no_repeat_ngram_size must be a whole number from 1, got 0"),
    ({"n": 0}, "max_new_tokens must be a whole number from 1, got 0"),
    ({"n": -1}, "max_new_tokens"),
    ({"n": 2.0}, "max_new_tokens"),
    ({"n": None}, "max_new_tokens"),
    ({"n": True}, "max_new_tokens"),
    ({"eos_token_id": "!"}, "eos_token_id must be a token's id.*got '!'"),
    ({"eos_token_id": -1}, "eos_token_id"),
    ({"eos_token_id": [1, 2.5]}, "eos_token_id.*got 2.5"),
    ({"eos_token_id": True}, "eos_token_id.*got True"),
    ({"pad_token_id": -1}, "pad_token_id must be a token's id.*got -1"),
    ({"pad_token_id": [0]}, r"pad_token_id.*got \[0\]"),
]


@pytest.mark.parametrize(("given_", "said"), BAD_KNOBS, ids=str)
def test_a_knob_out_of_range_is_said_before_the_model_works(given_, said):
    model = Learners()
    for top_k in (1, 3):
        assert re.search(said, refused(model, IDS, **{"top_k": top_k, **given_}))
    assert model.widths == [] and model.training


@pytest.mark.parametrize("name", ["eos_token_id", "pad_token_id"])
def test_an_id_that_the_vocabulary_lacks_is_told_before_a_token_is_written(name, tiny, monkeypatch):
    qwen3 = tiny["qwen3"]
    V = qwen3.config.vocab_size  # larger than the tokenizer's: the unused rows are ids, too
    assert generate(qwen3, IDS, 2, top_k=1, **{"eos_token_id": 0, name: V - 1}) is not None
    gpt, learners = cycle_model(), Learners()
    for model, size in ((qwen3, V), (gpt, 4), (learners, 5)):
        given_ = {"eos_token_id": 0, name: size}
        said = f"^{name} must be a token's id, a whole number from 0 to {size - 1}, .*got {size}"
        monkeypatch.setattr(model, "train", Mock(return_value=model), raising=False)
        assert re.search(said, refused(model, torch.tensor([[1, 2]]), **given_))
    assert learners.widths in ([], [2]), "a model that does not say its vocabulary is asked once"


def test_more_new_tokens_than_there_are_others():
    """What no_repeat_ngram_size=1 leaves is known before; what 2 leaves hangs on the text."""
    ids, said = torch.tensor([[0, 1], [2, 2]]), "no_repeat_ngram_size=1 lets each of the 4 tokens"
    assert re.search(
        rf"{said}.*has 2.*at most 2 new ones, not 3",
        refused(cycle_model(), ids, 3, no_repeat_ngram_size=1),
    )
    assert generate(cycle_model(), ids, 2, no_repeat_ngram_size=1).shape == (2, 4)
    assert "no_repeat_ngram_size=1 bans" in refused(Learners(), ids, 9, no_repeat_ngram_size=1)
    assert "no_repeat_ngram_size=2 bans" in refused(cycle_model(), ids, 40, no_repeat_ngram_size=2)
    ends = generate(cycle_model(), ids, 3, no_repeat_ngram_size=1, eos_token_id=[0, 1, 2, 3])
    assert ends.shape == (2, 3), "a text that ends needs no more tokens"


@pytest.mark.parametrize("generator", [0, "cpu", torch.zeros(5056, dtype=torch.uint8)], ids=repr)
def test_what_is_no_generator(generator):
    assert "generator must be a torch.Generator or a random.Random, got" in refused(
        Learners(), IDS, generator=generator
    )


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_ids_of_any_whole_type(dtype, tiny):
    for model in (tiny["gpt2"], cycle_model()):
        ids = torch.tensor([[1, 2, 3]])
        mask = torch.ones_like(ids).to(dtype)
        came = generate(model, ids.to(dtype), 3, top_k=1, attention_mask=mask)
        assert came.dtype == torch.int64 and came.equal(generate(model, ids, 3, top_k=1))


@pytest.mark.parametrize(
    "result",
    [torch.zeros(1, 2, 5), None, [torch.zeros(1, 2, 5), None], (None, None), {"logits": 1}],
    ids=lambda r: type(r).__name__,
)
def test_a_model_that_returns_something_else(result):
    class Other(nn.Module):
        def forward(self, ids):
            return result

    message = refused(Other(), IDS)
    assert f"must return (logits, loss), got {type(result).__name__}" in message
    assert "return logits, loss" in message


@pytest.mark.parametrize("model", ["gpt2", None, torch.zeros(2), GPT], ids=str)
def test_what_is_no_model(model, gpt2):
    calls = [lambda: generate(model, torch.tensor([[0]]), 2)]
    calls.append(lambda: prompt_inputs(gpt2[0], "I", model))
    for call in calls:
        with pytest.raises(ValueError, match=r"model must be a torch\.nn\.Module.*got"):
            call()


def test_numbers_that_no_token_can_be_chosen_from():
    model = Learners()
    model.table.weight.data[1] = float("nan")
    for top_k in (None, 1):
        assert "NaN" in refused(model, IDS, top_k=top_k)
    for top_k in (None, 1):
        message = refused(Learners(), torch.tensor([[0]]), 9, top_k=top_k, no_repeat_ngram_size=1)
        assert "no token is left to choose" in message
    assert "ids must be from 0 to 3" in refused(cycle_model(), torch.tensor([[4]]))


# ---- the real model ------------------------------------------------------------------------------

PROMPTS = ["The capital of France is", "Once upon a time, there was", "I had some beer from the"]


@pytest.fixture(scope="module")
def real():
    if flaw(model_folder()):
        pytest.skip(f"the model is not set up; {COMMAND} does it")
    checkpoint = lesson_checkpoint()
    model = load(checkpoint)
    return AutoTokenizer.from_pretrained(checkpoint), model


@pytest.mark.slow
def test_real_greedy_text_is_as_in_transformers(real):
    tokenizer, model = real
    inputs = tokenizer(PROMPTS[0], return_tensors="pt")
    ids = assert_as_transformers(model, inputs.input_ids, 20, top_k=1)
    assert tokenizer.decode(ids[0]).startswith("The capital of France is Paris")


SETTINGS = [
    {},
    {"temperature": 0.7, "top_k": 50, "top_p": 0.9},
    {"temperature": 1.4, "min_p": 0.05},
    {"top_k": 1, "repetition_penalty": 1.3, "no_repeat_ngram_size": 2},
    {
        "temperature": 0.8,
        "top_k": 40,
        "top_p": 0.95,
        "min_p": 0.01,
        "repetition_penalty": 1.2,
        "no_repeat_ngram_size": 3,
    },
]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.slow
def test_real_text_at_several_settings_is_as_in_transformers(number, real):
    tokenizer, model = real
    inputs = tokenizer(PROMPTS[number % 3], return_tensors="pt")
    assert_as_transformers(model, inputs.input_ids, 8, seed=number, **SETTINGS[number])


@pytest.mark.slow
def test_a_padded_batch_of_the_real_model_is_its_rows_alone(real):
    tokenizer, model = real
    tokenizer.padding_side, tokenizer.pad_token = "left", tokenizer.eos_token
    prompts = ["Paris", PROMPTS[1], PROMPTS[2]]
    inputs = tokenizer(prompts, return_tensors="pt", padding=True)
    assert int(inputs.attention_mask.sum()) < inputs.attention_mask.numel()
    knobs = {"top_k": 1, "repetition_penalty": 1.2}
    ids = generate(model, inputs.input_ids, 6, attention_mask=inputs.attention_mask, **knobs)
    for prompt, row, mask in zip(prompts, ids, inputs.attention_mask, strict=True):
        alone = generate(model, tokenizer(prompt, return_tensors="pt").input_ids, 6, **knobs)[0]
        assert row[int((mask == 0).sum()) :].tolist() == alone.tolist()
    assert_as_transformers(
        model, inputs.input_ids, 4, top_k=1, attention_mask=inputs.attention_mask
    )


@pytest.mark.slow
def test_the_real_model_ends_its_answer(real):
    tokenizer, model = real
    chat = [{"role": "user", "content": "Say only the word: Hello"}]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")
    ids = ids["input_ids"] if not torch.is_tensor(ids) else ids
    end = tokenizer.eos_token_id
    answer = assert_as_transformers(model, ids, 24, top_k=1, eos_token_id=end, pad_token_id=end)[
        0, ids.shape[1] :
    ]
    assert answer[-1] == end and len(answer) < 24
