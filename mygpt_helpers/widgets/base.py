"""What all live pictures share. First used in lesson 01.

A live picture is its data, its drawing in the browser and its still; StepsWidget is a whole one.
The rest is here and in parts.js: sliders, the MIME bundle, and the question to the kernel where the
browser cannot compute.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets
from IPython import get_ipython
from matplotlib.figure import Figure

from ..checks import checked_count, checked_number, plain
from ..console import running_cell
from ..errors import InputError
from ..pictures.base import LABEL_CHARS, bundle
from ..pictures.tables import visible, visible_title
from .inputs import checked_stops

HERE = Path(__file__).parent
SHARED = ("parts", "enlarge")  # of every picture
INTERRUPTED = "Interrupted before your function returned."
NO_ROW = "index out of range in self"  # torch's word for an embedding that has no such row
_shown: dict[str, tuple[str, set[LivePicture]]] = {}  # cell: its last run, and what that showed
at_work: set[LivePicture] = set()  # those for which Python computes now


def browser_code(*names: str) -> str:
    """Return a picture's ES module: the shared parts, then the named files, its own the last."""
    return "".join((HERE / f"{name}.js").read_text("utf-8") for name in (*SHARED, *names))


def _hear_interrupts() -> None:
    """Have Kernel > Interrupt end the work of pictures, too; between cells a kernel ignores it."""
    kernel = getattr(get_ipython(), "kernel", None)
    if getattr(kernel, "saved_sigint_handler", None) != signal.SIG_IGN:
        return  # no kernel, or somebody hears them already
    if threading.current_thread() is threading.main_thread():
        of_cell = signal.getsignal(signal.SIGINT)
        with contextlib.suppress(NotImplementedError):  # on Windows
            kernel.io_loop.asyncio_loop.add_signal_handler(signal.SIGINT, interrupt_all)
            kernel.saved_sigint_handler = signal.signal(signal.SIGINT, of_cell)


def interrupt_all() -> None:
    """Interrupt each picture for which Python computes now."""
    for picture in [*at_work]:
        picture.interrupt()


@dataclass(frozen=True)
class Slider:
    """A slider beside its name, for the attribute `trait`; give it either texts or stops."""

    name: str
    trait: str
    texts: Sequence[str] = ()  # what its places are called; the attribute is 0, 1, 2 ...
    stops: Sequence[float] = ()  # the attribute's values, ascending
    item: int | None = None  # which entry of the attribute, where that is a tuple
    spoken: Sequence[str] = ()  # what a screen reader says, where that is more than the texts
    digits: int | None = None  # behind a stop's point, where all have as many
    off: tuple[float, str] | tuple[()] = ()  # the stop that changes nothing, and what to add there

    def sent(self) -> dict[str, Any]:
        """Return what the browser needs, or raise ValueError for texts that are no strings."""
        texts = () if len(self.stops) else checked_stops(self.name, self.texts)
        stops = [*map(plain, self.stops)] if len(self.stops) else [*range(len(texts))]
        shown = [visible_title(text, 40) for text in texts]
        return vars(self) | {"name": visible_title(self.name), "texts": shown, "stops": stops}


def _stops_of(trait: traitlets.TraitType, picture: LivePicture, value: float) -> Sequence[float]:
    """Return the stops of an attribute's slider; one that has none may be any number."""
    return next((s["stops"] for s in picture._sliders if s["trait"] == trait.name), [value])


class Place(traitlets.Int):
    """An attribute that is one of its slider's stops, all whole numbers that lie side by side."""

    def validate(self, obj: LivePicture, value: int) -> int:
        """Return the place as a plain number, or raise ValueError."""
        stops = _stops_of(self, obj, value)
        return checked_count(self.name, value, first=stops[0], last=stops[-1])


class Level(traitlets.Float):
    """An attribute that is a number from its slider's first stop to its last."""

    def validate(self, obj: LivePicture, value: float) -> float:
        """Return the number, or raise ValueError."""
        stops = _stops_of(self, obj, value)
        expected = f"a number from {stops[0]} to {stops[-1]}"
        number = checked_number(self.name, value, expected)
        if not stops[0] <= number <= stops[-1]:
            raise InputError(f"{self.name} must be {expected}, got {value!r}.")
        return number


class Shown(NamedTuple):
    """What a picture shows in one state."""

    text: str  # the text twin
    draw: Callable[[], Figure] | None  # the still; None where there is nothing to draw
    # What the page says, as data: title, a text; facts, a text or the numbers in it; rows, of the
    # table, each the texts and numbers of its cells, or of a curve, the number of its points.
    page: dict[str, Any]


