"""The exercises of lesson 04: temperature."""

import torch

from .answer import Answer, Raised, Wrong, number, show
from .core import Exercise, on_purpose, say
from .tensors import (
    judge,
    logits,
    many_logits,
    normal,
    search_advice,
    small_first,
    to_number,
    top_prob,
    without_keepdim,
)


def temperature_probs(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return softmax(logits / temperature), (..., V), over the last dimension."""
    return torch.softmax(logits / temperature, dim=-1)


def _check_temperature_probs(answer: Answer) -> str:
    ordinary, extreme = (1.0, 2.0, 0.5), (100.0, 0.001)  # powers of probabilities fail the latter
    pairs = [(case, t) for ts in (ordinary, extreme) for case in many_logits() for t in ts]
    for case, temperature in pairs:
        right = torch.softmax(case.double() / temperature, -1)
        judge(answer(case, temperature), right, _temperature_mistakes, case, temperature)
        answer.must_not_change(
            "A slider calls it again and again with the same logits: write "
            "`logits / temperature`, which makes a new tensor, not `logits /= temperature`."
        )
    return "temperatures from 0.001 to 100, flat, peaked and tied logits"


def _temperature_mistakes(case: torch.Tensor, temperature: float) -> list[tuple[object, str]]:
    probs = torch.softmax(case.double(), -1)
    powers = (case / temperature).exp()
    lost = "The powers of the probabilities underflow to 0 at this temperature"
    if temperature > 1:
        lost = "Softmax made some probabilities 0, and their powers are 0 too"
    return [
        (normal(torch.softmax(case, -1) ** (1 / temperature)), f"{lost}; divide the logits."),
        (torch.softmax(case.double() * temperature, -1), "Divide by it; do not multiply."),
        (probs / temperature, "Divide the logits, before softmax, not the probabilities."),
        (torch.softmax(probs / temperature, -1), "Divide the logits: one softmax, not two."),
        (probs, "The temperature makes no difference here: divide the logits by it."),
        (case / temperature, "Those are still logits: softmax comes after dividing."),
        (torch.softmax(case / temperature, 0), "softmax goes over the last dimension."),
        (powers / powers.sum(-1, keepdim=True), "exp overflowed: use torch.softmax."),
    ]


def reshape_probs(probs: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return what the temperature makes of probs (..., V), without their logits."""
    powers = (probs / probs.amax(dim=-1, keepdim=True)) ** (1 / temperature)  # (..., V)
    return powers / powers.sum(dim=-1, keepdim=True)


def _check_reshape_probs(answer: Answer) -> str:
    first = [[0.2, 0.8], [1.0, 0.0], [0.0, 0.25, 0.75], [[0.5, 0.5], [0.1, 0.9]]]
    first += [[[0.5, 0.5, 0.0], [0.0, 0.1, 0.9]]]
    cases = [*map(logits, first), *(torch.softmax(case, -1) for case in many_logits())]
    pairs = [(case, t) for case in small_first(cases) for t in (1.0, 2.0, 0.5, 10.0)]
    row = [0.3, 0.3, 0.2, 0.2]  # 0.3 to the power of 100 is 0 in float32
    pairs += [(logits(tiny), 0.01) for tiny in (row, [row, [0.9, 0.1, 0.0, 0.0]])]
    for case, temperature in pairs:
        right = normal(case.double() ** (1 / temperature))
        judge(answer(case, temperature), right, _reshape_mistakes, case, temperature)
    return "the same as softmax(logits / temperature), zeros kept"


def _reshape_mistakes(case: torch.Tensor, temperature: float) -> list[tuple[object, str]]:
    powers = case.double() ** (1 / temperature)
    return [
        (
            lambda got: temperature < 0.1 and not bool((got.sum(-1) > 0.5).all()),
            "The powers underflow to 0 in float32: divide by the row's largest probability first.",
        ),
        (powers, "These do not sum to 1: divide each row by its sum."),
        (without_keepdim(powers), "Keep the dimension you sum over: keepdim=True."),
        (powers / powers.sum(), "Divide each row by its own sum: dim=-1, keepdim=True."),
        (torch.softmax(case / temperature, -1), "softmax expects logits, not these."),
        (torch.softmax(powers, -1), "Divide by the sum; softmax would bend them again."),
        (normal(case.double() ** temperature), "The exponent is 1 / temperature."),
        (case / temperature, "Raise to the power of 1 / temperature; then normalise."),
        (case, "The temperature makes no difference here."),
        (
            lambda got: bool((got[case == 0] > 1e-6).any()),
            "Zeros stay zero: add and clamp nothing. log(0) is -inf, and softmax gives 0 for it.",
        ),
    ]


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


def _check_temperature_for(answer: Answer) -> str:
    rows = [[0.0, 1.0], [2.0, 1.0, 0.0], [0.3, 0.1, 0.2, 0.0], [9.0, 4.0, 8.5, -3.0], [0.0, 40.0]]
    rows += [list(range(50))]
    for row in rows:
        case = logits(row)
        for temperature in (1.0, 2.0, 0.5, 0.1, 10.0, 0.37, 0.83, 1.73, 6.1):
            target = round(top_prob(case, temperature), 3)
            if not 1 / len(row) + 0.002 < target < 0.995:
                continue  # so near an end that many temperatures serve
            got = to_number(answer(case, target))
            if not 0 < got < float("inf"):
                advice = "It lies between 0.01 and 100: the higher, the less likely the top token."
                raise Wrong("a temperature is a number above 0", got=number(got), advice=advice)
            top = top_prob(case, got)
            if abs(top - target) > 1e-3:
                raise Wrong(
                    "at this temperature the top token has another probability",
                    f"{show(target)} for the top token",
                    f"{number(top)}, at temperature {number(got)}",
                    search_advice(answer, case, target, got),
                )
    return "flat and peaked logits, low and high targets"


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


def _check_probs_or_greedy(answer: Answer) -> str:
    for case in many_logits():
        for temperature in (1.0, 0.0, 0.5, 2.0):
            if temperature == 0:
                _judge_greedy(answer, case)
            else:
                judge(answer(case, temperature), torch.softmax(case.double() / temperature, -1))
        if case.numel() == 2:
            _judge_negative(answer, case)
    return "temperatures 0 and above, ties at 0, and a ValueError below 0"


def _judge_greedy(answer: Answer, case: torch.Tensor) -> None:
    top = case.max(-1, keepdim=True).values
    first = torch.zeros_like(case).scatter(-1, (case == top).int().argmax(-1, keepdim=True), 1.0)
    try:
        got = answer(case, 0.0)
    except Raised as raised:
        error = raised.__cause__
        if not on_purpose(error) and not isinstance(error, ZeroDivisionError):
            raise
        wanted, came = "a 1 for the top token, 0 for the rest", say(error)
        advice = "Only below 0 is an error due; 0 needs a branch of its own, before any division."
        raise Wrong("temperature 0 must not raise", wanted, came, advice) from None
    judge(got, first, _greedy_mistakes, case)


def _greedy_mistakes(case: torch.Tensor) -> list[tuple[object, str]]:
    tops = (case == case.amax(-1, keepdim=True)).double()
    return [
        (case / 0, "Nothing divides by 0: give temperature 0 a branch of its own."),
        (torch.softmax(case / 0, -1), "Dividing by 0 gives NaN: temperature 0 needs a branch."),
        (normal(tops), "On a tie the lowest id gets it all: use argmax."),
        (tops, "On a tie only the lowest id gets the 1: use argmax."),
        (tops.long(), "Probabilities are floats: .float() turns the 0s and 1s into some."),
        (torch.softmax(case.double(), -1), "At temperature 0 the top token gets all: a 1."),
        (case.argmax(-1), "At temperature 0 return probabilities too: 1 at that id, else 0."),
    ]


def _judge_negative(answer: Answer, case: torch.Tensor) -> None:
    error = answer.error(case, -1.0)
    if isinstance(error, ValueError):
        return
    if isinstance(answer.returned, ValueError) or answer.returned is ValueError:
        wanted = "raise ValueError(...)"
        raise Wrong(f"{answer.name} returned a ValueError; raise it", wanted, "return ...")
    what, came = "a negative temperature is accepted", "no error"
    if error is not None:
        what, came = "a negative temperature raises another error", say(error)
    advice = "Below 0 the least likely token would win: raise ValueError with a message."
    raise Wrong(what, "a ValueError", came, advice)


EXERCISES = (
    Exercise(
        name="04.temperature",
        title="Temperature",
        difficulty=1,
        minutes=4,
        task="Return softmax(logits / temperature) over the last dimension, (..., V); "
        "leave the logits as they are.",
        check=_check_temperature_probs,
        hints=(
            "Temperature acts on the logits, before softmax.",
            "Divide the logits by the temperature, then torch.softmax(..., dim=-1).",
        ),
        solution=temperature_probs,
        why="Dividing the logits shrinks or stretches the gaps between them, and softmax turns "
        "gaps into ratios of probabilities.",
        wrong=(
            (lambda logits, temperature: torch.softmax(logits * temperature, -1), "multiply"),
            (lambda logits, temperature: torch.softmax(logits, -1) / temperature, "before softmax"),
            (lambda logits, temperature: torch.softmax(logits, -1), "makes no difference"),
            (lambda logits, temperature: torch.softmax(logits / temperature, 0), "last dimension"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="04.find_temperature",
        title="Find the temperature",
        difficulty=3,
        minutes=8,
        task="Return the temperature, between 0.01 and 100, at which the top token of logits (V,) "
        "has probability `target`, to within 0.001.",
        check=_check_temperature_for,
        hints=(
            "The top token's probability only ever falls as the temperature rises.",
            "Keep an interval, low = 0.01 and high = 100, and look at a temperature inside it.",
            "Too sure there? Then the answer lies above: low = middle. Else high = middle. "
            "Sixty halvings leave nothing of the interval.",
        ),
        solution=temperature_for,
        why="The top probability falls steadily as the temperature rises, so each look halves "
        "the interval; the middle is taken by ratio, since temperatures span four powers of ten.",
        wrong=(
            (lambda logits, target: target, "the target itself"),
            (lambda logits, target: -1.0, "above 0"),
            (lambda logits, target: logits / target, "not one number"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="04.from_probs",
        title="Temperature without the logits",
        difficulty=2,
        minutes=5,
        task="From probabilities (..., V) alone, return what softmax(logits / temperature) gives.",
        check=_check_reshape_probs,
        hints=(
            "exp(z / t) is exp(z) to the power of 1 / t.",
            "Raise each probability to the power of 1 / temperature; a zero stays zero.",
            "The powers do not sum to 1: divide each row by its sum, with keepdim=True. Divided "
            "by the row's largest first, they survive a tiny temperature too.",
        ),
        solution=reshape_probs,
        why="exp(z / t) is exp(z) ** (1 / t), so the powers keep the right ratios; dividing by "
        "the largest first keeps tiny temperatures from turning every power into 0.",
        wrong=(
            (lambda probs, temperature: probs ** (1 / temperature), "do not sum to 1"),
            (lambda probs, temperature: torch.softmax(probs / temperature, -1), "expects logits"),
            (lambda probs, temperature: normal(probs**temperature), "exponent is 1 / temperature"),
            (lambda probs, temperature: normal(probs / temperature), "makes no difference"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="04.zero",
        title="A temperature of 0",
        difficulty=2,
        minutes=5,
        task="Temperature 0: a 1 for the top token (lowest id on a tie), 0 for the rest. Above 0: "
        "softmax(logits / temperature). Below 0: ValueError.",
        check=_check_probs_or_greedy,
        hints=(
            "Three branches: below 0, equal to 0, above 0.",
            "argmax(dim=-1, keepdim=True) gives the top token's place, the lowest on a tie.",
            "torch.zeros_like(logits).scatter(-1, top, 1.0) puts a 1 at these places.",
        ),
        solution=probs_or_greedy,
        why="Nothing can be divided by 0, so 0 is a convention with a branch of its own; argmax "
        "takes the first of equal logits.",
        wrong=(
            (lambda logits, temperature: torch.softmax(logits / temperature, -1), "NaN"),
            (lambda logits, temperature: torch.softmax(logits, -1), "top token gets all"),
        ),
        imports="import torch",
    ),
)
