"""What a call raises, warns of and takes from its checkpoint: transformers' own words."""

from __future__ import annotations

import logging
import re
import warnings

import pytest
import torch
from transformers import GenerationConfig
from transformers.utils import logging as its_logging

from mygpt_helpers import attempt, generation_settings
from tests.tiny import make_model, make_tokenizer


@pytest.fixture(scope="module")
def tiny():
    tokenizer = make_tokenizer("qwen3")
    return make_model("qwen3", tokenizer), tokenizer("Hi dog", return_tensors="pt")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_new_tokens": 0}, "raised ValueError: `max_new_tokens` must be greater than 0"),
        ({"max_new_token": 3}, r"raised ValueError: The following .*\['max_new_token'\]"),
        ({}, r"warned UserWarning: Using the model-agnostic default `max_length`"),
        ({"max_new_tokens": 3, "temperature": 0.7}, r"logged WARNING: .*\['temperature'\]"),
        ({"max_new_tokens": 3}, "^no error, no warning$"),
    ],
)
def test_it_says_what_transformers_says_and_again(tiny, settings, said):
    model, inputs = tiny
    for _ in range(2):
        text = " ".join(repr(attempt(model.generate, **inputs, **settings)).split())
        assert re.search(said, text), text


def test_what_a_call_says_three_times_it_says_once_as_in_a_fresh_kernel(tiny):
    model, inputs = tiny

    def three():
        for _ in range(3):
            model.generate(**inputs, max_new_tokens=2, top_p=0.9)

    assert len(attempt(three).warnings) == len(attempt(three).warnings) == 1


def test_the_result_is_the_call_s_own_and_nothing_is_left_behind(tiny, capsys):
    model, inputs = tiny
    logger = its_logging.get_logger("transformers")
    before = [*logger.handlers], logger.level, [*warnings.filters]
    came = attempt(model.generate, **inputs, max_new_tokens=2)
    assert torch.equal(came.returned, model.generate(**inputs, max_new_tokens=2))
    attempt(model.generate, **inputs, max_new_tokens=2, temperature=0.3)
    assert ([*logger.handlers], logger.level, [*warnings.filters]) == before
    assert capsys.readouterr() == ("", "")


def test_it_listens_whatever_the_learner_has_silenced(tiny):
    model, inputs = tiny
    its_logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert len(attempt(model.generate, **inputs, temperature=0.3).warnings) == 2
        assert its_logging.get_verbosity() == logging.ERROR
    finally:
        its_logging.set_verbosity_warning()


def test_an_error_is_its_last_line_and_an_interrupt_is_passed_on():
    def fails(error):
        raise error

    assert repr(attempt(fails, KeyError("no\nsuch"))) == r"raised KeyError: 'no\nsuch'"
    assert repr(attempt(fails, ValueError("one\n  two\n"))) == "raised ValueError: two"
    assert repr(attempt(fails, ValueError())) == "raised ValueError"
    with pytest.raises(KeyboardInterrupt):
        attempt(fails, KeyboardInterrupt())


def test_the_settings_of_a_checkpoint_and_the_call_that_neutralises_them(tiny):
    model, inputs = tiny
    own = model.generation_config
    ids = {"eos_token_id": own.eos_token_id, "pad_token_id": own.pad_token_id}
    plain = generation_settings(model)
    assert plain.checkpoint == {} and plain.facts == ids
    assert plain.call == "model.generate(**inputs)" and "nothing of its own" in repr(plain)
    want = model.generate(**inputs, max_new_tokens=9)
    try:
        sets = {"do_sample": True, "repetition_penalty": 1.9, "temperature": 0.6, "top_k": 50}
        model.generation_config = GenerationConfig(**sets, **ids)
        found = generation_settings(model)
        assert found.checkpoint == {n: v for n, v in sets.items() if n != "top_k"}
        assert found.library == {"do_sample": False, "repetition_penalty": 1.0, "temperature": 1.0}
        came = attempt(model.generate, **inputs, max_new_tokens=9, **found.library)
        assert torch.equal(came.returned, want) and not came.warnings
        called = (
            "model.generate(**inputs, do_sample=False, repetition_penalty=1.0, temperature=1.0)"
        )
        assert found.call == called and "repetition_penalty  1.9" in repr(found)
        greedy = attempt(model.generate, **inputs, max_new_tokens=9, do_sample=False)
        assert not torch.equal(greedy.returned, want), "do_sample=False alone does not"
    finally:
        model.generation_config = own


def test_a_model_without_settings_is_refused():
    with pytest.raises(ValueError, match="a Linear has no generation_config; expected a model"):
        generation_settings(torch.nn.Linear(1, 1))
