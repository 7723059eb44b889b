"""PlaygroundWidget: the line that gives the text again, another token's text, the way back."""

from __future__ import annotations

import random
import re

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mygpt_helpers.widgets.playground as playground
from mygpt_helpers import (
    GPT,
    BPETokenizer,
    CharTokenizer,
    PlaygroundWidget,
    WordTokenizer,
    cycle_run,
    generate,
    to_ids,
    to_tokens,
    trace,
)
from mygpt_helpers.widgets.inputs import STOPS, TEMPERATURES
from tests.tiny import make_model, make_tokenizer
from tests.widgets.runs import LABELS, MODEL, Words
from tests.widgets.wire import from_browser, twin_of

WORDS = Words(LABELS)


class Cycle:
    """The cycle's four names as a tokenizer."""

    def encode(self, text):
        return to_ids(text).tolist()

    def decode(self, ids):
        return " ".join(to_tokens(ids))


@pytest.fixture(scope="module", params=["gpt2", "qwen3"])
def real(request):
    tokenizer = make_tokenizer(request.param)
    return make_model(request.param, tokenizer), tokenizer


def again(widget, model, tokenizer):
    """Return what the line on the screen gives, with the imports that it names."""
    names = {"model": model, "tokenizer": tokenizer}
    exec(playground.NEEDS, names)
    return eval(widget.code, names)


ODD = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(
        ["'", '"', "'\"", "\\", "\\n", "a\nb\r\n\tc", "😀👩‍👩‍👧", "\x00\u202e", "{x}", "\ud800"]
    ),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    prompt=ODD,
    knobs=st.fixed_dictionaries(
        {
            "greedy": st.integers(0, 1),
            "temperature": st.sampled_from(TEMPERATURES[5:40]),
            "top_k": st.integers(1, 300),
            "repetition_penalty": st.sampled_from(STOPS["repetition_penalty"]),
            "no_repeat_ngram_size": st.integers(0, 6),
            "seed": st.integers(0, 99),
        },
        optional={name: st.sampled_from(STOPS[name]) for name in ("top_p", "min_p")},
    ),
    place=st.integers(0, 4),
    row=st.integers(0, 4),
)
def test_the_line_gives_the_text_again_whatever_the_prompt(real, prompt, knobs, place, row):
    widget = PlaygroundWidget(*real, prompt=prompt, max_new_tokens=5, **knobs)
    assert again(widget, *real) == widget.text and widget.ids.shape[1] > 5
    assert widget.code.count("\n") == 0
    if row < len(widget._good.tokens[place].others):
        widget.asked = f"1 go {place} {row}"
        assert widget.numbers()["note"] == ""
        assert again(widget, *real) == widget.text


def test_what_is_said_is_what_trace_says():
    widget = PlaygroundWidget(MODEL, WORDS, prompt="x", seed=4, max_new_tokens=6, temperature=0.5)
    steps = trace(MODEL, torch.tensor([[0, 1]]), 6, 0.5, generator=random.Random(4))
    assert widget.ids.tolist()[0][2:] == [step.chosen for step in steps]
    assert widget.code == (
        "tokenizer.decode(generate(model, torch.tensor([tokenizer.encode('x')]), 6, "
        "temperature=0.5, generator=random.Random(4))[0].tolist())"
    )
    assert widget.code in twin_of(widget)
    widget.token = 3
    own = float(steps[3].logits.softmax(-1)[steps[3].chosen])
    assert "token 4: " in widget.numbers()["facts"]
    assert f"probability {own:.3f}" in widget.numbers()["facts"]


def test_one_goes_on_from_another_token_and_back():
    widget = PlaygroundWidget(MODEL, WORDS, prompt="x", greedy=1, max_new_tokens=6)
    first = widget.ids.tolist()[0]
    assert first == [0, 1, 1, 1, 1, 1, 1, 1] and "top_k=1" in widget.code
    from_browser(widget, asked="1 go 2 1", token=2)  # the second likely one there is the next id
    ids = widget.ids.tolist()[0]
    assert ids[:5] == [0, 1, 1, 1, 2] and ids[5:] == [2] * 6
    assert "+ [1, 1, 2]), 6" not in widget.code and "encode('x') + [1, 1, 2]]), 6," in widget.code
    assert ", probability 0.250, rank 2 of 5" in widget.numbers()["facts"]
    assert widget.numbers()["rows"][1] == ['"c⏎"', 0.25, "◆ chosen"]
    from_browser(widget, asked="2 go 5 3", temperature=0.5)
    assert widget.ids.shape == (1, 14)
    assert not widget._answer["text"]["first"]
    from_browser(widget, asked="3 back")
    assert widget.ids.tolist()[0] == ids and widget.temperature == 1.0
    assert widget.numbers()["note"] == ""
    from_browser(widget, asked="4 back")
    assert widget.ids.tolist()[0] == first and widget._answer["text"]["first"]
    from_browser(widget, asked="5 back")
    assert "there is no text to go back to" in widget.numbers()["note"]
    assert widget.ids.tolist()[0] == first


