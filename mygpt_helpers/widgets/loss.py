"""A loss curve that grows while the training runs. First used in lesson 11."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import numpy as np
import traitlets
from IPython import get_ipython

from ..checks import checked_count, checked_number
from ..errors import InputError
from ..pictures.curves import named_places, show_curves
from ..pictures.tables import visible_title
from .base import LivePicture, Shown, browser_code

SYNC_SECONDS = 0.05  # the eye follows no more than 20 pictures a second
MAX_POINTS = 2000  # more than there are pixels


class LossWidget(LivePicture):
    """A live loss curve over `steps` steps; call it as live(step, loss) after each.

    steps: how many there will be, x runs from 1 to it. levels: named losses to compare with, drawn
    as dotted lines, such as {"log 4": 1.386}. A call collects the point and returns; the browser
    hears of it at most 20 times a second, at the last step, and when the cell ends, however it
    does. live.held_out(step, loss) draws a second curve. A step no larger than the one before
    begins anew, so that the training cell can be run again. Raises ValueError for steps below 1,
    and for a level that is not a finite number above 0. Used from lesson 11 on.
    """

    _esm = browser_code("chart", "loss")

    _points = traitlets.Bytes().tag(sync=True)  # (N, 2) float64: step, loss; finite, thinned out
    _held_out = traitlets.Bytes().tag(sync=True)  # the same, of text that is not learned from
    _line = traitlets.Unicode().tag(sync=True)
    _note = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, steps: int, *, levels: Mapping[str, float] | None = None, title: str = "loss"
    ) -> None:
        """Begin with an empty curve."""
        self._last_step = checked_count("steps", steps)
        self._levels, shown_levels = dict(levels or {}), named_places(levels)
        for name, level in shown_levels:
            if level <= 0:
                raise InputError(
                    f"the level {name!r} must be a finite number above 0, got {level}."
                )
        self._collected: list[tuple[int, float]] = []
        self._others: list[tuple[int, float]] = []  # of the held-out text
        self._told, self._waiting = 0.0, False  # when; whether the end of the cell is awaited
        self._bad = ""  # "step 31: the loss is nan", of the first such step
        self._title = visible_title(title)
        data = {"steps": self._last_step, "title": self._title, "levels": shown_levels}
        super().__init__(label=title or "loss", data=data)

    def __call__(self, step: int, loss: float) -> None:
        """Add a point; from any thread, and cheap enough to call after every step.

        Raises ValueError for a step that is no whole number, and for a loss that is no number;
        nan and infinity are, and the line below the curve tells of the first one.
        """
        step = checked_count("step", step, first=0)
        loss = checked_number("loss", loss, "a number", finite=False)
        with self._lock:
            if self._collected and step <= self._collected[-1][0]:
                self._collected, self._others, self._bad, self._note = [], [], "", ""
            self._collected.append((step, loss))
            if not self._bad and not math.isfinite(loss):
                self._bad = f"step {step:,}: the loss is {loss}"
            if step == self._last_step or time.monotonic() - self._told >= SYNC_SECONDS:
                self._tell_browser()
            elif not self._waiting:
                self._await_end_of_cell()

    def held_out(self, step: int, loss: float) -> None:
        """Add a point to the held-out curve; what train calls as on_held_out. Used in lesson 13.

        Raises ValueError for a step that is no whole number, and for a loss that is no number.
        """
        step = checked_count("step", step, first=0)
        loss = checked_number("loss", loss, "a number", finite=False)
        with self._lock:
            self._others = [point for point in self._others if point[0] < step] + [(step, loss)]
            self._tell_browser()

    def note(self, text: str) -> None:
        """Show one line below the curve, such as "stopped at step 120"; a new curve removes it."""
        with self._lock:
            self._note = visible_title(text, 200)
            self._tell_browser()

    def _await_end_of_cell(self) -> None:
        """Have the last points sent when the cell ends: a training may stop at any step.

        No timer does it, since each thread that sends a message leaves a socket open in the kernel.
        """
        self._waiting = True
        shell = get_ipython()
        if shell is not None:
            shell.events.register("post_execute", self._at_end_of_cell)

    def _at_end_of_cell(self) -> None:
        get_ipython().events.unregister("post_execute", self._at_end_of_cell)
        self._waiting = False
        self._tell_browser()

    def _tell_browser(self) -> None:
        """Send what was collected, thinned out."""
        with self._lock:
            with self.hold_sync():
                self._points = np.array(_thinned(self._collected), dtype="<f8").tobytes()
                self._held_out = np.array(_thinned(self._others), dtype="<f8").tobytes()
                self._line = self._said()
            self._told = time.monotonic()

    def _said(self) -> str:
        """Return the line below the curve."""
        if self._bad or not self._collected:
            return self._bad
        step, loss = self._collected[-1]
        other = f", held-out {self._others[-1][1]:.4f}" if self._others else ""
        return f"step {step:,} of {self._last_step:,}, loss {loss:.4f}{other}"

    def shown(self) -> Shown:
        """Return what is shown of the curve so far."""
        with self._lock:
            points, others = _thinned(self._collected), _thinned(self._others)
            told = [self._said(), self._note]
            line = self._line or f"waiting for the first of {self._last_step:,} steps"
            drawn = [len(sent) // 16 for sent in (self._points, self._held_out)]
        page = {"title": self._title, "facts": line, "note": told[1]}
        under = [line for line in told if line]
        if not points:
            waiting = f"loss curve, drawn live while the training runs: {self._last_step:,} steps"
            return Shown("\n".join(under) or waiting, None, page)
        x, y = zip(*points, strict=True)
        page["rows"] = [[f"{count} points"] for count in drawn if count]
        named = {"x_label": "step", "y_label": "loss", "title": self._title, "digits": 4}
        named |= {"log_y": max(y) > 0, "levels": self._levels}
        text = show_curves(x, {"loss": y}, **named).text
        curves = {"loss": y}
        if others:
            at, losses = zip(*others, strict=True)
            curves["held-out"] = np.interp(x, at, losses, math.nan, math.nan)
            chosen = sorted({round(i * (len(others) - 1) / 6) for i in range(7)})
            said = ", ".join(f"{at[i]}: {losses[i]:.4g}" for i in chosen)
            text += f"\n  held-out: {said}"
        return Shown(
            "\n".join([text, *under]), lambda: show_curves(x, curves, **named).figure, page
        )


def _thinned(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return at most MAX_POINTS finite points, evenly chosen, the last one among them."""
    finite = [point for point in points if math.isfinite(point[1])]
    stride = -(-len(finite) // MAX_POINTS) or 1
    return finite[::-stride][::-1]
