"""The live grids, attention, strips and loss curve without a browser."""

from __future__ import annotations

import base64
import json
import math
import re
import threading
import time
from types import SimpleNamespace

import anywidget
import numpy as np
import pytest
import torch
from IPython.core.events import EventManager

from mygpt_helpers import AttentionWidget, GridsWidget, LossWidget, Strip, StripsWidget, make_grid
from mygpt_helpers.pictures.grids import grid_text
from mygpt_helpers.pictures.strips import strip_text
from mygpt_helpers.widgets import loss as loss_module
from tests.pictures.test_tables import HOSTILE
from tests.widgets.test_widgets import from_browser

VIEW = "application/vnd.jupyter.widget-view+json"
WORDS = ["I", "love", "some", "beer"]


@pytest.fixture
def sent(monkeypatch):
    """Collect what widgets send to the browser."""
    messages = []
    monkeypatch.setattr(
        anywidget.AnyWidget, "_send", lambda self, message, buffers=None: messages.append(message)
    )
    return messages


def twin_of(widget):
    """Return the text twin of a widget that has a still picture, too."""
    data, metadata = widget._repr_mimebundle_()
    assert set(data) == {VIEW, "image/png", "text/plain"}
    assert data[VIEW]["model_id"] == widget.model_id
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    return data["text/plain"]


# ---- grids -------------------------------------------------------------------------------------


def grids(count, **about):
    return [
        make_grid([[i / 10, math.nan]], ["r"], ["a", "b"], title=f"{i}", **about)
        for i in range(count)
    ]


def test_grids_go_in_the_order_of_the_sliders_product():
    made = grids(6)
    widget = GridsWidget(made, {"layer": ["0", "1"], "step": ["a", "b", "c"]}, start=[1, 2])
    assert widget.index == (1, 2) and widget.grid is made[5]
    assert twin_of(widget) == grid_text(made[5])
    from_browser(widget, index=[0, 1])
    assert widget.index == (0, 1) and widget.grid is made[1]
    assert twin_of(widget) == grid_text(made[1])
    assert [grid["title"] for grid in widget._grids] == list("012345")
    values = np.frombuffer(widget._grids[4]["values"], "<f8")
    assert values[0] == 0.4 and math.isnan(values[1])


def test_all_grids_share_one_scale_of_colours():
    made = [make_grid([[v]], ["r"], ["c"]) for v in (0.1, -4)]
    assert GridsWidget(made, {"time": ["before", "after"]})._scale == [-4, 4]
    assert GridsWidget(grids(2), {"time": ["before", "after"]})._scale == [0, 1]


def test_one_grid_needs_no_slider():
    assert GridsWidget(grids(1), {}).grid.title == "0"


@pytest.mark.parametrize(
    ("made", "sliders", "start", "says"),
    [
        ([], {"a": ["x"]}, None, "at least one"),
        ([[[1.0]]], {"a": ["x"]}, None, "made by make_grid"),
        (grids(5), {"a": ["x", "y"], "b": ["1", "2"]}, None, r"4 \(2 x 2\), got 5"),
        (grids(2), {}, None, r"1 \(none\), got 2"),
        (grids(2), {"a": "xy"}, None, "list of strings, got 'xy'"),
        (grids(2), {"a": [0, 1]}, None, "list of strings"),
        (grids(2), {"a": []}, None, "'a' must have at least one stop"),
        (grids(2), {"a": ["x", "y"]}, [2], "a must be a whole number from 0 to 1, got 2"),
        (grids(2), {"a": ["x", "y"]}, [-1], "got -1"),
        (grids(2), {"a": ["x", "y"]}, [0.5], "got 0.5"),
        (grids(2), {"a": ["x", "y"]}, [], "one place for each slider, 1"),
    ],
)
def test_grids_and_sliders_that_do_not_fit_are_refused(made, sliders, start, says):
    with pytest.raises(ValueError, match=says):
        GridsWidget(made, sliders, start=start)


def test_a_place_that_is_not_there_is_refused_later_too():
    widget = GridsWidget(grids(2), {"a": ["x", "y"]})
    with pytest.raises(ValueError, match="from 0 to 1, got 2"):
        widget.index = (2,)
    assert widget.index == (0,)


