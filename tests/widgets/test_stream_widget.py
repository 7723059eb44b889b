"""A text that streams: its pieces, its end, its stop; everything that a learner's own may do."""

from __future__ import annotations

import threading
import time

import pytest

from mygpt_helpers import StreamWidget
from mygpt_helpers.widgets.base import interrupt_all
from tests.widgets.wire import from_browser


def words(prompt, stop):
    for word in prompt.split():
        if stop.is_set():
            return
        yield word + " "
    return "ended by itself"


def wait(widget):
    until = time.monotonic() + 5
    while widget._answer["running"] and time.monotonic() < until:
        time.sleep(0.005)
    assert not widget._answer["running"]
    return widget._answer


def press(widget, prompt=None):
    state = {} if prompt is None else {"prompt": prompt}
    from_browser(widget, **state, _clicks=widget._clicks + 1)


def test_the_text_comes_and_is_said_to_be_whole():
    widget = StreamWidget(words, prompt="I love AI !")
    assert "(press write)" in str(widget) and "I love AI !" in str(widget)
    press(widget)
    now = wait(widget)
    assert now["text"] == "I love AI ! " and now["said"] == "ended by itself"
    assert now["line"].startswith("4 pieces in ")
    press(widget, "another")
    assert wait(widget)["text"] == "another "
    assert widget.numbers()["rows"] == [["written", "another "]]


def test_an_empty_piece_is_no_first_one():
    def late(prompt, stop):
        yield ""
        time.sleep(0.2)
        yield "a"

    widget = StreamWidget(late, prompt="x")
    press(widget)
    line = wait(widget)["line"]
    assert line.startswith("1 piece in ")
    assert float(line.split()[-2]) >= 0.2, line


@pytest.fixture
def gated():
    """A stream that writes one piece for each permit, and counts those it wrote."""
    permits = threading.Semaphore(0)
    written = []

    def stream(prompt, stop):
        for number in range(1000):
            permits.acquire(timeout=5)
            if stop.is_set():
                return
            written.append(number)
            yield f"{number} "

    yield stream, permits, written


def until(condition):
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    assert condition()


def test_a_second_click_says_so_and_loses_nothing(gated):
    stream, permits, written = gated
    widget = StreamWidget(stream, prompt="x")
    press(widget)
    permits.release(2)
    until(lambda: widget._answer["text"].startswith("0 "))
    press(widget, "y")
    assert widget._answer["said"] == "One text at a time: press stop first."
    assert widget._answer["question"]["_clicks"] == 2, "the page is not left waiting"
    from_browser(widget, _stops=1)
    permits.release(5)
    assert wait(widget)["said"] == "Stopped."
    assert widget._answer["text"] == "".join(f"{n} " for n in written)


def test_stop_ends_it_within_one_piece(gated):
    stream, permits, written = gated
    widget = StreamWidget(stream, prompt="x")
    press(widget)
    permits.release(3)
    until(lambda: len(written) == 3)
    from_browser(widget, _stops=1)
    permits.release(100)
    assert wait(widget)["said"] == "Stopped." and len(written) <= 4
    assert widget._answer["text"] == "".join(f"{n} " for n in written)


def test_an_interrupt_is_a_stop_that_says_so(gated):
    stream, permits, _ = gated
    widget = StreamWidget(stream, prompt="x")
    press(widget)
    permits.release(2)
    until(lambda: widget._answer["text"].startswith("0 "))
    interrupt_all()
    permits.release(9)
    assert wait(widget)["said"] == "Interrupted."
    interrupt_all()
    assert widget._answer["said"] == "Interrupted."
    press(widget)
    from_browser(widget, _stops=1)
    permits.release(9)
    assert wait(widget)["said"] == "Stopped."


def test_a_function_that_never_looks_at_stop_is_left():
    left = threading.Event()

    def endless(prompt, stop):
        try:
            while True:
                yield "on "
                time.sleep(0.002)
        finally:
            left.set()

    kept = []  # or it would be closed because nobody knows it any more
    widget = StreamWidget(lambda *given: kept.append(endless(*given)) or kept[-1], prompt="x")
    press(widget)
    until(lambda: widget._answer["text"])
    from_browser(widget, _stops=1)
    assert "let it look at stop" in wait(widget)["said"] and left.is_set()
    press(widget)
    widget.close()
    until(lambda: not widget._running)


def test_half_a_character_becomes_one_that_can_be_sent():
    widget = StreamWidget(lambda prompt, stop: iter(["a\ud83d"]), prompt="x")
    press(widget)
    assert wait(widget)["text"] == "a?"


def test_a_text_without_end_is_bounded():
    widget = StreamWidget(lambda prompt, stop: iter(lambda: "x" * 999, ""), prompt="x")
    press(widget)
    assert len(wait(widget)["text"]) < 30_000


def fails(prompt, stop):
    yield "so far "
    raise KeyError("no\nsuch")


def interrupted(prompt, stop):
    yield "so far "
    raise KeyboardInterrupt


def numbers(prompt, stop):
    yield "so far "
    yield 7


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (fails, r"KeyError: 'no\nsuch'"),
        (interrupted, "KeyboardInterrupt"),
        (numbers, "stream must yield texts, got int."),
    ],
)
def test_what_goes_wrong_is_said_and_the_text_so_far_stays(stream, said):
    widget = StreamWidget(stream, prompt="x")
    press(widget)
    now = wait(widget)
    assert now["said"] == said and now["text"] == "so far "
    press(widget)
    assert wait(widget)["said"] == said, "it can be tried again"


def test_a_function_that_yields_nothing_at_all_is_told():
    widget = StreamWidget(lambda prompt, stop: None, prompt="x")
    press(widget)
    assert "TypeError" in wait(widget)["said"]


def test_all_texts_come_from_one_thread():
    seen = set()

    def stream(prompt, stop):
        seen.add(threading.get_ident())
        yield "x"

    widget = StreamWidget(stream, prompt="x")
    for _ in range(5):
        press(widget)
        wait(widget)
    assert len(seen) == 1


@pytest.mark.parametrize("given", [None, "text", 3])
def test_what_is_no_function_is_refused(given):
    with pytest.raises(ValueError, match="stream must be a function of .prompt, stop."):
        StreamWidget(given, prompt="x")
    with pytest.raises(ValueError, match="prompt must be a string, got int"):
        StreamWidget(words, prompt=3)
