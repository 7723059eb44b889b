"""Judging answers that are tensors or numbers, and the logits the checks are made of.

Inputs come from Python's own generator, seeded here: the same on every machine, and torch's
generator is not touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Real
from random import Random

import torch
from torch import Tensor

from .answer import SHOWN_NUMBERS, Answer, Raised, Wrong, clip, kind, number, show
from .core import say

# What known mistakes give, and what to say about each. A function in place of a tensor is asked
# about a result of the right dtype and shape.
Mistakes = Callable[..., Iterable[tuple[object, str]]] | None


def many_logits(seed: int = 0) -> Iterator[Tensor]:
    """Yield logits (..., V), float32, small ones first: flat, peaked, tied, shifted, in batches.

    A vocabulary of one token, whose probability is always 1, comes last.
    """
    yield from map(logits, ([1.0, 2.0], [0.0, 0.0], [-3.0, -1.0], [2.0, 1.0, 0.0]))
    yield logits([[1.0, 2.0], [5.0, 3.0]])
    yield logits([[0.0, 1.0, 2.0], [5.0, 3.0, 1.0]])
    random = Random(seed)
    for vocab_size in (2, 3, 5, 17, 200):
        for shape in ((), (2,), (2, 3)):
            count = math.prod(shape) * vocab_size
            for scale in (0.1, 3.0, 30.0):  # flat to peaked
                flat = [round(random.gauss(0, scale), 2) for _ in range(count)]
                yield logits(flat).reshape(*shape, vocab_size)
            yield logits([5.0] * count).reshape(*shape, vocab_size)  # all tied
            shifted = [round(random.gauss(50, 1), 1) for _ in range(count)]
            yield logits(shifted).reshape(*shape, vocab_size)
    yield logits([3.0])


def small_first(cases: Iterable[Tensor]) -> list[Tensor]:
    """Sort cases (..., V) by size, those of a single token last."""
    return sorted(cases, key=lambda case: (case.shape[-1] == 1, case.numel()))


def logits(values: list) -> Tensor:
    """Make a float32 tensor on the CPU, whatever the learner has set as torch's defaults."""
    return torch.tensor(values, dtype=torch.float32, device="cpu")


def judge(got: object, want: Tensor, mistakes: Mistakes = None, *args: object) -> None:
    """Raise Wrong unless got is a tensor like want: kind of dtype, shape, and values.

    mistakes(*args) is asked only for a wrong answer, and has to cost nothing for a right one.
    """
    if not isinstance(got, Tensor):
        expected = f"a tensor of shape {tuple(want.shape)}"
        came = f"{show(got)} ({kind(got)})"
        raise Wrong("the result is not a tensor", expected, came, _instead_of_tensor(got))
    _without_gradients(got)
    if _dtype_kind(got) == _dtype_kind(want) and _same(got, want):
        return
    known = mistakes(*args) if mistakes else []
    alike = _dtype_kind(got) == _dtype_kind(want) and got.shape == want.shape
    advice = next((text for value, text in known if _is_mistake(got, value, alike)), "")
    if _dtype_kind(got) != _dtype_kind(want):
        expected = "a float tensor" if want.dtype.is_floating_point else "an int64 tensor"
        raise Wrong("the dtype is not right", expected, f"dtype {got.dtype}", advice)
    if got.shape != want.shape:
        expected = f"shape {tuple(want.shape)}"
        raise Wrong("the shape is not right", expected, f"shape {tuple(got.shape)}", advice)
    holds_nan = bool(got.isnan().any()) and not bool(want.isnan().any())
    what = "the result holds NaN (not a number)" if holds_nan else "the values are not right"
    raise Wrong(what, *_difference(want, got.detach().cpu()), advice)


def judge_part(name: str, got: object, want: Tensor, *mistakes: object) -> None:
    """Judge one of several tensors; a message begins with its name."""
    try:
        judge(got, want, *mistakes)  # type: ignore[arg-type]
    except Wrong as wrong:
        raise Wrong(f"{name}: {wrong.what}", wrong.expected, wrong.got, wrong.advice) from None


def explained(
    answer: Answer, known: Mapping[str, str | Callable[[BaseException], str]], *args: object
) -> object:
    """Call the answer; an error that holds a key of known is Wrong, with the advice found there.

    Advice that is a function is called with the error.
    """
    try:
        return answer(*args)
    except Raised as raised:
        text = say(raised.__cause__)  # type: ignore[arg-type]
        advice = next((advice for part, advice in known.items() if part in text), "")
        if callable(advice):
            advice = advice(raised.__cause__)  # type: ignore[arg-type]
        if not advice:
            raise
        raise Wrong(f"{answer.name} raised an error", got=clip(text), advice=advice) from None


def judge_number(got: object, want: float, mistakes: Mistakes = None, *args: object) -> None:
    """Raise Wrong unless got is the number want: a Python float, or a tensor of no dimension."""
    value = to_number(got)
    if math.isclose(value, want, rel_tol=1e-4, abs_tol=1e-4):
        return
    known = mistakes(*args) if mistakes else []
    near = (text for wrong, text in known if _near(value, wrong))
    what = "the result is NaN (not a number)" if math.isnan(value) else "the number is not right"
    digits = 8 if number(value) == number(want) else 4
    raise Wrong(what, number(want, digits), number(value, digits), next(near, ""))