def test_what_is_sent_survives_json_and_utf8():
    for text in HOSTILE.values():
        grid = make_grid([[math.nan]], [text], [text], title=text, facts=text, row_label=text)
        strip = Strip(text, (text,), (None,), text)
        widget = GridsWidget([grid], {text: [text]})
        plain = [{k: v for k, v in widget._grids[0].items() if k != "values"}, widget._sliders]
        strips = StripsWidget([strip], [text], label=text, length_label=text)
        plain += [
            strips._strips,
            strips._knobs,
            LossWidget(3, levels={text: 1}, title=text)._levels,
        ]
        json.dumps(plain, ensure_ascii=False, allow_nan=False).encode("utf-8")


# ---- attention ---------------------------------------------------------------------------------


def attention_of(prompt):
    tokens = prompt.split()
    for token in tokens:
        if token not in WORDS:
            raise ValueError(f"no such token: {token!r}; use {', '.join(WORDS)}")
    T = len(tokens)
    generator = torch.Generator().manual_seed(T)
    scores = torch.randn(2, 3, T, T, generator=generator)
    return tokens, scores.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf).softmax(-1)


def attention(function=attention_of, prompt="I love", **options):
    return AttentionWidget(function, prompt=prompt, num_layers=2, num_heads=3, **options)


def test_attention_sends_all_layers_and_heads_once(sent):
    widget = attention()
    weights = attention_of("I love")[1]
    got = np.frombuffer(widget._answer["weights"], "<f4").reshape(2, 3, 2, 2)
    assert np.isnan(got[:, :, 0, 1]).all()
    assert np.nan_to_num(got) == pytest.approx(weights.numpy())
    sent.clear()
    from_browser(widget, layer=1, head=2)
    assert not any("_answer" in message["state"] for message in sent)
    twin = twin_of(widget)
    assert twin.startswith("layer 1, head 2\nrows: from, columns: looks at\n")
    assert f"{weights[1, 2, 1, 0]:.2f}" in twin and twin.splitlines()[-1].startswith("  love")


def test_a_new_prompt_is_computed_and_a_bad_one_keeps_the_picture():
    widget = attention()
    from_browser(widget, prompt="I love some")
    assert [short for short, _ in widget._answer["labels"]] == ["I", "love", "some"]
    good = widget._answer["weights"]
    from_browser(widget, prompt="I hate some")
    assert widget._answer["error"] == "no such token: 'hate'; use I, love, some, beer"
    assert widget._answer["weights"] == good and widget.prompt == "I hate some"
    assert widget._answer["prompt"] == "I hate some"
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == widget._answer["error"] and "image/png" not in data
    from_browser(widget, prompt="beer")
    assert widget._answer["error"] == "" and "beer" in twin_of(widget)


def test_only_what_is_exactly_zero_is_masked():
    def without_mask(prompt):
        return ["a", "b"], torch.full((2, 3, 2, 2), 0.5)

    assert "-" not in grid_text(attention(without_mask).grid).split("\n", 2)[2]


def fails(prompt):
    raise KeyError("no\nsuch")


