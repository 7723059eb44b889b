"""The stream that lesson 08 writes, in its widget, on a tiny model: what may go wrong with it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
import torch
from transformers import StoppingCriteria, TextIteratorStreamer

from mygpt_helpers import StreamWidget, prompt_inputs
from tests.tiny import make_model, make_tokenizer
from tests.widgets.test_stream_widget import press, wait
from tools.refresh import ROOT


@pytest.fixture(scope="module")
def lesson():
    """Run the two cells that define the stream, and return the names that they see."""
    cells = nbformat.read(ROOT / "notebooks" / "08_generate_in_practice.ipynb", 4).cells
    sources = [c.source for c in cells if c.cell_type == "code"]
    stop, stream = (next(s for s in sources if s.startswith(f)) for f in ("class Stop", "def str"))
    tokenizer = make_tokenizer("gpt2")
    names = {
        "torch": torch,
        "tokenizer": tokenizer,
        "model": make_model("gpt2", tokenizer),
        "prompt_inputs": prompt_inputs,
        "StoppingCriteria": StoppingCriteria,
        "TextIteratorStreamer": TextIteratorStreamer,
        "ThreadPoolExecutor": ThreadPoolExecutor,
        "threading": threading,
    }
    names["model"].generation_config.eos_token_id = None  # it has no end token
    exec(stop + "\n" + stream, names)
    return names


def said(lesson, prompt):
    widget = StreamWidget(lesson["stream"], prompt=prompt)
    press(widget)
    return wait(widget)


def test_a_model_without_an_end_token_writes_its_budget(lesson):
    now = said(lesson, "Once upon a time")
    assert now["said"] == "60 tokens of at most 60." and now["text"]


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", "the prompt is empty: it has no token"),
        (
            " dog" * 300,
            "the prompt has 300 tokens, and this model's context holds 256. Shorten it.",
        ),
        (" dog" * 256, "`max_new_tokens` must be greater than 0"),
    ],
)
def test_a_prompt_that_cannot_be_continued_is_one_message(lesson, prompt, message):
    now = said(lesson, prompt)
    assert message in now["said"] and now["text"] == ""


def test_a_prompt_that_leaves_little_room_fills_the_context(lesson):
    assert said(lesson, " dog" * 250)["said"] == "6 tokens of at most 6."


def test_a_model_without_a_chat_template_is_one_message(lesson):
    def stream(prompt, stop):
        bare = make_tokenizer("gpt2")
        bare.chat_template = None
        chat = [{"role": "user", "content": prompt}]
        yield from lesson["stream"](bare.apply_chat_template(chat, tokenize=False), stop)

    widget = StreamWidget(stream, prompt="Hi")
    press(widget)
    now = wait(widget)
    assert "chat template" in now["said"] and "\n" not in now["said"] and now["text"] == ""


def test_stop_ends_generate_itself_within_a_token(lesson):
    calls = []
    model = lesson["model"]

    def count(*_):
        calls.append(1)
        time.sleep(0.01)

    hook = model.register_forward_hook(count)
    try:
        widget = StreamWidget(lesson["stream"], prompt="Once upon a time")
        press(widget)
        while len(calls) < 5:
            time.sleep(0.001)
        before, widget._stops = len(calls), 1
        assert wait(widget)["said"] == "Stopped." and len(calls) <= before + 2
    finally:
        hook.remove()