def to_number(got: object, expected: str = "one number") -> float:
    """Turn a Python number or a tensor of no dimension into a float; raise Wrong for the rest.

    expected: what the message says was expected.
    """
    if isinstance(got, Tensor) and got.dim() > 0:
        advice = "Sum over all of it, or pick the one entry that is meant."
        raise Wrong("the result is not one number", expected, show(got), advice)
    if isinstance(got, Tensor):
        _without_gradients(got)
        return float(got)
    if isinstance(got, bool) or not isinstance(got, Real):
        raise Wrong("the result is not a number", expected, f"{show(got)} ({kind(got)})")
    return float(got)


def without_keepdim(weights: Tensor) -> Tensor | None:
    """Divide by the rows' sums as where keepdim is forgotten; None where torch refuses."""
    try:
        return weights / weights.sum(-1)
    except RuntimeError:
        return None


def normal(weights: Tensor) -> Tensor:
    """Divide weights (..., V) by the sum of their row."""
    return weights / weights.sum(-1, keepdim=True)


def top_prob(case: Tensor, temperature: float) -> float:
    """Give the top token's probability at a temperature; case: logits (V,)."""
    return float(torch.softmax(case.double() / temperature, -1).max())


def search_advice(answer: Answer, case: Tensor, target: float, got: float) -> str:
    """Advise on a search in 0.01 to 100 for the temperature of a top probability of target."""
    if abs(got - target) < 1e-6:
        return "That is the target itself, a probability, not a temperature."
    for place, downward in ((0, True), (-1, False)):
        row = case.sort(descending=downward).values
        if case[place] < case.max() and _finds(answer, row, target):
            return f"The top token is the largest, .max(); it need not stand at [{place}]."
    off = top_prob(case, got) - target
    way = "Too likely: a higher" if off > 0 else "Not likely enough: a lower"
    way += " temperature."
    if abs(off) < 0.02:
        return f"Close, but it has to be within 0.001. {way} Does your search stop too soon?"
    if got < 0.0105 or got > 95:
        return f"{way} You are at an end of the range: does your search go the other way?"
    if steps := _halvings(got, 0.01, 100.0, down=off < 0):
        return f"{way} Did your search stop after {steps} steps? Go on, to within 0.001."
    return way


def _finds(answer: Answer, case: Tensor, target: float) -> bool:
    try:
        got = to_number(answer.probe(case, target))
    except Wrong:
        return False
    return got > 0 and abs(top_prob(case, got) - target) <= 1e-3


def _halvings(value: float, low: float, high: float, down: bool) -> int:
    """Say after how few halvings of [low, high] a search stands at value; 0: at no such place.

    down: it has to go lower. Next to an end, only a search on the right way is meant.
    """
    shares = [(value - low) / (high - low), math.log(value / low) / math.log(high / low)]
    for share in (*shares, value / high):
        for steps in range(3, 16):
            place = share * 2**steps
            if abs(place - round(place)) < 1e-6 and round(place) % 2:
                wrong_end = 2**steps - 1 if down else 1
                return 0 if round(place) == wrong_end else steps
    return 0


def _instead_of_tensor(got: object) -> str:
    """Say how a tensor may be had where something else came."""
    if isinstance(got, BaseException):
        return "An error is raised, not returned; here a tensor is due."
    if kind(got).startswith("torch.return_types."):
        name = type(got).__name__
        arg = f", or use arg{name}" if name in ("max", "min") else ""
        return f"`{name}(dim)` returns values and indices: take .values or .indices{arg}."
    if isinstance(got, Real):
        return "That is a Python number: torch's functions keep a tensor; math and .item() do not."
    if isinstance(got, list | tuple):
        return "That is Python's own list or tuple: torch's functions take and give whole tensors."
    return ""


def _without_gradients(got: Tensor) -> None:
    if got.requires_grad:
        advice = "No training here: build no new parameters, or end with `.detach()`."
        raise Wrong("the result asks for gradients (requires_grad is True)", advice=advice)


def _dtype_kind(tensor: Tensor) -> str:
    if tensor.dtype.is_floating_point:
        return "float"
    return "other" if tensor.dtype == torch.bool or tensor.dtype.is_complex else "whole"


def _near(value: float, wrong: object) -> bool:
    other = float(wrong)  # type: ignore[arg-type]
    both_nan = math.isnan(value) and math.isnan(other)
    return both_nan or math.isclose(value, other, rel_tol=1e-4, abs_tol=1e-4)


def _is_mistake(got: Tensor, value: object, alike: bool) -> bool:
    if callable(value):
        return alike and value(got)
    return (
        isinstance(value, Tensor) and _dtype_kind(got) == _dtype_kind(value) and _same(got, value)
    )


def _same(got: Tensor, want: Tensor) -> bool:
    return got.shape == want.shape and bool(_close(got, want).all())


def _close(got: Tensor, want: Tensor) -> Tensor:
    got, want = got.detach().cpu().double(), want.double()
    return torch.isclose(got, want, rtol=1e-4, atol=2e-5, equal_nan=True)


def _difference(want: Tensor, got: Tensor) -> tuple[str, str]:
    """Show both in full where they are small, else the first entry in which they differ."""
    place = ""
    if want.numel() > SHOWN_NUMBERS:
        index = tuple((~_close(got, want)).nonzero()[0].tolist())
        want, got, place = want[index], got[index], f" at {list(index)}"
    texts = show(want), show(got)
    if texts[0] == texts[1]:
        texts = show(want, 8), show(got, 8)
    return texts[0] + place, texts[1] + place
