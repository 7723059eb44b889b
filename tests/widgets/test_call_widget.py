"""A call put together by sliders: what it is called with, and what is said of it."""

from __future__ import annotations

import threading
import warnings

import pytest
import torch

from mygpt_helpers import CallWidget
from mygpt_helpers.widgets.base import INTERRUPTED, interrupt_all
from tests.tiny import make_model, make_tokenizer
from tests.widgets.wire import from_browser

SETTINGS = {"do_sample": [True, False], "temperature": [0.0, 0.7], "top_k": [40]}


def make(**start):
    calls = []

    def call(**settings):
        calls.append(settings)
        if settings.get("temperature") == 0:
            raise ValueError("first\nnot zero")
        if "top_k" in settings:
            warnings.warn("forty", stacklevel=2)
        return f"text of {settings}"

    return CallWidget(call, SETTINGS, start=start), calls


def test_the_first_call_is_made_and_shown_as_code():
    widget, calls = make(do_sample=False, top_k=40)
    assert calls == [{"do_sample": False, "top_k": 40}]
    code = "model.generate(**inputs, do_sample=False, top_k=40)"
    assert widget.numbers()["rows"] == [
        ["call", code],
        ["warned", "UserWarning: forty"],
        ["text", "text of {'do_sample': False, 'top_k': 40}"],
    ]
    assert code in str(widget) and "UserWarning: forty" in str(widget)


def test_another_choice_waits_for_the_press():
    widget, calls = make()
    assert calls == [{}] and widget.numbers()["rows"][0] == ["call", "model.generate(**inputs)"]
    from_browser(widget, chosen=[0, 1, 0])
    code = "model.generate(**inputs, temperature=0.0)"
    assert widget.numbers()["rows"] == [["call", code], ["press run", ""]]
    assert len(calls) == 1
    from_browser(widget, asked="1 0,1,0")
    assert calls[1:] == [{"temperature": 0.0}]
    assert widget.numbers()["rows"] == [["call", code], ["raised", "ValueError: not zero"]]
    from_browser(widget, asked="2 0,1,0")
    assert len(calls) == 3, "once more: where a call draws, it draws anew"
    from_browser(widget, chosen=[0, 0, 0])
    assert widget.numbers()["rows"][1] == ["press run", ""]


def test_an_interrupted_call_shows_no_other_calls_rows():
    started, may_end = threading.Event(), threading.Event()

    def call(n=0):
        if n:
            started.set()
            may_end.wait(10)
        return "x"

    widget = CallWidget(call, {"n": [1]})
    message = {"chosen": (1,), "asked": "1 1"}
    beside = threading.Thread(target=lambda: from_browser(widget, **message))
    beside.start()
    assert started.wait(10)
    interrupt_all()
    may_end.set()
    beside.join(10)
    assert widget.numbers()["rows"] == [
        ["call", "model.generate(**inputs, n=1)"],
        ["press run", ""],
    ]
    assert widget.numbers()["note"] == INTERRUPTED
    from_browser(widget, asked="2 1")
    assert widget.numbers()["rows"][-1] == ["text", "x"] and widget.numbers()["note"] == ""


def test_what_is_quiet_says_so_and_code_without_arguments_has_no_comma():
    widget = CallWidget(lambda **k: "x", {"n": [1]}, code="write()", start={"n": 1})
    assert widget.numbers()["rows"][:2] == [
        ["call", "write(n=1)"],
        ["said", "no error, no warning"],
    ]
    widget.chosen = (0,)
    assert widget.code(widget.chosen) == "write()"


def test_a_call_that_warns_without_end_is_bounded():
    def call():
        for i in range(50):
            warnings.warn(f"number {i}", stacklevel=2)
        return "x"

    rows = CallWidget(call, {}).numbers()["rows"]
    assert len(rows) == 7 and rows[-2] == ["warned", "UserWarning: number 49"]


def test_what_a_model_cannot_do_is_a_row_and_another_call_can_follow():
    tokenizer = make_tokenizer("gpt2")
    tokenizer.chat_template = None
    model = make_model("gpt2", tokenizer)
    model.generation_config.eos_token_id = None
    full = torch.ones(1, 250, dtype=torch.long)  # its context holds 256

    def call(template=False, **settings):
        if template:
            return tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}])
        return len(model.generate(full, attention_mask=full, **settings)[0])

    settings = {"template": [True], "max_new_tokens": [3, 9]}
    widget = CallWidget(call, settings, start={"template": True})
    assert "tokenizer.chat_template is not set" in dict(widget.numbers()["rows"])["raised"]
    for places, sign, text in (((0, 2), "logged", "maximum length (256)"), ((0, 1), "text", "253")):
        from_browser(widget, chosen=places, asked=f"1 {places[0]},{places[1]}")
        assert text in dict(widget.numbers()["rows"])[sign]


@pytest.mark.parametrize(
    ("settings", "more", "message"),
    [
        ({"n": 3}, {}, "settings must be a dict, name -> values"),
        ([("n", [3])], {}, "settings must be a dict"),
        ({3: [3]}, {}, "settings must be a dict"),
        ({"n": [3]}, {"start": {"n": 4}}, "start has n=4, which no slider of settings has"),
        ({"n": [3]}, {"start": {"m": 3}}, "start has m=3"),
        ({"n": [3]}, {"code": "generate"}, "code must be a call and end with its bracket"),
        ({"n": [3]}, {"code": 3}, "code must be a string"),
    ],
)
def test_what_does_not_fit_is_refused(settings, more, message):
    with pytest.raises(ValueError, match=message):
        CallWidget(lambda **k: "x", settings, **more)


def test_places_that_are_not_there_are_refused():
    widget, _ = make()
    for bad in ((0, 0), (0, 3, 0), (0, 0, -1), 3):
        with pytest.raises(ValueError, match="must"):
            widget.chosen = bad
    with pytest.raises(ValueError, match="call must be a function"):
        CallWidget("generate", {})
