"""The learner's function, called safely, and what came of it put into words.

Everything here works on plain Python; tensors.py adds what is particular to tensors.
"""

from __future__ import annotations

import dis
import functools
import inspect
import io
import itertools
import re
import reprlib
import sys
import textwrap
import warnings
from collections.abc import Callable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 96  # longest line of a message
SHOWN_NUMBERS = 8  # more than these in a tensor or list, and only its size is shown
_PRINTED_LINES = 10
_REPR = reprlib.Repr()
_REPR.maxother = _REPR.maxstring = 70  # enough for an address at the end to stay whole
_IDLE = {"RESUME", "NOP", "CACHE", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}
_SILENT = ("append", "extend", "insert", "reverse")  # methods of a list that return None
_FROM = ("LOAD_METHOD", "LOAD_ATTR")
_CALLS = ("CALL", "CALL_KW", "CALL_FUNCTION_EX")


class Wrong(Exception):
    """The answer is wrong: what is wrong, what was expected, what came, and what may help."""

    def __init__(self, what: str, expected: str = "", got: str = "", advice: str = "") -> None:
        """Take four texts; the empty ones are left out of the message."""
        super().__init__(what)
        self.what, self.expected, self.got, self.advice = what, expected, got, advice


class NotTried(Exception):
    """The exercise still holds its stub."""


class Raised(Exception):
    """The learner's code raised an error: the cause of this one."""


class TooManyCalls(BaseException):
    """A function the check handed out was called without end; no `except Exception` eats it."""


def number(value: float, digits: int = 4) -> str:
    """Write a number with a few significant digits, the same on every machine."""
    text = f"{value + 0.0:.{digits}g}"  # + 0.0 turns -0.0 into 0.0
    return text + ".0" if text.lstrip("-").isdigit() else text


def show(value: object, digits: int = 4) -> str:
    """Write any value on one short line; survives a repr that raises, is huge, or is not text."""
    try:
        text = _show(value, digits)
    except Exception:
        text = f"(a value of type {type(value).__name__} that cannot be shown)"
    return clip(text)


def _show(value: object, digits: int) -> str:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        if value.numel() > SHOWN_NUMBERS:
            return f"a {kind(value)} of shape {tuple(value.shape)}"
        return f"tensor({_show(value.tolist(), digits)})"
    if type(value) is bool or value is None or value is ...:
        return "..." if value is ... else str(value)
    if type(value) is float:
        return number(value, digits)
    if isinstance(value, list | tuple) and 0 < len(value) <= SHOWN_NUMBERS:
        text = ", ".join(_show(item, digits) for item in value)
        return f"[{text}]" if isinstance(value, list) else f"({text}{',' * (len(value) == 1)})"
    if inspect.isroutine(value):
        return f"the function {value.__name__}"
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", _REPR.repr(value))  # addresses change every run
    return re.sub(r"\s*\n\s*", " ", text)


def kind(value: object) -> str:
    """Name a value's type, with a tensor's dtype: 'float', 'int64 tensor'."""
    dtype = getattr(value, "dtype", None)
    name = type(value).__name__
    if type(value).__module__ == "torch.return_types":
        return f"torch.return_types.{name}"
    return f"{str(dtype).removeprefix('torch.')} {name.lower()}" if name == "Tensor" else name


def clip(text: str, width: int = WIDTH - 12) -> str:
    """Put text on one line of at most `width` characters, unprintable ones replaced."""
    line = "".join(char if char.isprintable() else "\ufffd" for char in text[: width + 1])
    return line if len(line) <= width else line[: width - 3] + "..."