def test_a_token_that_is_none_of_the_top_ones_is_there_too():
    widget = PlaygroundWidget(
        MODEL, WORDS, prompt="x", num_alternatives=2, seed=1, max_new_tokens=40
    )
    for token in widget._good.tokens:
        shown = token.written.distribution
        assert token.others[shown.chosen] == token.id
        assert LABELS[token.id] == shown.labels[shown.chosen] == token.written.token
        assert token.instead(shown.chosen) == token._replace(written=token.instead(shown.chosen)[1])
        assert token.instead(shown.chosen).written.rank == token.written.rank


def test_a_moved_knob_is_said_until_the_text_is_written_anew():
    widget = PlaygroundWidget(MODEL, WORDS, prompt="x")
    before = widget.text
    widget.temperature = 0.3
    assert widget.numbers()["note"] == playground.MOVED and widget.text == before
    widget.asked = "1 write"
    assert widget.numbers()["note"] == "" and "temperature=0.3" in widget.code
    widget.prompt = "y"
    assert widget.numbers()["note"] == playground.MOVED


def test_the_cycles_model_with_its_names():
    model = cycle_run(32)
    widget = PlaygroundWidget(model, Cycle(), prompt="I love", greedy=1, max_new_tokens=6)
    assert widget.text == "I love AI ! I love AI !"
    assert again(widget, model, Cycle()) == widget.text
    widget.prompt = "I hate"
    widget.asked = "1 write"
    assert "no such token: 'hate'" in widget.numbers()["note"]
    assert widget.text == "I love AI ! I love AI !"


TEXT = "7 € für Käse 😀, naïve Œuvre\n"


@pytest.mark.parametrize(
    ("tokenizer", "prompt", "given"),
    [
        (CharTokenizer.train(TEXT), "€😀\n", "€ 😀 ⏎"),
        (CharTokenizer.train(TEXT, unknown="<unk>"), "€ß", "€ <unk>"),
        (WordTokenizer.train(TEXT), "für 7", "für ␣ 7"),
        (BPETokenizer.train(TEXT, 256), "7 €", "7 ␣ <0xE2> <0x82> <0xAC>"),
        (BPETokenizer.train(TEXT * 9, 270), "7 ₤", "7 ␣ <0xE2><0x82> <0xA4>"),
    ],
    ids=lambda x: repr(x)[:24],
)
def test_a_small_model_with_a_tokenizer_of_lesson_13(tokenizer, prompt, given):
    torch.manual_seed(0)
    model = GPT(tokenizer.vocab_size, embed_dim=8, num_heads=2, num_layers=1, max_seq_len=8)
    widget = PlaygroundWidget(model, tokenizer, prompt=prompt, temperature=5.0)
    assert f"given: {given}\n" in twin_of(widget)
    assert again(widget, model, tokenizer) == widget.text
    assert widget.text.startswith(tokenizer.decode(tokenizer.encode(prompt)))
    from_browser(widget, asked="1 go 4 1", token=4)  # with byte pairs, perhaps half a character
    assert widget.numbers()["note"] == "" and widget.ids.shape[1] > 20
    assert again(widget, model, tokenizer) == widget.text


def test_a_character_without_a_token_is_said_and_the_text_stays():
    tokenizer = CharTokenizer.train("abc")
    model = GPT(3, embed_dim=8, num_heads=2, num_layers=1, max_seq_len=8)
    widget = PlaygroundWidget(model, tokenizer, prompt="ab")
    text = widget.text
    from_browser(widget, prompt="aß", asked="1 write")
    assert "the character 'ß' at position 1" in widget.numbers()["note"] and widget.text == text


