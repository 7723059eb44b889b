"""check, hint and solution: what a learner calls to work on an exercise. Shown in lesson 00.

An exercise is data (Exercise); its lesson's module, lesson_NN.py, holds it together with its check,
solution and known mistakes. `evaluate` gives the outcome, `check` prints it. All three take the
exercise's name, such as "01.softmax": the lesson and a word.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .answer import Answer, NotTried, Raised, TooManyCalls, Wrong, clip, say, show, wrap
from .progress import mark

SIGNS = {
    "right": "\u2714 right",
    "wrong": "\u2718 not yet",
    "not tried": "\u2013 not tried yet",
    "raised": "! your code raised",
    "stopped": "! stopped",
    "unknown": "? no such exercise",
}


@dataclass(frozen=True)
class Exercise:
    """One exercise: what it asks, how it is checked, and what helps.

    name: "01.softmax". difficulty: 1 to 3. minutes: a fair guess. check: takes the Answer, raises
    Wrong, returns what was tried in a few words. solution: the function that is tested and shown.
    why: a sentence on the solution. imports: what the solution needs. wrong: plausible wrong
    answers, each with a fragment that its message must hold.
    """

    name: str
    title: str
    difficulty: int
    minutes: int
    task: str
    check: Callable[[Answer], str]
    hints: tuple[str, ...]
    solution: Callable[..., object]
    why: str
    wrong: tuple[tuple[Callable[..., object], str], ...]
    imports: str = ""

    @property
    def call(self) -> str:
        """How the function is called: 'softmax(logits)'."""
        names = ", ".join(inspect.signature(self.solution).parameters)
        return f"{self.solution.__name__}({names})"


@dataclass(frozen=True)
class Outcome:
    """What came of a check. status: a key of SIGNS. message: what `check` prints."""

    status: str
    message: str


class UnknownExercise(LookupError):
    """There is no exercise of that name; the message lists those there are."""


def check(name: str, answer: object) -> None:
    """Check an answer to an exercise, print one short message, and keep a mark if it is right."""
    outcome = evaluate(name, answer)
    print(outcome.message)
    if outcome.status == "right":
        for line in mark(name):
            print(line)


def hint(name: str) -> None:
    """Print the exercise's next hint; each call goes one further."""
    if (exercise := _find_or_say(name)) is None:
        return
    count = len(exercise.hints)
    given = _hints_given[name] = _hints_given.get(name, 0) + 1
    text = exercise.hints[min(given, count) - 1]
    print("\n".join(wrap(f"hint {min(given, count)} of {count}: {text}", indent="")))
    if given > count:
        print(f'no more hints; solution("{name}") shows one way to do it')


def solution(name: str) -> None:
    """Print one solution of the exercise, the very code that is tested, and why it works."""
    if (exercise := _find_or_say(name)) is None:
        return
    imports = f"{exercise.imports}\n\n\n" if exercise.imports else ""
    print(imports + inspect.getsource(exercise.solution).rstrip() + "\n")
    print("\n".join(wrap(f"Why: {exercise.why}", indent="")))


_hints_given: dict[str, int] = {}


def evaluate(name: str, answer: object) -> Outcome:
    """Check an answer without printing; torch's and Python's random generators stay as they are."""
    try:
        exercise = find(name)
    except UnknownExercise as error:
        return _outcome("unknown", str(error))
    if answer is None or answer is ...:
        return _outcome("not tried", f"{name} wants the function {exercise.call}.")
    if not callable(answer):
        return _not_a_function(exercise, answer)
    asked = Answer(answer, exercise.solution)
    start = time.monotonic()
    try:
        with _torch_kept():
            tried = exercise.check(asked)
    except NotTried as reason:
        return _outcome("not tried", str(reason))
    except Raised as error:
        return _outcome("raised", str(error), [*asked.case(), *asked.prints()])
    except Wrong as wrong:
        return _wrong(wrong, [] if asked.calls == 0 else asked.case(), asked.prints())
    except KeyboardInterrupt:
        what = f"after {time.monotonic() - start:.0f} s; {asked.name} had not returned for"
        return _outcome("stopped", what, [*asked.case(), *asked.prints()])
    except TooManyCalls as error:
        return _wrong(Wrong(str(error)), asked.case(), asked.prints())
    except Exception as error:  # an answer whose result cannot even be looked at
        what = f"the check could not read what {asked.name} returned ({say(error)})"
        return _wrong(Wrong(what), asked.case(), asked.prints())
    return _outcome("right", f"{asked.name} holds on {asked.calls} inputs: {tried}.")


def lessons() -> list[str]:
    """List the lessons that have exercises: ['00', '01', '04']."""
    modules = pkgutil.iter_modules(sys.modules[__package__].__path__)
    return sorted(m.name.removeprefix("lesson_") for m in modules if m.name.startswith("lesson_"))


def exercises(lesson: str) -> tuple[Exercise, ...]:
    """Give a lesson's exercises in order; lesson: '01'. Imports the lesson's module."""
    return importlib.import_module(f"{__package__}.lesson_{lesson}").EXERCISES


def find(name: str) -> Exercise:
    """Find an exercise by its name; raises UnknownExercise with a list of those there are."""
    if not isinstance(name, str):
        example = 'check("01.softmax", softmax)'
        raise UnknownExercise(f"the name comes first and in quotes, as in {example}")
    lesson = name.partition(".")[0]
    if lesson not in lessons():
        raise UnknownExercise(f'"{clip(name, 30)}": lessons with exercises: {", ".join(lessons())}')
    names = {exercise.name: exercise for exercise in exercises(lesson)}
    if name in names:
        return names[name]
    close = difflib.get_close_matches(name, names, n=1)
    meant = f' Did you mean "{close[0]}"?' if close else ""
    listed = ", ".join(names)
    raise UnknownExercise(f'"{clip(name, 30)}".{meant}\n  Lesson {lesson} has {listed}')


def _find_or_say(name: str) -> Exercise | None:
    try:
        return find(name)
    except UnknownExercise as error:
        print(_outcome("unknown", str(error)).message)
        return None


def _outcome(status: str, text: str, more: list[str] | None = None) -> Outcome:
    first, *rest = f"{SIGNS[status]}: {text}".split("\n")
    return Outcome(status, "\n".join([*wrap(first, ""), *rest, *(more or [])]))


def _wrong(wrong: Wrong, case: list[str], prints: list[str]) -> Outcome:
    lines = list(case)
    lines += [f"  expected: {wrong.expected}"] if wrong.expected else []
    lines += [f"  got:      {wrong.got}"] if wrong.got else []
    return _outcome("wrong", wrong.what, [*lines, *wrap(wrong.advice), *prints])


def _not_a_function(exercise: Exercise, answer: object) -> Outcome:
    function = exercise.solution.__name__
    advice = f'Pass the function itself, without calling it: check("{exercise.name}", {function})'
    wrong = Wrong(
        "the answer is not a function", f"the function {exercise.call}", show(answer), advice
    )
    return _wrong(wrong, [], [])


@contextmanager
def _torch_kept() -> Iterator[None]:
    """Leave the random generators as they are; count on one thread, which then never waits.

    The tensors of the checks are tiny: on a busy machine, torch's threads would spend seconds
    waiting for one another.
    """
    state: Any = random.getstate()
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    torch_state = (torch.get_rng_state(), torch.get_num_threads()) if torch else None
    numpy_state = numpy.random.get_state() if numpy else None
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        random.setstate(state)
        if torch_state:
            torch.set_rng_state(torch_state[0])
            torch.set_num_threads(torch_state[1])
        if numpy:
            numpy.random.set_state(numpy_state)
