"""The course's own errors: one clear message each. Used in every lesson."""

from __future__ import annotations

import linecache
import sysconfig
import textwrap
import traceback
from collections.abc import Callable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from types import FrameType

WIDTH = 96  # a longer line would be broken in the middle of a word
# What the course uses, known even where it came without metadata.
_USED = {"torch", "numpy", "matplotlib", "transformers", "tokenizers", "safetensors", "accelerate"}
_USED |= {"huggingface_hub", "IPython", "ipykernel", "traitlets", "anywidget", "ipywidgets"}
_LIBRARIES = {"site-packages", "dist-packages"}
_PYTHONS_OWN = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "<frozen")


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

    def __reduce__(self) -> tuple[Callable[..., InputError], tuple[object, ...]]:
        # By the name below, another process would take it for Python's own ValueError.
        return (_input_error if type(self) is InputError else type(self)), self.args


def _input_error(message: str) -> InputError:
    return InputError(message)


# It is a ValueError, and the learner meets it as one.
InputError.__name__ = InputError.__qualname__ = "ValueError"
InputError.__module__ = "builtins"


class PromptError(InputError):
    """A prompt that no model can continue; the message says why and what to do."""


class CheckpointError(PlainError, RuntimeError):
    """No model can be had from there; the message says why and what mends it."""


def own_line(error: BaseException) -> list[str]:
    """Return which line of the learner's code led to the error, if one did: one line or none."""
    frames = [f for f in traceback.walk_tb(error.__traceback__) if _is_theirs(f[0])]
    for frame, line in reversed(frames):  # made code has no source: who called it, then
        code = frame.f_code
        source = linecache.getline(code.co_filename, line, frame.f_globals).strip()
        if source:
            where = "your cell" if code.co_name == "<module>" else code.co_name
            return [f"  line {line - code.co_firstlineno + 1} of {where}: {source}"]
    return []


def _is_theirs(frame: FrameType) -> bool:
    """Tell whether the learner wrote this code: not Python's, ours, or an installed library's.

    A library is known by its name too, since it may lie anywhere: in the user's own folder, in the
    environment that this one was built on, or on a path of the learner's.
    """
    path = frame.f_code.co_filename
    if path.startswith(_PYTHONS_OWN) or _LIBRARIES & {*Path(path).parts}:
        return False
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return package not in _installed() | {__package__}


@cache
def _installed() -> frozenset[str]:
    return frozenset(packages_distributions()) | _USED
