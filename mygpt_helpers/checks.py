"""Arguments, checked: each function returns what it was given or raises one clear ValueError.

What was given, what was expected, what to do: so that the functions of the course can be short and
about one thing. Used from lesson 04 on.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor, nn

from .errors import InputError

UNSIGNED = (torch.uint64, torch.uint32, torch.uint16)  # torch counts little in these
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, *UNSIGNED)
SOFTMAX = (
    "softmax turns logits into such numbers (logits of half precision as float32 first: "
    "logits.float().softmax(-1))."
)


def plain(value: object) -> object:
    """Return the number that a tensor or an array of one entry holds, without gradients.

    Whatever else comes back as it is.
    """
    if isinstance(value, Tensor | np.ndarray) and math.prod(value.shape) == 1:
        return value.item()
    return value


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number: an int, or numpy's or torch's, and no bool."""
    value = plain(value)
    return isinstance(value, Integral) and not isinstance(value, bool)


def _told(value: object) -> str:
    """Return what was given, in a few words: a number, or the shape of many."""
    value = plain(value)
    if isinstance(value, Tensor | np.ndarray):
        return f"a {type(value).__name__.lower()} of shape {tuple(value.shape)}"
    return repr(value)


def checked_count(
    name: str, value: int, hint: str = "", *, first: int = 1, last: int | None = None
) -> int:
    """Return a whole number from first to last, or raise ValueError; hint: more for its message."""
    number = plain(value)
    if not is_whole(number) or number < first or (last is not None and number > last):
        where = f"from {first}" if last is None else f"from {first} to {last}"
        raise InputError(f"{name} must be a whole number {where}, got {_told(value)}{hint}.")
    return int(number)


def checked_text(name: str, value: str) -> str:
    """Return a string, or raise ValueError."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be a string, got {type(value).__name__}.")
    return value


def whole_text(text: str, *, least: int = 0) -> str:
    """Return a text of so many characters at least, or raise ValueError; half an emoji is none."""
    try:
        checked_text("text", text).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text has half a character, {text[error.start]!r}, at position {error.start}: it "
            "was cut or read wrongly. text.encode(errors='replace').decode() puts a ? there."
        ) from None
    if len(text) < least:
        raise InputError("the text is empty; a vocabulary needs at least one character.")
    return text


def checked_texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return a list of strings as a tuple, or raise ValueError; a string alone is no list."""
    if is_many(values) and not isinstance(values, str):
        texts = tuple(values)
        if all(isinstance(text, str) for text in texts):
            return texts
    raise InputError(f"{name} must be a list of strings, got {values!r:.80}.")


def is_many(value: object) -> bool:
    """Tell whether a loop can go through a value: through a tensor of no dimension it cannot."""
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0


def shape_of(value: object) -> str:
    """Say what shape a tensor has, or what something else is: 'shape (2, 3)', 'list'."""
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else kind_of(value)


def kind_of(value: object) -> str:
    """Say what something is: 'list', or 'the class GPT' where GPT(...) would be an object."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def checked_model(model: nn.Module) -> nn.Module:
    """Return the model, or raise ValueError for what is no module of torch's."""
    if not isinstance(model, nn.Module):
        raise InputError(
            f"model must be a torch.nn.Module, such as GPT(...) makes; got {kind_of(model)}."
        )
    return model


def checked_device(device: torch.device | str | None) -> torch.device:
    """Return the device, by default torch's default, or raise ValueError where there is none."""
    try:
        device = torch.device(torch.get_default_device() if device is None else device)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError):  # each kind of device has its own error
        raise InputError(
            f"there is no such device here: device={str(device)!r}. Give another, or leave it out."
        ) from None
    return device


_here = threading.local()


@contextlib.contextmanager
def plain_pass() -> Iterator[None]:
    """Tell this thread's models: the ids are checked, and one forward and backward is all there is.

    So they need not look at the ids, for which the CPU would wait for the device, and may compute
    in ways that know no second derivative. Used by training.
    """
    _here.plain = True
    try:
        yield
    finally:
        _here.plain = False


def in_plain_pass() -> bool:
    """Tell whether plain_pass is entered."""
    return getattr(_here, "plain", False)


def check_ids(name: str, ids: Tensor, vocab_size: int) -> None:
    """Raise ValueError for ids of another type than whole numbers, or beyond the vocabulary."""
    # A compiled model could not be one graph if it had to look.
    if torch.compiler.is_compiling() or in_plain_pass():
        return
    if ids.dtype not in INTEGERS:
        raise InputError(f"{name} must be whole numbers (torch.long), got {ids.dtype}.")
    if ids.numel() == 0:
        return
    if ids.dtype in UNSIGNED:
        numbers = ids.numpy(force=True)
        low, high = int(numbers.min()), int(numbers.max())
    else:
        low, high = (int(end) for end in ids.aminmax())
    if low < 0 or high >= vocab_size:
        raise InputError(
            f"{name} must be from 0 to {vocab_size - 1}, one for each token of the vocabulary; "
            f"got ids from {low} to {high}."
        )