def wrap(text: str, indent: str = "  ") -> list[str]:
    """Break a sentence into lines of at most WIDTH characters, all of them indented."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


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


def _clone(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return list(value)
    return value.clone() if hasattr(value, "clone") else value


class Answer:
    """The learner's function; remembers its last call, so that a message can show it."""

    def __init__(self, function: Callable[..., object], model: Callable[..., object]) -> None:
        """Take the learner's function and the solution, whose parameters give the names."""
        self.function = function
        self.name = clip(str(getattr(function, "__name__", type(function).__name__)), 40)
        self.parameters = list(inspect.signature(model).parameters)
        self.calls = 0
        self.given: tuple[Any, ...] = ()
        self.passed: tuple[Any, ...] = ()
        self.raised: BaseException | None = None
        self.returned: Any = None
        self.printed = ""

    def __call__(self, *args: object) -> Any:  # noqa: ANN401
        """Call the function with copies of the arguments and return what it returns."""
        self._run(args)
        if self.raised is not None:
            raise Raised from self.raised
        if self.returned is None or self.returned is ...:
            if self.calls == 1 and (self.returned is ... or self._is_stub()):
                raise NotTried(f"{self.name} returns nothing so far. Does it have its `return`?")
            advice = "Some way through the function reaches its end without a `return`."
            what = f"{self.name} returned {show(self.returned)} here"
            raise Wrong(what, advice=self.silent_method() or advice)
        return self.returned

    def error(self, *args: object) -> BaseException | None:
        """Call the function and return what it raises; None where it returns (see `returned`)."""
        self._run(args)
        return self.raised

    def probe(self, *args: object) -> Any:  # noqa: ANN401
        """Call the function on the side: a message still shows the call before. None: it raised."""
        kept = vars(self).copy()
        try:
            self._run(args)
            return self.returned
        finally:
            vars(self).update(kept)

    def must_not_change(self, advice: str) -> None:
        """Raise Wrong where the last call changed one of its arguments."""
        for name, before, after in zip(self.parameters, self.given, self.passed, strict=False):
            if not _equal(before, after):
                what = f"{self.name} changed its argument `{name}`"
                raise Wrong(what, f"{name} still {show(before)}", show(after), advice)

    def case(self, shapes: bool = False) -> list[str]:
        """Describe the arguments of the last call, one line each; shapes: every tensor's too."""
        lines = []
        for name, value in zip(self.parameters, self.given, strict=False):
            if not callable(value):
                text = show(value)
                if shapes and text.startswith("tensor("):
                    text += f" of shape {tuple(value.shape)}"
                lines.append(clip(f"  {name}: {text}", WIDTH))
        return lines

    def prints(self) -> list[str]:
        """Give the first lines that the last call printed."""
        lines = self.printed.splitlines()
        shown = ["    " + clip(line) for line in lines[:_PRINTED_LINES]]
        more = ["    ..."] if len(lines) > _PRINTED_LINES else []
        return ["  it printed:", *shown, *more] if lines else []

    def _run(self, args: tuple[Any, ...]) -> None:
        self.calls += 1
        self.raised = self.returned = None
        self.given, self.passed, self.printed = args, tuple(map(_clone, args)), ""
        self._fits(args)
        printed = _Printed()
        try:
            with _captured(printed):
                self.returned = self.function(*self.passed)
        except (KeyboardInterrupt, TooManyCalls):
            raise
        except BaseException as error:  # exit() too is only an answer that raises
            self.raised = error
        finally:
            self.printed = printed.text

    def _fits(self, args: tuple[Any, ...]) -> None:
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):  # some built-in functions have none
            return
        try:
            signature.bind(*args)
        except TypeError:
            names = ", ".join(self.parameters)
            raise Wrong(
                f"{self.name} does not take the arguments the exercise gives it",
                f"{self.name}({names})",
                clip(f"{self.name}({', '.join(signature.parameters)})"),
            ) from None

    def _code(self) -> Any:  # noqa: ANN401
        """Find the function's own code beneath what wraps it; None for a built-in function."""
        function = inspect.unwrap(self.function)
        while isinstance(function, functools.partial):
            function = function.func
        return getattr(function, "__code__", getattr(type(function).__call__, "__code__", None))

    def _is_stub(self) -> bool:
        """Say whether the function does nothing: only `...`, `pass`, a text or a comment."""
        code = self._code()
        return code is not None and all(step.opname in _IDLE for step in dis.get_instructions(code))

    def uses(self, name: str) -> bool:
        """Say whether the function's own code has this name: 'math', 'append'."""
        return name in getattr(self._code(), "co_names", ())

    def takes(self, name: str) -> bool:
        """Say whether the function's own code takes this name from a module or an object."""
        steps = dis.get_instructions(code) if (code := self._code()) else ()
        return any(step.argval == name and step.opname in _FROM for step in steps)

    def silent_method(self) -> str:
        """Give advice on a list's method that returns None, if the function uses its result."""
        steps = list(dis.get_instructions(code)) if (code := self._code()) else []
        name = next((name for name in _SILENT if _keeps_result(steps, name)), "")
        advice = f"`{name}` returns None: assign nothing from it, and `return` the list at the end."
        return advice if name else ""


def _keeps_result(steps: list[dis.Instruction], method: str) -> bool:
    """Say whether what a method returns is assigned, returned or passed on, not thrown away.

    A call begins where the attribute does that it calls; the calls of its arguments, further on.
    """
    for place, step in enumerate(steps):
        if step.opname not in _FROM or step.argval != method:
            continue
        if not (own := step.positions) or own.col_offset is None:
            return True  # Python runs without the places in the source
        for call, after in itertools.pairwise(steps[place:]):
            at = call.positions
            begins = (at.lineno, at.col_offset) == (own.lineno, own.col_offset) if at else False
            if begins and call.opname in _CALLS:
                if after.opname != "POP_TOP":
                    return True
                break
    return False


def _equal(before: Any, after: Any) -> bool:  # noqa: ANN401
    try:
        same = before == after
        return same if isinstance(same, bool) else bool(same.all())
    except Exception:  # an argument whose shape was changed in place compares with an error
        return False
