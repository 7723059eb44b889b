"""What an exercise is, and how an answer to it is judged.

An exercise is its solution, its cases and its known mistakes. An answer is run on the same cases as
the solution, smallest first. The first one where both differ is shown, and with it the sentence of
the mistake that does what the answer does. Used from lesson 00 on.
"""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..errors import own_line
from .calls import Call, Function, TooManyCalls, call, copied, is_stub, misfit, name_of, undisturbed
from .compare import Difference, difference
from .words import WIDTH, clip, say, show, wrap

SIGNS = {
    "right": "\u2714 right",
    "wrong": "\u2718 not yet",
    "not tried": "\u2013 not tried yet",
    "raised": "! your code raised",
    "stopped": "! stopped",
    "unknown": "? no such exercise",
}
FEW = 100  # so many cases are enough to tell which mistake it is


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    name: "01.softmax". difficulty: 1 to 3. minutes: a fair guess. solution: shown to
    the learner, and what answers are compared with. cases: yields the arguments, smallest
    first, the same everywhere, and makes them anew each time. mistakes: what to say, and the wrong
    function, or several, that makes it. why: a sentence on the solution. tried: what the cases
    cover. imports: what the solution needs.

    observe: called as observe(function, *arguments), gives what is compared, where that is more
    than what the function returns: a dict of named parts. near: how near is near enough. keep: what
    to say where the function changes an argument; "" where that does no harm.
    """

    name: str
    title: str
    difficulty: int
    minutes: int
    solution: Function
    cases: Callable[[], Iterable[tuple[Any, ...]]]
    mistakes: Mapping[str, Function | tuple[Function, ...]]
    hints: tuple[str, ...]
    why: str
    tried: str
    imports: str = "import torch"
    observe: Function = lambda function, *args: function(*args)
    near: float = 1e-4
    keep: str = ""

    @property
    def parameters(self) -> list[str]:
        """The names of the arguments."""
        return list(inspect.signature(self.solution).parameters)

    @property
    def call(self) -> str:
        """How the function is called: 'softmax(logits)'."""
        return f"{self.solution.__name__}({', '.join(self.parameters)})"

    @property
    def keyword(self) -> str:
        """By what the function gives its result; a generator has no `return`."""
        return "yield" if inspect.isgeneratorfunction(self.solution) else "return"

    def run(self, function: Function) -> Iterator[Call]:
        """Call a function on each case."""
        return (call(self.observe, function, args) for args in self.cases())

    def describe(self, args: tuple[Any, ...], shapes: bool = False) -> list[str]:
        """Describe a case, a line for each argument that is no function; shapes: of tensors too."""
        texts = {n: show(v) for n, v in zip(self.parameters, args, strict=True) if not callable(v)}
        if shapes:
            for name, value in zip(self.parameters, args, strict=True):
                if texts.get(name, "").startswith("tensor("):
                    texts[name] += f" of shape {tuple(value.shape)}"
        return [clip(f"  {name}: {text}", WIDTH) for name, text in texts.items()]


@dataclass(frozen=True)
class Outcome:
    """What came of a check. status: a key of SIGNS. message: what `check` prints."""

    status: str
    message: str

    @classmethod
    def of(cls, status: str, text: str, lines: Iterable[str] = (), advice: str = "") -> Outcome:
        """Make the message: the sign and a text, lines about the case, a sentence that helps."""
        return cls(
            status, "\n".join([*wrap(f"{SIGNS[status]}: {text}", ""), *lines, *wrap(advice)])
        )


def judge(exercise: Exercise, answer: object) -> Outcome:
    """Run an answer on the cases; all random generators stay as they are."""
    if answer is None or answer is ...:
        return Outcome.of("not tried", f"{exercise.name} wants the function {exercise.call}.")
    if not callable(answer):
        found = Difference("the answer is not a function", exercise.call, show(answer))
        usage = f'check("{exercise.name}", {exercise.solution.__name__})'
        return _wrong(found, advice=f"Pass the function itself, without calling it: {usage}")
    with undisturbed():
        return _judge(exercise, answer)


def _judge(exercise: Exercise, answer: Function) -> Outcome:
    name, start, count = name_of(answer), time.monotonic(), 0
    # The arguments three times: for the solution, for the answer, and to show.
    cases = zip(exercise.cases(), exercise.cases(), exercise.cases(), strict=True)
    for count, (theirs, mine, shown) in enumerate(cases, start=1):
        if its := misfit(answer, mine):
            what = f"{name} does not take the arguments the exercise gives it"
            return _wrong(Difference(what, exercise.call, its))
        want, case = call(exercise.observe, exercise.solution, theirs), exercise.describe(shown)
        try:
            got = call(exercise.observe, answer, mine)
        except KeyboardInterrupt:
            seconds = time.monotonic() - start
            return Outcome.of(
                "stopped", f"after {seconds:.0f} s; {name} had not returned for", case
            )
        if count == 1 and (reason := _not_tried(exercise, answer, got)):
            return Outcome.of("not tried", reason)
        if found := _difference(exercise, name, got, want):
            advice = _advice(exercise, answer, count - 1)
            if want.error is None and got.error and not isinstance(got.error, TooManyCalls):
                place = [clip(line, WIDTH) for line in own_line(got.error)]
                case = exercise.describe(shown, shapes=True)
                return Outcome.of("raised", say(got.error), [*place, *case, *got.prints()], advice)
            return _wrong(found, [*case], advice, got.prints())
        if exercise.keep and (found := _changed(exercise, name, shown, mine)):
            return _wrong(found, case, exercise.keep, got.prints())
    return Outcome.of("right", f"{name} holds on {count} inputs: {exercise.tried}.")


def _not_tried(exercise: Exercise, answer: Function, got: Call) -> str:
    """Say why an answer counts as not tried yet, by its first call, or return ""."""
    name, place = name_of(answer), "".join(own_line(got.error)) if got.error else ""
    if got.error is None:
        stub = got.returned is None and not got.printed and is_stub(answer)
        nothing = got.returned is ... or stub
        asked = f"Does it have its `{exercise.keyword}`?"
        return f"{name} returns nothing so far. {asked}" if nothing else ""
    # torch raises NotImplementedError too; a stub says so on the very line that raises it.
    if isinstance(got.error, NotImplementedError) and (not place or "NotImplemented" in place):
        return f"{name} raises NotImplementedError so far."
    if isinstance(got.error, TypeError | AttributeError) and "ellipsis" in str(got.error):
        return f"a `...` is still to be filled in, {place.strip()}"
    return ""


def _difference(exercise: Exercise, name: str, got: Call, want: Call) -> Difference | None:
    """Compare two calls: errors by their class, values part by part."""
    if isinstance(got.error, TooManyCalls):
        return Difference(str(got.error))
    if want.error is not None and not isinstance(want.error, ValueError):
        raise want.error  # the exercise is broken; no answer could be right
    if want.error is not None and got.unreadable is None:
        if isinstance(got.error, type(want.error)):
            return None
        came = say(got.error) if got.error else f"{show(got.returned)} is returned"
        return Difference("an error is due here", f"{type(want.error).__name__} is raised", came)
    if got.error is not None:
        return Difference(f"{name} raised an error", got=say(got.error))
    if got.returned is None and want.returned is not None:
        what = f"{name} returned None here: is a `{exercise.keyword}` missing?"
        return Difference(what, show(want.returned), "None")
    try:
        if got.unreadable is not None:
            raise got.unreadable
        return difference(got.value, want.value, exercise.near)
    except Exception as error:  # a value that cannot even be looked at
        return Difference(f"what {name} returned cannot be read ({say(error)})")


def _changed(exercise: Exercise, name: str, before: tuple, after: tuple) -> Difference | None:
    """Find a list, a dict or a tensor among the arguments that the function has changed."""
    for argument, old, new in zip(exercise.parameters, before, after, strict=True):
        if copied(old) is not old and difference(new, old) is not None:
            what = f"{name} changed its argument `{argument}`"
            return Difference(what, f"{argument} still {show(old)}", show(new))
    return None


def _advice(exercise: Exercise, answer: Function, at: int) -> str:
    """Return the sentence of the mistake that does what the answer does, or "".

    That is: in the failing case, and in most of all cases, since many slips agree somewhere.
    """
    advice, most, count = "", 0.5, max(FEW, at + 1)
    try:
        mine = list(islice(exercise.run(answer), count))
        for sentence, functions in exercise.mistakes.items():
            for function in functions if isinstance(functions, tuple) else (functions,):
                share = _share(mine, islice(exercise.run(function), count), at, exercise.near)
                if share > most:
                    advice, most = sentence, share
    except KeyboardInterrupt:  # an answer that does not return in a later case
        pass
    return advice


def _share(mine: list[Call], its: Iterator[Call], at: int, near: float) -> float:
    """Return in which share of the cases both do the same; 0 unless they do in case `at`."""
    alike = 0
    for place, (one, other) in enumerate(zip(mine, its, strict=False)):
        same = _alike(one, other, near)
        if place == at and not same:
            return 0.0
        alike += same
    return alike / len(mine)


def _alike(one: Call, other: Call, near: float) -> bool:
    """Say whether two calls did the same; errors do that are alike but for their numbers."""
    errors = [call.error or call.unreadable for call in (one, other)]
    if any(errors):
        texts = {re.sub(r"\d+", "", say(error)) if error else "" for error in errors}
        return len(texts) == 1
    try:
        return difference(one.value, other.value, near) is None
    except Exception:
        return False


def _wrong(
    found: Difference, case: list[str] | None = None, advice: str = "", prints: Iterable[str] = ()
) -> Outcome:
    """Tell what is wrong: the case, what was expected and what came, a sentence that helps."""
    both = {"  expected: ": found.expected, "  got:      ": clip(found.got)}
    lines = [*(case or []), *(sign + text for sign, text in both.items() if text)]
    return Outcome.of("wrong", found.what, [*lines, *wrap(advice), *prints])