def checked_logits(logits: Tensor) -> Tensor:
    """Return the logits in at least float32, or raise ValueError where no distribution exists."""
    _check_rows("logits", logits)
    logits = at_least_float32("logits", logits)
    top = logits.amax(dim=-1)  # (...): NaN where any logit of the row is NaN
    if bool(top.isfinite().all()):
        return logits
    if bool(top.isnan().any()):
        raise InputError("logits hold NaN; look for the step before this one that made it.")
    if bool((top == math.inf).any()):
        raise InputError("logits hold plus infinity; expected finite numbers or minus infinity.")
    raise InputError("a row of logits is minus infinity throughout: no token is left to choose.")


def checked_probs(probs: Tensor) -> Tensor:
    """Return the probabilities in at least float32, or raise ValueError."""
    _check_rows("probs", probs)
    tolerance = sum_tolerance(probs.dtype, probs.shape[-1])
    probs = at_least_float32("probs", probs)
    off = (probs.sum(dim=-1) - 1).abs()  # (...)
    if not bool((probs >= 0).all() & (off < tolerance).all()):
        raise InputError(f"probs must be 0 or more and sum to 1 in each row; {SOFTMAX}")
    return probs


def _check_rows(name: str, numbers: Tensor) -> None:
    """Raise ValueError for what is no tensor (..., V), V at least 1."""
    if not isinstance(numbers, Tensor):
        raise InputError(
            f"{name} must be a torch tensor (..., V), got {type(numbers).__name__}; "
            "torch.tensor(...) makes one."
        )
    if numbers.ndim == 0 or numbers.shape[-1] == 0:
        raise InputError(
            f"{name} must have a last dimension of V >= 1 tokens, got {shape_of(numbers)}."
        )


def at_least_float32(name: str, numbers: Tensor) -> Tensor:
    """Return numbers in float32, or in float64 if they are, or raise ValueError for complex ones.

    torch's own promote_types knows no float8.
    """
    if numbers.is_complex():
        raise InputError(f"{name} must be real numbers, got {numbers.dtype}.")
    return numbers if numbers.dtype == torch.float64 else numbers.float()


def sum_tolerance(dtype: torch.dtype, vocab_size: int) -> float:
    """Return how far from 1 probabilities of a dtype may sum, each of them rounded.

    In half precision softmax rounds its weights, their sum and the quotients; and float16 has no
    number nearer to 0 than 6e-8.
    """
    if not dtype.is_floating_point:
        return 1e-3
    info = torch.finfo(dtype)
    return max(1e-3, 2 * info.eps + vocab_size * info.smallest_normal * info.eps / 2)


def checked_number(name: str, value: float, expected: str, *, finite: bool = True) -> float:
    """Return a real number as a float, or raise ValueError; nan and infinity only if not finite.

    value: Python's, numpy's, or a tensor or an array of one entry. No gradient flows through it.
    """
    number = plain(value)
    if isinstance(number, Real) and not isinstance(number, bool):
        with contextlib.suppress(OverflowError):  # a whole number that no float can hold
            number = float(number)
            if math.isfinite(number) or not finite:
                return number
    raise InputError(f"{name} must be {expected}, got {_told(value)}.")


def checked_numbers(name: str, values: Iterable[float]) -> list[float]:
    """Return real numbers as floats, nan and infinity among them, or raise ValueError.

    values: a list of what checked_number takes, or a tensor or an array of shape (N,).
    """
    is_row = not isinstance(values, str | Mapping) and getattr(values, "ndim", 1) == 1
    if not is_row or not isinstance(values, Iterable):
        raise InputError(f"{name} must be a list of numbers, got {_told(values)}.")
    many = values.tolist() if isinstance(values, Tensor | np.ndarray) else values
    return [checked_number(f"{name}[{i}]", v, "a number", finite=False) for i, v in enumerate(many)]


def checked_ids(previous_ids: Tensor, logits: Tensor) -> Tensor:
    """Return ids (..., T) as int64 that fit the logits (..., V), or raise ValueError."""
    if not isinstance(previous_ids, Tensor):
        raise InputError(
            f"previous_ids must be a torch tensor (..., T), got {type(previous_ids).__name__}."
        )
    check_ids("previous_ids", previous_ids, logits.shape[-1])
    if previous_ids.ndim != logits.ndim or previous_ids.shape[:-1] != logits.shape[:-1]:
        raise InputError(
            f"previous_ids must have shape {(*logits.shape[:-1], 'T')}, as many rows as the "
            f"logits; got {tuple(previous_ids.shape)}."
        )
    return previous_ids.long()


def check_device(name: str, tensor: Tensor, devices: set[torch.device]) -> None:
    """Raise ValueError for a tensor elsewhere than a model, unless that lies on several devices."""
    if len(devices) == 1 and tensor.device not in devices:
        (device,) = devices
        raise InputError(
            f"{name} is on the device {tensor.device}, and the model on {device}: "
            f"{name}.to({str(device)!r}) brings it there."
        )