def fails_at_length(prompt):
    raise ValueError("two\nlines\x00" + "x" * 10_000)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (fails, r"KeyError: 'no\\nsuch'"),
        (fails_at_length, r"^two lines\\x00x+…$"),
        (lambda p: None, r"expected \(tokens, weights\), got NoneType"),
        (lambda p: ("ab", torch.zeros(2, 3, 2, 2)), "list of strings"),
        (lambda p: ([], torch.zeros(2, 3, 0, 0)), "no tokens"),
        (lambda p: (["a"] * 65, torch.zeros(2, 3, 65, 65)), "65 tokens; at most 64"),
        (lambda p: (["a"], torch.ones(2, 1, 1)), r"\(2, 3, 1, 1\), got \(2, 1, 1\)"),
        (lambda p: (["a"], [[1.0]]), "got list"),
        (lambda p: (["a"], torch.full((2, 3, 1, 1), 7.0)), "from 0 to 1"),
        (lambda p: (["a"], torch.full((2, 3, 1, 1), math.nan)), "from 0 to 1"),
        (lambda p: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_wrong_with_the_function_is_one_line(function, says):
    widget = attention(function)
    error = widget._answer["error"]
    assert re.search(says, error) and "\n" not in error and len(error) <= 410
    assert widget._repr_mimebundle_()[0]["text/plain"] == error


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_prompts(text):
    widget = attention()
    widget.prompt = text
    error = widget._answer["error"]
    assert error and len(error) <= 400 and "\n" not in error
    error.encode("utf-8")
    shows_all = attention(
        lambda prompt: (list(prompt)[:9] or ["?"], torch.ones(2, 3, *[len(prompt[:9]) or 1] * 2)),
        prompt=text,
        max_chars=100_000,
    )
    grid_text(shows_all.grid).encode("utf-8")


def test_a_late_answer_does_not_replace_a_newer_one():
    may_end, started = threading.Event(), threading.Event()

    def slow(prompt):
        if prompt == "love":
            started.set()
            may_end.wait(10)
        return attention_of(prompt)

    widget = attention(slow)
    beside = threading.Thread(target=lambda: from_browser(widget, prompt="love"))
    beside.start()
    assert started.wait(10)
    widget.prompt = "beer"
    may_end.set()
    beside.join(10)
    assert widget._answer["prompt"] == "beer" and widget.grid.rows == ("beer",)


def test_an_interrupt_is_told_and_passes_on():
    def interrupted(prompt):
        if prompt == "love":
            raise KeyboardInterrupt
        return attention_of(prompt)

    widget = attention(interrupted)
    with pytest.raises(KeyboardInterrupt):
        widget.prompt = "love"
    assert "Interrupted" in widget._answer["error"] and widget._answer["weights"]


def test_layers_and_heads_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="layer must be a whole number from 0 to 1, got 2"):
        attention(layer=2)
    widget = attention()
    with pytest.raises(ValueError, match="head must be a whole number from 0 to 2, got 3"):
        widget.head = 3
    with pytest.raises(ValueError, match="num_heads must be a whole number from 1"):
        AttentionWidget(attention_of, prompt="I", num_layers=1, num_heads=0)


# ---- strips ------------------------------------------------------------------------------------


def strips(*lengths):
    return [
        Strip(f"{n} tokens", tuple(WORDS[i % 4] for i in range(n)), tuple(i < 5 for i in range(n)))
        for n in lengths
    ]


def test_strips_show_as_much_as_the_slider_says():
    made = strips(4, 20)
    widget = StripsWidget(made, ["8", "16"], start=1)
    assert (widget.strip, widget.length) == (1, 20)
    assert twin_of(widget) == strip_text(made[1])
    from_browser(widget, length=5)
    assert twin_of(widget) == strip_text(made[1], length=5)
    assert "all right" in twin_of(widget).splitlines()[1]
    from_browser(widget, strip=0, length=20)  # longer than this strip: all of it
    assert twin_of(widget) == strip_text(made[0])


@pytest.mark.parametrize(
    ("made", "stops", "options", "says"),
    [
        ([], [], {}, "at least one"),
        (["I love"], ["1"], {}, "each a Strip"),
        (strips(4, 5), ["1"], {}, "stops must have 2 texts.* got 1"),
        (strips(4), "1", {}, "list of strings"),
        (strips(4), ["1"], {"start": 1}, "strip must be a whole number from 0 to 0, got 1"),
        (strips(4), ["1"], {"length": 0}, "length must be a whole number from 1 to 4, got 0"),
        (strips(4), ["1"], {"length": 5}, "got 5"),
    ],
)
def test_strips_and_stops_that_do_not_fit_are_refused(made, stops, options, says):
    with pytest.raises(ValueError, match=says):
        StripsWidget(made, stops, **options)


# ---- the loss curve ----------------------------------------------------------------------------


def points_of(widget):
    return np.frombuffer(widget._points, "<f8").reshape(-1, 2).tolist()


def test_a_curve_without_a_point_is_stored_as_one_line():
    data, metadata = LossWidget(200)._repr_mimebundle_()
    assert data["text/plain"] == "loss curve, drawn live while the training runs: 200 steps"
    assert set(data) == {VIEW, "text/plain"} and "image/png" not in metadata


def test_a_curve_says_what_it_holds():
    live = LossWidget(4, levels={"log 4": 1.386}, title="T")
    for step, loss in enumerate([1.6, 0.8, torch.tensor(0.4), 0.0141], start=1):
        live(step, loss)
    assert points_of(live) == [[1, 1.6], [2, 0.8], [3, pytest.approx(0.4)], [4, 0.0141]]
    assert live._line == "step 4 of 4, loss 0.0141"
    assert twin_of(live).splitlines() == [
        "T",
        "loss over step",
        "  loss: 1: 1.6, 2: 0.8, 3: 0.4, 4: 0.0141",
        "  marked: log 4 at 1.386",
        "step 4 of 4, loss 0.0141",
    ]


