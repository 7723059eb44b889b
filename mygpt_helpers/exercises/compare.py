"""Two results compared, part by part: what is different first, in words.

Works on plain Python; of torch it needs nothing before a tensor comes along.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from .words import SHOWN_NUMBERS, kind, show


@dataclass(frozen=True)
class Difference:
    """What is wrong with a result, what was expected and what came."""

    what: str
    expected: str = ""
    got: str = ""


def difference(got: object, want: object, near: float = 1e-4) -> Difference | None:
    """Return the first difference of a result from the wanted one, or None.

    Compared are the type (where a tensor of one number is wanted, a Python number will do), the
    shape, the kind of dtype, and the values, to within near of their size; of a list or tuple every
    entry, of a dict every part under its name.
    """
    if isinstance(want, Mapping):
        return _parts(got, want, near)
    if _is_tensor(want):
        if want.dim() or _is_tensor(got):  # type: ignore[attr-defined]
            return _tensor(got, want, near)
        want = want.item()  # type: ignore[attr-defined]
    if _same(got, want, near):
        return None
    digits = next((n for n in (4, 8) if show(got, n) != show(want, n)), 16)
    came = show(got, digits) if type(got) is type(want) else f"{show(got)} ({kind(got)})"
    return Difference("that is not right", show(want, digits), came)


def _same(got: Any, want: Any, near: float) -> bool:  # noqa: ANN401
    """Compare what is no tensor; numbers of numpy, and torch's whole ones, count as Python's."""
    if isinstance(want, list | tuple):
        alike = isinstance(got, type(want)) and len(got) == len(want)
        pairs = zip(got, want, strict=True) if alike else ()
        return alike and all(difference(a, b, near) is None for a, b in pairs)
    if isinstance(want, float):
        number = isinstance(got, Real) and not isinstance(got, bool)
        return number and (math.isclose(got, want, rel_tol=near, abs_tol=near) or got == want)
    if isinstance(want, int) and not isinstance(want, bool):
        try:
            return "bool" not in kind(got) and operator.index(got) == want
        except (TypeError, RuntimeError):  # a fraction, or not one number
            return False
    return type(got) is type(want) and got == want


def _parts(got: object, want: Mapping[str, object], near: float) -> Difference | None:
    if not isinstance(got, Mapping):
        expected = f"a tuple: ({', '.join(want)})"
        return Difference("the result is not right", expected, f"{show(got)} ({kind(got)})")
    for name, part in want.items():
        if name not in got:
            return Difference(f"{name}: there was none", show(part), "nothing")
        if found := difference(got[name], part, near):
            return replace(found, what=f"{name}: {found.what}")
    return None


def _tensor(got: Any, want: Any, near: float) -> Difference | None:  # noqa: ANN401
    if not _is_tensor(got):
        expected = f"a tensor of shape {tuple(want.shape)}"
        return Difference("the result is not a tensor", expected, f"{show(got)} ({kind(got)})")
    if got.requires_grad and not want.requires_grad:
        expected = "a tensor without gradients: .detach() gives one"
        return Difference("the result asks for gradients", expected, "requires_grad is True")
    if _dtype_kind(got) != _dtype_kind(want):
        expected = "a float tensor" if want.is_floating_point() else f"dtype {want.dtype}"
        return Difference("the dtype is not right", expected, f"dtype {got.dtype}")
    if got.shape != want.shape:
        shapes = (f"shape {tuple(tensor.shape)}" for tensor in (want, got))
        return Difference("the shape is not right", *shapes)
    pair = got.detach().cpu().double(), want.detach().double()
    close = sys.modules["torch"].isclose(*pair, rtol=near, atol=near / 5, equal_nan=True)
    if bool(close.all()):
        return None
    holds_nan = bool(got.isnan().any()) and not bool(want.isnan().any())
    what = "the result holds NaN (not a number)" if holds_nan else "the values are not right"
    if got.is_floating_point() and sys.modules["torch"].finfo(got.dtype).eps > near:
        what += f" (a {kind(got)} keeps too few digits: use float32)"
    place = ""
    if want.numel() > SHOWN_NUMBERS:  # too many to show: the first entry that differs
        index = tuple((~close).nonzero()[0].tolist())
        got, want, place = got[index], want[index], f" at {list(index)}"
    if want.dim() == 0:
        got, want = got.item(), want.item()
    digits = 4 if show(got) != show(want) else 8
    return Difference(what, show(want, digits) + place, show(got, digits) + place)


def _is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _dtype_kind(tensor: Any) -> str:  # noqa: ANN401
    if tensor.is_floating_point():
        return "float"
    return str(tensor.dtype) if tensor.is_complex() or "bool" in str(tensor.dtype) else "whole"