class LivePicture(anywidget.AnyWidget):
    """A picture that moves in the browser, with a still and a text twin of its state.

    A kind of picture sets `_esm` and defines `shown()`, which returns what it shows now as Shown.
    What the browser needs is in `_data` and in attributes tagged sync, so that a saved notebook
    moves without a kernel. Where the kernel has to compute, `question` names the attributes that it
    computes from; `answer(**question)` returns the answer twice, for Python and for the browser, or
    raises what is then said below the last good picture.
    """

    _css = HERE / "live.css"
    question: tuple[str, ...] = ()

    _label = traitlets.Unicode().tag(sync=True)  # the picture's name, for a screen reader
    _shown_in = traitlets.List(["", ""]).tag(sync=True)  # the cell that shows it, and its run
    _sliders = traitlets.List().tag(sync=True)
    _data = traitlets.Dict().tag(sync=True)  # what never changes
    # The last good answer as the browser shows it, the question that was asked last, and what was
    # wrong with that ("error", or "").
    _answer = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        *,
        label: str,
        data: dict[str, Any],
        sliders: Sequence[Slider] = (),
        **state: Any,  # noqa: ANN401
    ) -> None:
        """Send the picture to the browser; state: where its attributes start."""
        self._lock, self._asked, self._answered = threading.RLock(), 0, 0
        self._good: Any = None  # the last good answer, as Python keeps it
        fixed = {"_label": visible_title(label), "_data": data}
        super().__init__(_sliders=[slider.sent() for slider in sliders], **fixed, **state)
        _hear_interrupts()
        if self.question:
            self._answer_browser()
            self.observe(lambda change: self._answer_browser(), names=list(self.question))

    def numbers(self) -> dict[str, Any]:
        """Return what the page must say now, as data: Shown.page, a note, and the sliders.

        sliders: {name: its text, or its number}. One browser test compares every kind of picture
        with this.
        """
        sliders = {}
        for slider in self._sliders:
            place = getattr(self, slider["trait"])
            place = place if slider["item"] is None else place[slider["item"]]
            sliders[slider["name"]] = slider["texts"][place] if slider["texts"] else place
        empty = {"title": "", "facts": "", "rows": [], "note": self._answer.get("error", "")}
        return empty | self.shown().page | {"sliders": sliders}

    def __repr__(self) -> str:
        return self._answer.get("error") or self.shown().text

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return one bundle: the live view, and for where it cannot run, a PNG and the text."""
        self.open()  # again, if it was closed
        self._take_over()
        data, metadata = super()._repr_mimebundle_(**kwargs)
        if self._answer.get("error"):
            return data | {"text/plain": self._answer["error"]}, metadata
        text, draw, _ = self.shown()
        picture, about = bundle(draw, text) if draw else ({"text/plain": text}, {})
        return data | picture, metadata | about

    def _take_over(self) -> None:
        """Close what an earlier run of this cell showed: it is on no page, and would be saved."""
        cell, run = running_cell()
        self._shown_in = [cell, run]
        last_run, pictures = _shown.get(cell, ("", set()))
        if run == last_run:
            pictures.add(self)
            return
        _shown[cell] = (run, {self})
        for picture in pictures.difference(*(others for _, others in _shown.values())):
            picture.close()

    def close(self) -> None:
        """Take the picture from every page; shown again, it is there again."""
        super().close()
        vars(self).pop("_repr_mimebundle_", None)  # ipywidgets' close makes it None

    def _answer_browser(self) -> None:
        """Send the answer for the state as it is now, or the one line that says what is wrong.

        JupyterLab calls this on a thread of its own, perhaps while a cell sets an attribute. So no
        lock is held while the learner's function runs (it may never return), and an answer that was
        overtaken by a later one is dropped.
        """
        with self._lock:
            self._asked += 1
            number = self._asked
            question = {name: getattr(self, name) for name in self.question}
        good, sent = None, {"error": INTERRUPTED}
        at_work.add(self)
        try:
            good, sent = self.answer(**question)
        except Exception as error:
            sent = {"error": said(error)}
        finally:  # an interrupt is told, too, and goes on to whom it is meant for
            at_work.discard(self)
            with self._lock:
                if number > self._answered:
                    self._answered = number
                    # After a failure the last good answer stays in the picture.
                    self._good = self._good if good is None else good
                    self._answer = {**self._answer, "error": "", **sent, "question": question}

    def interrupt(self) -> None:
        """Say that the work was interrupted, and drop what still comes of it."""
        with self._lock:
            self._answered = self._asked
            question = {name: getattr(self, name) for name in self.question}
            self._answer = {**self._answer, "error": INTERRUPTED, "question": question}


def said(error: Exception) -> str:
    """Return what an exception says, on one line; its kind too where that is part of the news."""
    text = " ".join(str(error).split())
    if text == NO_ROW:
        text += ": an id beyond the vocabulary, or a text longer than the model's context"
    if not isinstance(error, ValueError) or not text:
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return visible_title(text, 400)


def shown_labels(labels: Sequence[str]) -> list[list[str]]:
    """Return [short, whole] for each token's text, made visible."""
    return [[visible(text, LABEL_CHARS), visible(text, 1000)] for text in labels]
