"""A prompt on its way to the model: what passes, and what is refused with one clear message."""

import pytest
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from transformers import AutoModelForCausalLM, AutoTokenizer

from mygpt_helpers import PromptError, prompt_inputs
from tests.tiny import make_checkpoint

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


def test_in_a_notebook_the_message_stands_alone():
    cell = new_code_cell(
        "from mygpt_helpers import prompt_inputs\n"
        "prompt_inputs(lambda *a, **k: {'input_ids': __import__('torch').empty(1, 0)}, '', None)"
    )
    NotebookClient(new_notebook(cells=[cell]), allow_errors=True).execute()
    (output,) = cell.outputs
    assert output.ename == "PromptError"
    assert "\n".join(output.traceback).count("\n") == 0
