"""The course's own errors: one clear message each. Used in every lesson."""

from __future__ import annotations

import linecache
import sysconfig
import textwrap
import traceback
from pathlib import Path

WIDTH = 96  # a longer line would be broken in the middle of a word
# Code that the learner did not write: Python's, the libraries' and ours.
_NOT_THEIRS = (
    str(Path(__file__).parent),
    *{sysconfig.get_path(key) for key in ("stdlib", "purelib", "platlib")},
    "<frozen",
)


class PlainError(Exception):
    """An error whose message says all.

    IPython shows the message and the learner's own line, not the way through everybody's code.
    """

    def _render_traceback_(self, *_: object) -> list[str]:
        message = textwrap.wrap(
            f"{type(self).__name__}: {self}",
            WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        return [*message, *own_line(self)]


class InputError(PlainError, ValueError):
    """An argument that cannot be used: what was given, what is expected, what to do."""


# It is a ValueError, and the learner meets it as one.
InputError.__name__, InputError.__qualname__, InputError.__module__ = ("ValueError",) * 2 + (
    "builtins",
)


class PromptError(InputError):
    """A prompt that no model can continue; the message says why and what to do."""


class CheckpointError(PlainError, RuntimeError):
    """No model can be had from there; the message says why and what mends it."""


def own_line(error: BaseException) -> list[str]:
    """Return which line of the learner's code led to the error, if one did: one line or none."""
    frames = [
        (frame.f_code, line, frame.f_globals)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(_NOT_THEIRS)
    ]
    if not frames:
        return []
    code, line, names = frames[-1]
    source = linecache.getline(code.co_filename, line, names).strip()
    where = "your cell" if code.co_name == "<module>" else code.co_name
    number = line - code.co_firstlineno + 1
    return [f"  line {number} of {where}: {source}"] if source else []
