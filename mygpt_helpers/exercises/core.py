"""check, hint and solution: what a learner calls to work on an exercise. Shown in lesson 00.

An exercise is data (Exercise); its lesson's module, lesson_NN.py, holds it together with its check,
solution and known mistakes. `evaluate` gives the outcome, `check` prints it. All three take the
exercise's name, such as "01.softmax": the lesson and a word.
"""

from __future__ import annotations

import difflib
import dis
import importlib
import inspect
import linecache
import pkgutil
import random
import re
import sys
import sysconfig
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .answer import WIDTH, Answer, NotTried, Raised, TooManyCalls, Wrong, clip, show, wrap
from .marks import mark

SIGNS = {
    "right": "\u2714 right",
    "wrong": "\u2718 not yet",
    "not tried": "\u2013 not tried yet",
    "raised": "! your code raised",
    "stopped": "! stopped",
    "unknown": "? no such exercise",
}

_LIBRARIES = tuple(
    {sysconfig.get_path(key) for key in ("stdlib", "purelib", "platlib")} | {"<frozen"}
)


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
    except Raised as raised:
        return _raised(asked, raised.__cause__)
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
    """List the lessons that have exercises: ['00', '01', ...]."""
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


def _raised(asked: Answer, error: Any) -> Outcome:  # noqa: ANN401
    """Put an error of the learner's code into words; a stub's error is none."""
    place, text = _where(error), _text(error)
    # torch raises NotImplementedError too; a stub says so on the very line that raises it.
    stub = isinstance(error, NotImplementedError) and (
        ": " not in place or "NotImplementedError" in place
    )
    if stub and asked.calls == 1:
        return _outcome("not tried", f"{asked.name} raises NotImplementedError so far.")
    if isinstance(error, TypeError | AttributeError) and "ellipsis" in text:
        return _outcome("not tried", f"a `...` is still to be filled in, {place}")
    what = f"{say(error)}\n  {place}" if place else say(error)
    more = [*asked.case(shapes=True), *wrap(_cause(asked, text)), *asked.prints()]
    return _outcome("raised", what, more)


def _cause(asked: Answer, text: str) -> str:
    """Say what often stands behind an error of this text."""
    if "NoneType" in text:
        return asked.silent_method()
    if "only one element" in text or "to Scalar" in text:
        if asked.uses("math"):
            names = " and ".join(f"torch.{name}" for name in ("exp", "log") if asked.uses(name))
            works = "work" if " and " in names else "works"
            return f"math works on one number; {names or 'torch.exp'} {works} on a tensor."
        return "Only a tensor of one entry can become a Python number (float, math, .item())."
    if "must match the size of tensor" in text:
        return "Shapes that do not fit: keepdim=True keeps the dimension of a sum or a maximum."
    return ""


def _where(error: BaseException) -> str:
    """Say where in the learner's own code an error arose: 'line 3 of softmax: return ...'."""
    frames = list(traceback.walk_tb(error.__traceback__))[1:]  # the first one is Answer's
    if not frames:
        return ""
    own = [pair for pair in frames if not pair[0].f_code.co_filename.startswith(_LIBRARIES)]
    frame, line_number = (own or frames[:1])[-1]
    code = frame.f_code
    source = linecache.getline(code.co_filename, line_number or 0, frame.f_globals).strip()
    place = f"line {(line_number or code.co_firstlineno) - code.co_firstlineno + 1}"
    return clip(f"{place} of {code.co_name}" + (f": {source}" if source else ""), WIDTH - 4)


def on_purpose(error: BaseException | None) -> bool:
    """Say whether a `raise` or an `assert` of the learner's own raised the error."""
    trace = error.__traceback__ if error else None
    while trace and trace.tb_next:
        trace = trace.tb_next
    if not trace or trace.tb_frame.f_code.co_filename.startswith(_LIBRARIES):
        return False
    return dis.opname[trace.tb_frame.f_code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"


def say(error: BaseException) -> str:
    """Name an error's class and the first line of its message."""
    first = _text(error).strip().partition("\n")[0]
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", first)
    return clip(f"{type(error).__name__}: {text}" if text else type(error).__name__, 2 * WIDTH)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""