def test_the_last_points_are_sent_when_the_cell_ends(monkeypatch):
    shell = SimpleNamespace(events=EventManager(None, {"post_execute": lambda: None}))
    monkeypatch.setattr(loss_module, "get_ipython", lambda: shell)
    live = LossWidget(200)
    for run in range(2):
        for step in range(1, 31 + run):
            live(step, 1.0)
        assert len(points_of(live)) < 30 + run
        shell.events.trigger("post_execute")
        assert len(points_of(live)) == 30 + run
        assert not shell.events.callbacks["post_execute"]


def test_every_message_comes_from_the_thread_that_calls(monkeypatch):
    # ipykernel keeps a socket open for each thread that ever sent; a thousand end the kernel.
    threads = set()
    monkeypatch.setattr(loss_module, "SYNC_SECONDS", 0)
    monkeypatch.setattr(
        LossWidget, "_send", lambda *args, **options: threads.add(threading.current_thread())
    )
    live = LossWidget(100)
    for step in range(1, 60):
        live(step, 1.0)
    time.sleep(0.1)
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("steps", [20_000, 10])  # a training can be longer than was said
def test_calls_are_cheap_and_messages_few(sent, steps):
    live = LossWidget(steps)
    sent.clear()
    begun = time.perf_counter()
    for step in range(1, 20_001):
        live(step, 1 / step)
    took = time.perf_counter() - begun
    curves = [message for message in sent if ["_points"] in message["buffer_paths"]]
    assert took / 20_000 < 20e-6
    assert 1 <= len(curves) <= 20 * took + 2
    live.note("")
    assert len(points_of(live)) <= 2000 and points_of(live)[-1] == [20_000, 1 / 20_000]


def test_a_step_again_starts_a_new_curve():
    live = LossWidget(2)
    live(1, 3.0)
    live(2, math.nan)
    live.note("stopped")
    assert live._line == "step 2: the loss is nan" and live._note == "stopped"
    live(1, 2.0)
    live(2, 1.0)
    assert points_of(live) == [[1, 2.0], [2, 1.0]]
    assert live._line == "step 2 of 2, loss 1.0000" and live._note == ""


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_said_and_never_sent(bad):
    live = LossWidget(200)
    for step in range(1, 60):
        live(step, 2.0 if step < 31 else bad)
    live.note("stopped at step 59")
    assert live._line == f"step 31: the loss is {bad}"
    assert points_of(live)[-1] == [30, 2.0]
    assert twin_of(live).endswith(f"step 31: the loss is {bad}\nstopped at step 59")
    only = LossWidget(200)
    only(1, bad)
    assert only._repr_mimebundle_()[0]["text/plain"] == f"step 1: the loss is {bad}"


@pytest.mark.parametrize("losses", [[0.0, 0.0], [-1.0, 2.0], [1e-30, 1e30], [1.0, 1.0]])
def test_losses_that_a_logarithm_does_not_like(losses):
    live = LossWidget(2)
    for step, loss in enumerate(losses, start=1):
        live(step, loss)
    twin_of(live)


def test_many_threads_lose_no_point():
    live = LossWidget(10_000)
    turn = iter(range(1, 4001))
    lock = threading.Lock()

    def train():
        for _ in range(1000):
            with lock:
                live(next(turn), 1.0)

    threads = [threading.Thread(target=train) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        live.note("meanwhile")
        live._repr_mimebundle_()
    for thread in threads:
        thread.join()
    assert [step for step, _ in live._collected] == list(range(1, 4001))


@pytest.mark.parametrize(
    ("steps", "levels", "says"),
    [
        (0, None, "steps must be a whole number from 1"),
        (2.5, None, "got 2.5"),
        (True, None, "got True"),
        (10, {"zero": 0}, "'zero' must be a finite number above 0"),
        (10, {"x": math.nan}, "got nan"),
    ],
)
def test_bad_curves_are_refused(steps, levels, says):
    with pytest.raises(ValueError, match=says):
        LossWidget(steps, levels=levels)
