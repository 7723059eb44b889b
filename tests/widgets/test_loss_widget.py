"""The live loss curve without a browser."""

from __future__ import annotations

import math
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from IPython.core.events import EventManager

from mygpt_helpers import LossWidget
from mygpt_helpers.widgets import loss as loss_module
from tests.widgets.wire import VIEW, twin_of


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


def test_a_held_out_curve_stands_beside_it():
    live = LossWidget(4)
    for step, loss in enumerate([1.6, 0.8, 0.4, 0.2], start=1):
        live(step, loss)
        if step % 2 == 0:
            live.held_out(step, loss + 0.5)
    assert np.frombuffer(live._held_out, "<f8").tolist() == [2, 1.3, 4, 0.7]
    assert live._line == "step 4 of 4, loss 0.2000, held-out 0.7000"
    assert "  loss: 1: 1.6, 2: 0.8, 3: 0.4, 4: 0.2\n  held-out: 2: 1.3, 4: 0.7\n" in twin_of(live)
    shown = live.shown()
    assert shown.page["rows"] == [["4 points"], ["2 points"]]
    second = shown.draw().axes[0].lines[1]
    assert np.isnan(second.get_ydata()[0]) and second.get_ydata()[2] == pytest.approx(1.0)
    live.held_out(4, 0.6)  # evaluated once more: it replaces
    live(1, 3.0)
    live.note("")  # sends what waits
    assert live._held_out == b"" and "held-out" not in live._line
    with pytest.raises(ValueError, match="loss must be a number"):
        live.held_out(2, None)


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
def test_many_calls_make_few_messages(sent, steps):
    live = LossWidget(steps)
    sent.clear()
    begun = time.perf_counter()
    for step in range(1, 20_001):
        live(step, 1 / step)
    took = time.perf_counter() - begun
    curves = [message for message in sent if ["_points"] in message["buffer_paths"]]
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
