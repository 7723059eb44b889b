"""What all live pictures share, on the smallest one; and what all of them send."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import signal
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import torch
import traitlets
from matplotlib.figure import Figure

import mygpt_helpers
from mygpt_helpers import (
    AttentionWidget,
    BPETokenizer,
    CacheCalculatorWidget,
    CacheWidget,
    CallWidget,
    Choice,
    Continuation,
    DistributionWidget,
    DrawWidget,
    GridsWidget,
    HandAttentionWidget,
    LensWidget,
    LikelihoodWidget,
    LossWidget,
    MergesWidget,
    OrderWidget,
    Part,
    PlaygroundWidget,
    Question,
    QuestionWidget,
    RulesWidget,
    SideBySideWidget,
    Step,
    StepsWidget,
    StrategiesWidget,
    StreakWidget,
    StreamWidget,
    Strip,
    StripsWidget,
    TraceWidget,
    TreeWidget,
    WalkWidget,
    beam_search,
    make_grid,
    summarize,
)
from mygpt_helpers.widgets import base
from mygpt_helpers.widgets.base import (
    INTERRUPTED,
    LivePicture,
    Place,
    Shown,
    Slider,
    interrupt_all,
)
from tests.examples.widget import SureWidget
from tests.pictures.test_settings import LEARNERS, learner
from tests.pictures.test_tables import HOSTILE
from tests.widgets.runs import MODEL, RUN, Words
from tests.widgets.wire import VIEW, from_browser, step_of, twin_of


class Square(LivePicture):
    """The square of a number; by a function, so that Python is asked."""

    question = ("x",)
    x = Place().tag(sync=True)
    wide = traitlets.Float(0.5).tag(sync=True)

    def __init__(self, square=lambda x: x * x, draw=Figure, x=1):
        self._square, self._draw = square, draw
        sliders = [
            Slider("the x", "x", ["zero", "one", "two", "three"]),
            Slider("w", "wide", stops=[0, 0.5]),
        ]
        super().__init__(label="square", data={}, sliders=sliders, x=x)

    def answer(self, x):
        return self._square(x), {"square": self._square(x)}

    def shown(self):
        return Shown(f"square: {self._good}", self._draw, {"rows": [["square", self._good]]})


def test_an_attribute_stays_between_its_sliders_stops():
    widget = SureWidget(p=0.95)
    for wrong in (0.5, 1.5, math.nan, "0.9", None):
        with pytest.raises(ValueError, match="p must be a number from 0.9 to 1.0, got"):
            widget.p = wrong
    assert widget.p == 0.95
    with pytest.raises(ValueError, match="p must be"):
        SureWidget(p=2)


def test_one_bundle_of_view_png_and_text():
    widget = Square()
    assert twin_of(widget) == "square: 1"
    from_browser(widget, x=3)
    assert twin_of(widget) == "square: 9"


def test_a_still_that_fails_costs_neither_view_nor_text():
    data, metadata = Square(draw=lambda: 1 / 0)._repr_mimebundle_()
    assert set(data) == {VIEW, "text/plain"} and data["text/plain"] == "square: 1"
    assert "image/png" not in metadata


@pytest.mark.parametrize("name", LEARNERS)
def test_every_kind_is_drawn_the_same_under_any_settings(name, monkeypatch, caplog):
    def drawn():
        return [w._repr_mimebundle_()[0].get("image/png") for w in all_kinds("$text$")]

    usual = drawn()
    assert usual.count(None) == 4, "one whose function fails, and three that are text alone"
    with learner(name, monkeypatch):
        assert drawn() == usual
    assert caplog.messages == []


def test_numbers_are_those_of_the_state_now():
    widget = Square()
    widget.x = 2
    assert widget.numbers() == {
        "title": "",
        "facts": "",
        "note": "",
        "rows": [["square", 4]],
        "sliders": {"the x": "two", "w": 0.5},
    }


def test_a_place_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="x must be a whole number from 0 to 3, got 4"):
        Square(x=4)
    widget = Square()
    for bad in (-1, 4, 0.5, True, None):
        with pytest.raises(ValueError, match="x must be a whole number"):
            widget.x = bad
    assert widget.x == 1


def fails(x):
    raise KeyError("no\nsuch")


def test_what_is_wrong_is_one_line_and_the_last_good_answer_stays():
    widget = Square(lambda x: x * x if x < 3 else fails(x), x=2)
    widget.x = 3
    assert widget._answer == {"square": 4, "error": "KeyError: 'no\\nsuch'", "question": {"x": 3}}
    assert widget.numbers()["note"] == widget._answer["error"]
    data, _ = widget._repr_mimebundle_()
    assert set(data) == {VIEW, "text/plain"} and data["text/plain"] == widget._answer["error"]
    widget.x = 1
    assert widget._answer == {"square": 1, "error": "", "question": {"x": 1}}


def test_an_endless_message_is_cut():
    def endless(x):
        raise ValueError("two\nlines\x00" + "x" * 10_000)

    error = Square(endless)._answer["error"]
    assert error.startswith(r"two lines\x00xxx") and error.endswith("x…") and len(error) <= 410


def test_an_interrupt_is_told_and_passes_on():
    def interrupted(x):
        if x == 2:
            raise KeyboardInterrupt
        return x * x

    widget = Square(interrupted)
    with pytest.raises(KeyboardInterrupt):
        widget.x = 2
    assert "Interrupted" in widget._answer["error"] and widget._answer["square"] == 1
    with pytest.raises(KeyboardInterrupt):
        Square(interrupted, x=2)


def test_an_interrupt_between_cells_is_told_and_a_late_answer_is_dropped():
    may_end, started = threading.Event(), threading.Event()

    def slow(x):
        if x == 2 and not may_end.is_set():
            started.set()
            may_end.wait(10)
        return x * x

    widget = Square(slow)
    beside = threading.Thread(target=lambda: from_browser(widget, x=2))
    beside.start()
    assert started.wait(10)
    interrupt_all()
    told = {"square": 1, "error": INTERRUPTED, "question": {"x": 2}}
    assert widget._answer == told
    may_end.set()
    beside.join(10)
    assert widget._answer == told and widget._good == 1
    interrupt_all()  # nothing runs: nothing is said
    widget.x = 3
    interrupt_all()
    assert widget._answer == {"square": 9, "error": "", "question": {"x": 3}}


@pytest.mark.skipif(sys.platform == "win32", reason="asyncio hears no signals there")
def test_a_kernel_that_would_ignore_interrupts_hears_them(monkeypatch):
    heard, of_cell = [], signal.getsignal(signal.SIGINT)
    loop = asyncio.new_event_loop()
    kernel = SimpleNamespace(
        saved_sigint_handler=signal.SIG_IGN, io_loop=SimpleNamespace(asyncio_loop=loop)
    )
    monkeypatch.setattr(base, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
    monkeypatch.setattr(base, "interrupt_all", lambda: heard.append(1))
    try:
        Square()
        assert signal.getsignal(signal.SIGINT) is of_cell, "a running cell is interrupted as ever"
        signal.signal(signal.SIGINT, kernel.saved_sigint_handler)  # as a kernel does after a cell
        signal.raise_signal(signal.SIGINT)
        # On a thread of its own: a browser's tests leave a loop that runs on this one.
        beside = threading.Thread(target=lambda: loop.run_until_complete(asyncio.sleep(0.05)))
        beside.start()
        beside.join()
        assert heard == [1]
        kernel.saved_sigint_handler = own = signal.default_int_handler
        Square()
        assert kernel.saved_sigint_handler is own, "somebody else's stays"
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.close()
        signal.signal(signal.SIGINT, of_cell)


# A page names its cells, and drops what a cell showed when that runs again.


@pytest.fixture
def run(monkeypatch):
    """Run a cell of a page: show pictures, as its output."""
    runs = itertools.count()

    def run(cell, *pictures):
        now = (cell, f"run {next(runs)}")
        monkeypatch.setattr("mygpt_helpers.widgets.base.running_cell", lambda: now)
        return [picture._repr_mimebundle_()[0][VIEW]["model_id"] for picture in pictures]

    return run


def test_a_cell_that_runs_again_closes_what_it_showed(run):
    first, second, other, later = (Square() for _ in range(4))
    run("a", first, second)
    run("b", other)
    assert first.comm and second.comm
    run("a", later)
    assert not first.comm and not second.comm
    assert other.comm and later.comm


def test_what_is_shown_elsewhere_or_once_more_stays(run):
    kept, also = Square(), Square()
    before = run("a", kept, also, kept)
    run("b", also)
    assert run("a", kept) == [before[0]]
    assert kept.comm and also.comm


def test_a_closed_picture_comes_back_when_it_is_shown(run):
    picture = Square()
    ids = run("a", picture)
    run("a", Square())
    assert not picture.comm
    picture.x = 3
    assert run("b", picture) == ids and twin_of(picture) == "square: 9"
    from_browser(picture, x=2)
    assert picture._answer["square"] == 4


def test_without_a_page_nothing_is_closed():
    one, two = Square(), Square()
    twin_of(one)
    twin_of(two)
    assert one.comm and two.comm


# JupyterLab answers the browser beside a running cell.


def test_a_late_answer_does_not_replace_a_newer_one():
    may_end, started = threading.Event(), threading.Event()

    def slow(x):
        if x == 2:
            started.set()
            may_end.wait(10)
        return x * x

    widget = Square(slow)
    beside = threading.Thread(target=lambda: from_browser(widget, x=2))
    beside.start()
    assert started.wait(10)
    begun = time.perf_counter()
    widget.x = 3  # a cell goes on while the function hangs in the other thread
    assert time.perf_counter() - begun < 5
    may_end.set()
    beside.join(10)
    assert widget._answer == {"square": 9, "error": "", "question": {"x": 3}}
    assert widget._good == 9


def test_many_threads_leave_one_consistent_answer():
    widget = Square()

    def drag():
        for x in [0, 1, 2, 3] * 20:
            widget.x = x

    threads = [threading.Thread(target=drag) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert widget._answer == {"square": widget.x**2, "error": "", "question": {"x": widget.x}}
    assert widget._good == widget.x**2


# What all of them send


def whole(text):
    return text.encode(errors="replace").decode()


def all_kinds(text):
    """Return one picture of each kind, with a text wherever one can stand."""
    about = {"title": text, "facts": text, "row_label": text, "column_label": text}
    grid = make_grid([[math.nan]], [text], [text], **about)
    probs = torch.tensor([1.0])
    distribution = summarize(probs, probs, lambda i: text, title=text)
    loss = LossWidget(3, levels={text: 1}, title=text)
    choices = (Choice(f"{text}1", f"{text}."), Choice(f"{text}2", f"{text}.", right=True))
    loss(1, 2.0)
    loss.note(text)
    step = Step(torch.tensor([0]), probs, probs, probs > 0, 0, None)
    return [
        GridsWidget([grid], {text: [text]}),
        StepsWidget([distribution], label=text),
        StripsWidget([Strip(text, (text,), (None,), text)], [text], label=text, length_label=text),
        AttentionWidget(
            lambda prompt: ([text], torch.ones(1, 1, 1, 1)),
            prompt="",
            num_layers=1,
            num_heads=1,
        ),
        HandAttentionWidget([text], [(1, 0)]),
        LensWidget(probs[None, None], torch.tensor([[0]]), [text], title=text),
        WalkWidget([Part(text, text, probs[None], {text: probs[None]})], [text], opened=True),
        DistributionWidget(probs, [text], title=text),
        DrawWidget(Step(probs[:0].long(), probs, probs, probs > 0, 0, None), [text], title=text),
        StreakWidget(),
        CacheCalculatorWidget(),
        CacheWidget([text] * 3, 2, num_layers=2, num_kv_heads=1, head_dim=4, title=text),
        DistributionWidget(probs, [text], probs_function=lambda z, **k: fails(text), title=text),
        SideBySideWidget([step_of([1.0, 2.0])] * 2, [text] * 2, titles=[text] * 2),
        loss,
        RulesWidget(step, [text], title=text),
        OrderWidget(step, [text], title=text),
        QuestionWidget(Question("77.x", f"{text}?", choices), choice=1, note=text),
        TraceWidget(RUN, [text] * 5, title=text),
        LikelihoodWidget(RUN, [text] * 5, title=text),
        PlaygroundWidget(MODEL, Words([text] * 5), prompt=text, max_new_tokens=3),
        StreamWidget(lambda prompt, stop: iter([text]), prompt=text),
        CallWidget(lambda **k: text, {text: [text, 1]}, code=f"{text}()", start={text: text}),
        TreeWidget(beam_search(MODEL, RUN[0].ids[None], 2, 2), [text] * 5, title=text),
        MergesWidget(BPETokenizer.train("abab", 258), whole(text), merges=1, title=text),
        StrategiesWidget([Continuation(text, 7, probs.long(), -1.0, 0.5)], lambda ids: text),
    ]


def without_bytes(value):
    if isinstance(value, dict):
        return {k: without_bytes(v) for k, v in value.items() if not isinstance(v, bytes)}
    return [*map(without_bytes, value)] if isinstance(value, list | tuple) else value


def test_these_are_all_kinds():
    kinds = {name for name in mygpt_helpers.__all__ if name.endswith("Widget")}
    assert {type(widget).__name__ for widget in all_kinds("text")} == kinds


@pytest.mark.filterwarnings("error")
def test_all_kinds_print_as_their_text():
    for widget in all_kinds("text"):
        twin = widget._repr_mimebundle_()[0]["text/plain"]
        assert twin and str(widget) == repr(widget) == f"{widget}" == twin
    widget = Square(square=lambda x: 1 / (x - 2), x=2)
    assert str(widget) == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_sent_survives_json_and_utf8(text):
    for widget in all_kinds(text):
        state = without_bytes({k: v for k, v in widget.get_state().items() if k != "layout"})
        json.dumps(state, ensure_ascii=False, allow_nan=False).encode("utf-8")
        widget.numbers()
        repr(widget).encode("utf-8")  # the text twin; drawing the stills takes long