def test_what_a_model_cannot_take_is_said_and_the_text_stays(real):
    widget = PlaygroundWidget(*real, prompt="Hi", max_new_tokens=3)
    text = widget.text
    cases = [
        ("", "the prompt is empty"),
        ("beer " * 700, "this model's context (holds|is full)"),
    ]
    for count, (prompt, said) in enumerate(cases, start=1):
        from_browser(widget, prompt=prompt, asked=f"{count} write")
        assert re.search(said, widget.numbers()["note"]) and widget.text == text
    context = real[0].config.max_position_embeddings
    few = real[1].decode([real[1].encode("beer")[0]] * (context - 2))
    from_browser(widget, prompt=few, asked="8 write", max_new_tokens=100)
    assert "Ask for at most" in widget.numbers()["note"] or widget.text != text


def test_an_empty_prompt_at_first_leaves_a_widget_to_mend():
    widget = PlaygroundWidget(MODEL, WORDS, prompt="")
    assert "the prompt is empty" in widget.numbers()["note"]
    assert str(widget) == widget.numbers()["note"]
    with pytest.raises(ValueError, match="there is no text yet: the prompt is empty"):
        widget.code  # noqa: B018
    widget.asked = "1 go 0 0"
    assert "no text to go back to, or on from" in widget.numbers()["note"]
    from_browser(widget, prompt="x", asked="2 write")
    assert widget.numbers()["note"] == "" and widget.text


class Stops(torch.nn.Module):
    """A model that an interrupt stops at its third pass."""

    def __init__(self, at):
        super().__init__()
        self.left = at

    def forward(self, ids):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return MODEL(ids)


def test_an_interrupt_keeps_what_was_written_and_its_line_gives_that(capsys):
    widget = PlaygroundWidget(Stops(4), WORDS, prompt="x", seed=5)
    assert widget.ids.shape == (1, 5) and "), 3," in widget.code
    assert again(widget, MODEL, WORDS) == widget.text
    widget._model.left = 1
    before = widget.text
    widget.asked = "1 write"
    assert widget.numbers()["note"] == "interrupted before the first token: press write."
    assert widget.text == before and "stopped after 0 of 20" in capsys.readouterr().out


def test_a_text_that_takes_too_long_ends_early(monkeypatch):
    monkeypatch.setattr(playground, "MOST_SECONDS", -1.0)
    widget = PlaygroundWidget(MODEL, WORDS, prompt="x")
    assert widget.ids.shape == (1, 3) and again(widget, MODEL, WORDS) == widget.text


def test_a_text_ends_where_it_is_told_to():
    widget = PlaygroundWidget(MODEL, WORDS, prompt="x", eos_token_id=3, max_new_tokens=100)
    assert widget.ids[0, -1] == 3 and widget.ids.shape[1] < 102
    assert again(widget, MODEL, WORDS) == widget.text


def test_it_says_how_far_it_is(monkeypatch, sent):
    monkeypatch.setattr(playground, "TELL_SECONDS", -1.0)
    widget = PlaygroundWidget(MODEL, WORDS, prompt="x", max_new_tokens=3)
    told = [m["state"]["_progress"] for m in sent if "_progress" in m.get("state", {})]
    assert told == [
        "Writing: 1 of 3 tokens…",
        "Writing: 2 of 3 tokens…",
        "Writing: 3 of 3 tokens…",
        "",
    ]
    assert widget._progress == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": 3}, "model must be a torch.nn.Module"),
        ({"tokenizer": str}, "tokenizer must have decode, got the class str"),
        ({"prompt": 3}, "prompt must be a string, got int"),
        ({"temperature": 0}, "temperature must be a number from 0.01 to 100"),
        ({"top_k": 9}, "top_k must be a whole number from 1 to 5"),
        ({"greedy": 2}, "greedy must be a whole number from 0 to 1"),
        ({"max_new_tokens": 101}, "max_new_tokens must be a whole number from 1 to 100"),
        ({"num_alternatives": 0}, "num_alternatives must be a whole number from 1"),
        ({"heat": 2}, "no such setting: 'heat'; use top_k"),
        ({"tokenizer": Cycle()}, "the model's or the tokenizer's vocab_size must be"),
    ],
)
def test_what_is_no_model_no_tokenizer_or_no_setting(changes, said):
    given = {"model": MODEL, "tokenizer": WORDS, "prompt": "x"} | changes
    with pytest.raises(ValueError, match=said):
        PlaygroundWidget(given.pop("model"), given.pop("tokenizer"), **given)


def test_a_tokenizer_that_returns_something_else():
    class Odd(Words):
        def encode(self, text):
            return "ids"

    note = PlaygroundWidget(MODEL, Odd(LABELS), prompt="x").numbers()["note"]
    assert note == "tokenizer.encode must return a list of ids, got 'ids'."
    assert generate  # the line's own
