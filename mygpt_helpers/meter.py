"""Where a training stands, as a line for a person. Used by training and the command line."""

from __future__ import annotations

import shutil
import sys
import time
from datetime import timedelta
from typing import Self

from .record import Record

PLAIN_EVERY = 10  # seconds between two lines of a log


class Progress:
    """One line on a terminal, written over and over; elsewhere nothing, or lines for a log.

    record, steps: what train fills, and up to where. tokens: those of one step. wanted: whether
    this process is the one to write. log: write whole lines where there is no terminal, one every
    ten seconds, at each held-out loss, and at the last step.
    """

    def __init__(
        self, record: Record, steps: int, tokens: int, *, wanted: bool = True, log: bool = False
    ) -> None:
        """Begin to count the time."""
        self.record, self.steps, self.tokens = record, steps, tokens
        self.begin, self.done = time.monotonic(), len(record.losses)
        self.is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self.wanted = wanted and sys.stderr is not None and (log or self.is_terminal)
        self.shown, self.next = False, self.begin + (0.5 if self.is_terminal else 0)

    def __call__(self, step: int, loss: float) -> None:
        """Write the line, if it is time."""
        if not self.wanted:
            return
        now, is_last = time.monotonic(), step == self.steps
        if self.is_terminal and (now >= self.next or (self.shown and is_last)):
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r{self.line(step, loss, now):{width}.{width}}")
            sys.stderr.flush()
            self.next, self.shown = now + 0.2, True
        elif not self.is_terminal and (now >= self.next or is_last or step in self.record.held_out):
            print(self.line(step, loss, now), file=sys.stderr, flush=True)
            self.next = now + PLAIN_EVERY

    def line(self, step: int, loss: float, now: float) -> str:
        """Return the losses, the speed and the time left, at a time of time.monotonic()."""
        parts = [f"step {step} of {self.steps}", f"loss {loss:.4f}"]
        if self.record.held_out:
            parts.append(f"held-out {[*self.record.held_out.values()][-1]:.4f}")
        speed = (step - self.done) / max(now - self.begin, 1e-9)  # steps a second
        left = timedelta(seconds=round((self.steps - step) / speed))
        parts += [f"{speed * self.tokens:,.0f} tokens/s", f"{left} left"]
        return ", ".join(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the line, if one was written."""
        if self.shown:
            sys.stderr.write("\n")
