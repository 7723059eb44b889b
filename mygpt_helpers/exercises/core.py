"""check, hint and solution: what a learner calls to work on an exercise. Shown in lesson 00.

All three take the exercise's name, such as "01.softmax": the lesson and a word. A lesson's module,
lesson_NN.py, holds its exercises, and is imported when one of them is asked for.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from ..console import say
from .engine import Exercise, Outcome, judge
from .marks import mark
from .tries import count
from .words import clip, wrap


class _HasName(Protocol):
    name: str


Named = TypeVar("Named", bound=_HasName)
TRIED = ("right", "wrong", "raised", "stopped")  # what a check finds where something was written
_hints_given: dict[str, int] = {}


def check(name: str, answer: object) -> None:
    """Check an answer to an exercise, print one short message, and keep a mark if it is right."""
    came = evaluate(name, answer)
    say(came.message)
    if came.status in TRIED:
        count(name, "checks")
    if came.status == "right":
        for line in mark(name):
            say(line)


def hint(name: str) -> None:
    """Print the exercise's next hint; each call goes one further."""
    if isinstance(exercise := find(name), Outcome):
        say(exercise.message)
        return
    most = len(exercise.hints)
    given = _hints_given[name] = _hints_given.get(name, 0) + 1
    text = exercise.hints[min(given, most) - 1]
    say("\n".join(wrap(f"hint {min(given, most)} of {most}: {text}", indent="")))
    if given > most:
        say(f'no more hints; solution("{name}") shows one way to do it')
    count(name, "hints")


def solution(name: str) -> None:
    """Print one solution of the exercise, the very code that is tested, and why it works."""
    if isinstance(exercise := find(name), Outcome):
        say(exercise.message)
        return
    imports = f"{exercise.imports}\n\n\n" if exercise.imports else ""
    say(imports + inspect.getsource(exercise.solution).rstrip() + "\n")
    say("\n".join(wrap(f"Why: {exercise.why}", indent="")))
    count(name, "solutions")


def evaluate(name: str, answer: object) -> Outcome:
    """Check an answer without printing; torch's and Python's random generators stay as they are."""
    exercise = find(name)
    return exercise if isinstance(exercise, Outcome) else judge(exercise, answer)


def lessons(kind: str = "lesson") -> list[str]:
    """List the lessons that have exercises, or another module kind_NN: ['00', '01', ...]."""
    modules = pkgutil.iter_modules(sys.modules[__package__].__path__)
    return sorted(m.name.removeprefix(f"{kind}_") for m in modules if m.name.startswith(f"{kind}_"))


def exercises(lesson: str) -> tuple[Exercise, ...]:
    """Give a lesson's exercises in order; lesson: '01'. Imports the lesson's module."""
    return importlib.import_module(f"{__package__}.lesson_{lesson}").EXERCISES


def find(name: str) -> Exercise | Outcome:
    """Find an exercise by its name; where there is none, return an Outcome that says so."""
    usage = 'check("01.softmax", softmax)'
    found = look_up(name, lessons(), exercises, "exercises", usage)
    return Outcome.of("unknown", found) if isinstance(found, str) else found


def look_up(
    name: str,
    lessons: Sequence[str],
    named: Callable[[str], Sequence[Named]],
    what: str,
    usage: str,
) -> Named | str:
    """Find what has this name, or return why there is none; named: gives all of a lesson."""
    if not isinstance(name, str):
        return f"the name comes first, in quotes: {usage}"
    lesson, shown = name.partition(".")[0], f'"{clip(name, 30)}"'
    if lesson not in lessons:
        return f"{shown}: lessons with {what}: {', '.join(lessons)}"
    names = {one.name: one for one in named(lesson)}
    if name in names:
        return names[name]
    close = difflib.get_close_matches(name, names, n=1)
    meant = f' Did you mean "{close[0]}"?' if close else ""
    return f"{shown}.{meant} Lesson {lesson} has {', '.join(names)}."
