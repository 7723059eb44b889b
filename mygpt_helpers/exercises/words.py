"""Any value in a few words, on one short line, the same on every machine."""

from __future__ import annotations

import inspect
import re
import reprlib
import sys
import textwrap

WIDTH = 96  # longest line of a message
SHOWN_NUMBERS = 8  # of a tensor or list with more than these, only the size is shown
_REPR = reprlib.Repr()
_REPR.maxother = _REPR.maxstring = 70  # enough for an address at the end to stay whole


def number(value: float, digits: int = 4) -> str:
    """Write a number with a few significant digits."""
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
            article = "an" if kind(value).startswith("int") else "a"
            return f"{article} {kind(value)} of shape {tuple(value.shape)}"
        return f"tensor({_show(value.tolist(), digits)})"
    if value is ... or value is None or type(value) is bool:
        return "..." if value is ... else str(value)
    if type(value) is float:
        return number(value, digits)
    if isinstance(value, list | tuple) and 0 < len(value) <= SHOWN_NUMBERS:
        text = ", ".join(_show(item, digits) for item in value)
        return f"[{text}]" if isinstance(value, list) else f"({text}{',' * (len(value) == 1)})"
    if inspect.isroutine(value):
        return f"the function {value.__name__}"
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", _REPR.repr(value))  # addresses change every run
    return type(value).__name__ if "\n" in text else text


def kind(value: object) -> str:
    """Name a value's type, with a tensor's dtype: 'float', 'int64 tensor'."""
    name = type(value).__name__
    if type(value).__module__ == "torch.return_types":
        return f"torch.return_types.{name}"
    if name != "Tensor":
        return name
    return f"{str(value.dtype).removeprefix('torch.')} tensor"  # type: ignore[attr-defined]


def say(error: BaseException) -> str:
    """Name an error's class and the first line of its message."""
    try:
        text = str(error)
    except Exception:
        text = ""
    first = re.sub(r" at 0x[0-9a-fA-F]+", "", text.strip().partition("\n")[0])
    return clip(f"{type(error).__name__}: {first}" if first else type(error).__name__, 2 * WIDTH)


def clip(text: str, width: int = WIDTH - 12) -> str:
    """Put text on one line of at most `width` characters, what nobody could see as escapes."""
    line = text[: width + 1]
    if not (line.isascii() and line.isprintable()):
        from ..pictures.tables import visible_title  # not before it is needed: it brings rich along

        line = visible_title(line, None)
    return line if len(line) <= width else line[: width - 3] + "..."


def wrap(text: str, indent: str = "  ") -> list[str]:
    """Break a sentence into lines of at most WIDTH characters, all of them indented."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
