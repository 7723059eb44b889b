"""A text that appears while it is written, with a button that stops it. First used in lesson 08."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import traitlets

from ..checks import checked_text, kind_of
from ..errors import InputError
from ..pictures.tables import visible_title
from .base import LivePicture, Shown, at_work, browser_code, said

TITLE = "A text that streams"
SYNC_SECONDS = 0.03  # less than a token takes; a faster function is shown in larger pieces
MOST_CHARS = 20_000
MORE_PIECES = 3  # what may still come from a function that was told to stop
BUSY = "One text at a time: press stop first."


class StreamWidget(LivePicture):
    """A prompt, a button that has it continued, and one that stops; the text appears as it comes.

    stream: the learner's own; called as stream(prompt, stop), it yields pieces of text. stop: a
    threading.Event, set when the text is to end, as by Kernel > Interrupt; a function that does not
    look at it is left after 3 more pieces. What it returns, if anything, is said below the text;
    what it raises, too, and the text so far stays. `prompt` is an attribute. Raises ValueError for
    a stream that cannot be called. Used from lesson 08 on.
    """

    _esm = browser_code("stream")

    prompt = traitlets.Unicode().tag(sync=True)
    _clicks = traitlets.Int(0).tag(sync=True)  # how often a text was asked for
    _stops = traitlets.Int(0).tag(sync=True)  # how often it was to stop

    def __init__(
        self, stream: Callable[[str, threading.Event], Iterator[str]], *, prompt: str
    ) -> None:
        """Show the prompt; nothing is written before the button is pressed."""
        self._stop = threading.Event()
        if not callable(stream):
            raise InputError(
                f"stream must be a function of (prompt, stop) that yields texts, "
                f"got {kind_of(stream)}."
            )
        self._stream = stream
        self._jobs: queue.SimpleQueue[tuple[str, threading.Event]] | None = None
        self._text = self._line = self._said = self._ending = ""
        self._running, self._told = False, 0.0
        prompt = _whole(checked_text("prompt", prompt))
        super().__init__(label=TITLE, data={"title": TITLE}, prompt=prompt)
        self._tell()
        self.observe(lambda change: self._begin(), names="_clicks")
        self.observe(lambda change: self._halt(), names="_stops")

    def _begin(self) -> None:
        """Have the prompt continued, by a thread of our own: this one has to hear of the stop."""
        with self._lock:
            if self._running:
                self._said = BUSY
            else:
                self._running, self._stop = True, threading.Event()
                self._text = self._line = self._said = ""
                self._ending = "Stopped."
                at_work.add(self)
                if self._jobs is None:
                    # One thread for all texts: each that sends leaves a socket open in the kernel.
                    self._jobs = queue.SimpleQueue()
                    threading.Thread(target=self._work, args=[self._jobs], daemon=True).start()
                self._jobs.put((self.prompt, self._stop))
            self._tell()

    def _halt(self) -> None:
        with self._lock:
            self._stop.set()
            self._tell()

    def interrupt(self) -> None:
        """Stop the text, and say why; see LivePicture."""
        self._ending = "Interrupted."
        self._halt()

    def close(self) -> None:
        """End the text, too: nobody would see it."""
        self._stop.set()
        super().close()

    def _work(self, jobs: queue.SimpleQueue) -> None:
        while True:
            prompt, stop = jobs.get()
            start, note = time.monotonic(), ""
            try:
                note = self._write(prompt, stop, start)
            except BaseException as error:  # an exit or an interrupt in it ends the text alone
                note = said(error)
            with self._lock:
                at_work.discard(self)
                self._running = False
                self._said = visible_title(note, 400)
                self._tell()

    def _write(self, prompt: str, stop: threading.Event, start: float) -> str:
        """Show the pieces as they come; return what is to be said at the end."""
        pieces, first, late = iter(self._stream(prompt, stop)), 0.0, 0
        count = 0
        while late <= MORE_PIECES:
            try:
                piece = next(pieces)
            except StopIteration as end:
                note = "" if end.value is None else str(end.value)
                return self._ending if stop.is_set() else note
            if not isinstance(piece, str):
                raise InputError(f"stream must yield texts, got {kind_of(piece)}.")
            now = time.monotonic()
            count += bool(piece)
            first = first or bool(piece) * (now - start)
            late += stop.is_set()
            with self._lock:
                self._text += _whole(piece)
                many = f"{count} piece{'s' * (count != 1)}"
                self._line = f"{many} in {now - start:.1f} s, the first after {first:.2f} s"
                if count == 1 or now - self._told >= SYNC_SECONDS:
                    self._tell()
            if len(self._text) > MOST_CHARS:
                stop.set()
        if hasattr(pieces, "close"):
            pieces.close()
        return f"{self._ending} The function went on after that: let it look at stop."

    def _tell(self) -> None:
        """Send all that the page shows, as the answer to the clicks so far."""
        self._told = time.monotonic()
        self._answer = {
            "text": self._text,
            "line": self._line,
            "said": self._said,
            "running": self._running,
            "error": "",
            "question": {"_clicks": self._clicks, "_stops": self._stops},
        }

    def shown(self) -> Shown:
        """Return the prompt, and what was written so far."""
        now: dict[str, Any] = self._answer
        text = now["text"] or "(press write)"
        lines = [TITLE, f"  prompt   {visible_title(self.prompt)}", f"  written  {text}"]
        page = {"title": TITLE, "facts": now["line"], "rows": [["written", now["text"]]]}
        return Shown("\n".join(lines), None, page | {"note": now["said"]})


def _whole(text: str) -> str:
    """Return a text that can be sent: half a character becomes a question mark."""
    return text.encode(errors="replace").decode()
