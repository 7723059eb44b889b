"""The exercises of lesson 04: temperature."""

from collections.abc import Callable, Iterator
from numbers import Real

import torch

from .cases import float32, many_logits, many_probs, normal
from .engine import Exercise


def temperature_probs(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return softmax(logits / temperature), (..., V), over the last dimension."""
    return torch.softmax(logits / temperature, dim=-1)


def _logits_and_temperatures() -> Iterator[tuple[torch.Tensor, float]]:
    for logits in many_logits():
        for temperature in (1.0, 2.0, 0.5, 100.0, 0.001):  # powers of probabilities fail the last
            yield logits.clone(), temperature


def reshape_probs(probs: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return what the temperature makes of probs (..., V), without their logits."""
    powers = (probs / probs.amax(dim=-1, keepdim=True)) ** (1 / temperature)  # (..., V)
    return powers / powers.sum(dim=-1, keepdim=True)


def _probs_and_temperatures() -> Iterator[tuple[torch.Tensor, float]]:
    for probs in many_probs():
        for temperature in (1.0, 2.0, 0.5, 10.0):
            yield probs.clone(), temperature
        if probs.shape == (2, 2):  # 0.3 to the power of 100 is 0 in float32
            yield float32([0.3, 0.3, 0.2, 0.2]), 0.01
            yield float32([[0.3, 0.3, 0.2, 0.2], [0.9, 0.1, 0.0, 0.0]]), 0.01


def temperature_for(logits: torch.Tensor, target: float) -> float:
    """Return the temperature at which the top token of logits (V,) has probability target."""
    low, high = 0.01, 100.0
    for _ in range(60):
        middle = (low * high) ** 0.5
        top = torch.softmax(logits / middle, dim=-1).max()
        if top > target:  # too sure: a higher temperature is needed
            low = middle
        else:
            high = middle
    return middle


def _logits_and_targets() -> Iterator[tuple[torch.Tensor, float]]:
    rows = [[0.0, 1.0], [2.0, 1.0, 0.0], [0.3, 0.1, 0.2, 0.0], [9.0, 4.0, 8.5, -3.0], [0.0, 40.0]]
    for row in map(float32, [*rows, list(range(50))]):
        for temperature in (1.0, 2.0, 0.5, 0.1, 10.0, 0.37, 0.83, 1.73, 6.1):
            target = round(float(torch.softmax(row.double() / temperature, -1).max()), 3)
            if 1 / len(row) + 0.002 < target < 0.995:  # nearer to an end, many temperatures serve
                yield row.clone(), target


def _top_prob_there(function: Callable, logits: torch.Tensor, target: float) -> dict:
    """Observe the top token's probability at the temperature that the function returns."""
    got = function(logits.clone(), target)
    if isinstance(got, torch.Tensor) and got.dim() == 0:
        got = got.item()
    if not isinstance(got, Real) or isinstance(got, bool) or not 0 < got < float("inf"):
        return {"the temperature": got}
    top = float(torch.softmax(logits.double() / got, -1).max())
    return {
        "the temperature": "a number above 0",
        "the top token's probability at the temperature returned": top,
    }


def _halving(
    steps: int = 60, by_ratio: bool = False, top: Callable = torch.max, turned: bool = False
) -> Callable:
    """Make a search for the temperature that may stop too soon, read another token, or go wrong."""

    def search(logits: torch.Tensor, target: float) -> float:
        low, high = 0.01, 100.0
        for _ in range(steps):
            middle = (low * high) ** 0.5 if by_ratio else (low + high) / 2
            too_sure = top(torch.softmax(logits / middle, dim=-1)) > target
            low, high = (middle, high) if too_sure != turned else (low, middle)
        return middle

    return search


def probs_or_greedy(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return softmax(logits / temperature); at temperature 0 all mass on the top token.

    logits: (..., V). On a tie the lowest id is taken. Raises ValueError for temperature < 0.
    """
    if temperature < 0:
        raise ValueError(f"temperature is {temperature}; expected 0 or above")
    if temperature == 0:
        top = logits.argmax(dim=-1, keepdim=True)  # (..., 1)
        return torch.zeros_like(logits).scatter(-1, top, 1.0)  # (..., V)
    return torch.softmax(logits / temperature, dim=-1)


def _logits_and_zero() -> Iterator[tuple[torch.Tensor, float]]:
    for logits in many_logits():
        temperatures = (1.0, 0.0, 0.5, 2.0, -1.0) if logits.numel() == 2 else (1.0, 0.0, 0.5, 2.0)
        yield from ((logits.clone(), temperature) for temperature in temperatures)


def _at_zero(rule: Callable) -> Callable:
    """Make an answer that is right but at temperature 0, where it does what the rule says."""
    return lambda z, t: rule(z) if t == 0 else probs_or_greedy(z, t)


EXERCISES = (
    Exercise(
        name="04.temperature",
        title="Temperature",
        difficulty=1,
        minutes=4,
        solution=temperature_probs,
        cases=_logits_and_temperatures,
        mistakes={
            "Divide by it; do not multiply.": lambda z, t: torch.softmax(z * t, -1),
            "Divide the logits, not the probabilities.": lambda z, t: z.softmax(-1) / t,
            "Divide the logits: one softmax, not two.": lambda z, t: (z.softmax(-1) / t).softmax(
                -1
            ),
            "The temperature makes no difference here: divide the logits by it.": (
                lambda z, t: z.softmax(-1)
            ),
            "Those are still logits: softmax comes after dividing.": lambda z, t: z / t,
            "softmax goes over the last dimension.": lambda z, t: torch.softmax(z / t, 0),
            "exp overflowed: use torch.softmax.": lambda z, t: normal((z / t).exp()),
            "Softmax made some probabilities 0, and so are their powers: divide the logits.": (
                lambda z, t: normal(z.softmax(-1) ** (1 / t)),
                lambda z, t: reshape_probs(z.softmax(-1), t),
            ),
        },
        keep="A slider calls it again and again with the same logits: write "
        "`logits / temperature`, which makes a new tensor, not `logits /= temperature`.",
        hints=(
            "Temperature acts on the logits, before softmax.",
            "Divide the logits by the temperature, then torch.softmax(..., dim=-1).",
        ),
        why="Dividing the logits shrinks or stretches the gaps between them, and softmax turns "
        "gaps into ratios of probabilities.",
        tried="temperatures from 0.001 to 100, flat, peaked and tied logits",
    ),
    Exercise(
        name="04.find_temperature",
        title="Find the temperature",
        difficulty=3,
        minutes=8,
        solution=temperature_for,
        cases=_logits_and_targets,
        observe=_top_prob_there,
        near=1e-3,
        mistakes={
            "That is the target itself, a probability, not a temperature.": lambda z, target: (
                target
            ),
            "A temperature lies between 0.01 and 100: the higher, the less likely the top token.": (
                lambda z, target: -1.0,
                lambda z, target: 0.0,
            ),
            "One temperature for the whole row, a number.": lambda z, target: z / target,
            "The top token is the largest, .max(); it need not stand at [0] or [-1].": (
                _halving(top=lambda probs: probs[0]),
                _halving(top=lambda probs: probs[-1]),
            ),
            "It ends at an end: does your search go the other way?": _halving(turned=True),
            "Your search stops too soon: go on, to within 0.001.": tuple(
                _halving(steps, by_ratio) for steps in range(3, 12) for by_ratio in (True, False)
            ),
        },
        hints=(
            "The top token's probability only ever falls as the temperature rises.",
            "Keep an interval, low = 0.01 and high = 100, and look at a temperature inside it.",
            "Too sure there? Then the answer lies above: low = middle. Else high = middle. "
            "Sixty halvings leave nothing of the interval.",
        ),
        why="The top probability falls steadily as the temperature rises, so each look halves "
        "the interval; the middle is taken by ratio, since temperatures span four powers of ten.",
        tried="flat and peaked logits, low and high targets",
    ),
    Exercise(
        name="04.from_probs",
        title="Temperature without the logits",
        difficulty=2,
        minutes=5,
        solution=reshape_probs,
        cases=_probs_and_temperatures,
        mistakes={
            "These do not sum to 1: divide each row by its sum.": lambda p, t: p ** (1 / t),
            "Keep the dimension you sum over: dim=-1, keepdim=True.": (
                lambda p, t: p ** (1 / t) / (p ** (1 / t)).sum(-1),
                lambda p, t: p ** (1 / t) / (p ** (1 / t)).sum(),
            ),
            "softmax expects logits, not these: raise them to a power, and normalise.": (
                lambda p, t: torch.softmax(p / t, -1)
            ),
            "The exponent is 1 / temperature.": lambda p, t: normal(p**t),
            "The temperature makes no difference here: raise to the power of 1 / temperature.": (
                lambda p, t: normal(p / t)
            ),
            "The powers underflow to 0 in float32: divide by the row's largest first.": (
                lambda p, t: normal(p ** (1 / t)),
                lambda p, t: normal((p / p.max()) ** (1 / t)),
            ),
            "Zeros stay zero: add and clamp nothing. log(0) is -inf, and softmax gives 0 for it.": (
                lambda p, t: torch.softmax((p + 1e-9).log() / t, -1),
                lambda p, t: torch.softmax((p + 1e-12).log() / t, -1),
                lambda p, t: normal(p.clamp(min=1e-6) ** (1 / t)),
            ),
        },
        hints=(
            "exp(z / t) is exp(z) to the power of 1 / t.",
            "Raise each probability to the power of 1 / temperature; a zero stays zero.",
            "The powers do not sum to 1: divide each row by its sum, with keepdim=True. Divided "
            "by the row's largest first, they survive a tiny temperature too.",
        ),
        why="exp(z / t) is exp(z) ** (1 / t), so the powers keep the right ratios; dividing by "
        "the largest first keeps tiny temperatures from turning every power into 0.",
        tried="the same as softmax(logits / temperature), zeros kept",
    ),
    Exercise(
        name="04.zero",
        title="A temperature of 0",
        difficulty=2,
        minutes=5,
        solution=probs_or_greedy,
        cases=_logits_and_zero,
        mistakes={
            "Nothing divides by 0: give temperature 0 a branch of its own.": (
                lambda z, t: torch.softmax(z / t, -1),
                lambda z, t: torch.softmax(z * (1 / t), -1),
            ),
            "On a tie only the lowest id gets the 1: use argmax.": (
                _at_zero(lambda z: (z == z.amax(-1, keepdim=True)).float()),
                _at_zero(lambda z: normal((z == z.amax(-1, keepdim=True)).float())),
            ),
            "At temperature 0 the top token gets all: a 1.": _at_zero(lambda z: z.softmax(-1)),
            "Below 0 the least likely token would win: raise ValueError with a message.": (
                lambda z, t: torch.softmax(z / t, -1) if t < 0 else probs_or_greedy(z, t)
            ),
            "An error is raised, not returned: raise ValueError(...).": (
                lambda z, t: ValueError if t < 0 else probs_or_greedy(z, t)
            ),
        },
        hints=(
            "Three branches: below 0, equal to 0, above 0.",
            "argmax(dim=-1, keepdim=True) gives the top token's place, the lowest on a tie.",
            "torch.zeros_like(logits).scatter(-1, top, 1.0) puts a 1 at these places.",
        ),
        why="Nothing can be divided by 0, so 0 is a convention with a branch of its own; argmax "
        "takes the first of equal logits.",
        tried="temperatures 0 and above, ties at 0, and a ValueError below 0",
    ),
)
