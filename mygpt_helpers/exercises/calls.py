"""A learner's function, called safely: whatever it does ends as data about one call."""

from __future__ import annotations

import inspect
import io
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from .words import clip

PRINTED_LINES = 10
Function = Callable[..., Any]


class TooManyCalls(BaseException):
    """A function that a case hands out was called without end; no `except Exception` eats it."""


@dataclass
class Call:
    """What came of a function's call.

    returned: by the function itself. value: what is compared, the same or what was observed of the
    call. error: what the function raised. unreadable: what observing its result raised.
    """

    returned: object = None
    value: object = None
    error: BaseException | None = None
    unreadable: BaseException | None = None
    printed: str = ""

    def prints(self) -> list[str]:
        """Give the first printed lines, for a message."""
        lines = self.printed.splitlines()
        shown = ["    " + clip(line) for line in lines[:PRINTED_LINES]]
        more = ["    ..."] if len(lines) > PRINTED_LINES else []
        return ["  it printed:", *shown, *more] if lines else []


def call(observe: Function, function: Function, args: tuple[Any, ...]) -> Call:
    """Call observe(function, *args), seeded; only an interrupt by the learner comes through."""
    made, printed = Call(), _Printed()

    def noted(*given: object) -> object:
        try:
            made.returned = function(*given)
        except BaseException as error:  # exit() too is only an answer that raises
            made.error = error
            raise
        return made.returned

    random.seed(0)  # an answer that draws draws the same each time
    if (torch := sys.modules.get("torch")) is not None:
        torch.default_generator.manual_seed(0)  # torch.manual_seed would seed an accelerator too
    try:
        with _captured(printed):
            made.value = observe(noted, *args)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        made.unreadable = None if made.error else error
    made.printed = printed.text
    return made


def copied(value: Any) -> Any:  # noqa: ANN401
    """Copy a list, a dict or a tensor, which the function that is given it could change."""
    if isinstance(value, list | dict):
        return value.copy()
    return value.detach().clone() if hasattr(value, "detach") else value


def name_of(function: Function) -> str:
    """Give the name by which a message speaks of a function."""
    return clip(str(getattr(function, "__name__", type(function).__name__)), 40)


def misfit(function: Function, args: tuple[Any, ...]) -> str:
    """Say how a function that cannot be called with args is called, or return ""."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions have none
        return ""
    try:
        signature.bind(*args)
    except TypeError:
        return clip(f"{name_of(function)}({', '.join(signature.parameters)})")
    return ""


def is_stub(function: Function) -> bool:
    """Say whether a function that returned nothing was left as it stood: it uses no name at all."""
    function = inspect.unwrap(getattr(function, "func", function))  # of a partial, say
    code = getattr(function, "__code__", getattr(type(function).__call__, "__code__", None))
    return code is not None and not code.co_names


class _Printed(io.TextIOBase):
    """Keeps the beginning of what is printed: a loop that prints forever fills no memory."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text[: max(0, 4_000 - len(self.text))]
        return len(text)


@contextmanager
def _captured(printed: _Printed) -> Iterator[None]:
    with redirect_stdout(printed), redirect_stderr(printed), warnings.catch_warnings():  # type: ignore[type-var]
        # A warning is shown as class and message: its path differs from machine to machine.
        warnings.showwarning = lambda message, category, *_, **__: print(
            f"{category.__name__}: {message}"
        )
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leave the random generators, torch's threads and its defaults as they are.

    Inside, torch makes its tensors on the CPU, keeps gradients, and counts on one thread, which
    never waits: the tensors of the cases are tiny.
    """
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    with ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        if numpy is not None:
            stack.callback(numpy.random.set_state, numpy.random.get_state())
        if torch is not None:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
            stack.enter_context(torch.random.fork_rng(devices=[]))
            stack.enter_context(torch.device("cpu"))
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
        yield
