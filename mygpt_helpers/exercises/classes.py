"""What was hard for a class: tries from its learners' progress files. `mygpt_helpers class`.

Only what learners agreed to is in the files, see tries.py. The table has no names, and no row of
fewer than three learners: it would tell what one of them did.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

from ..console import say
from ..errors import InputError
from ..pictures.class_tries import ExerciseRow, QuestionRow, class_text, save_class
from ..pictures.tables import visible_title
from ..widgets.question import Question
from .core import exercises, lessons
from .engine import Exercise
from .marks import Progress, read_progress
from .questions import questions
from .tries import NEW, is_count

FEWEST = 3  # learners of a row; of two, each knows the other


def show_class(options: argparse.Namespace) -> int:
    """Print the table of a class, and draw it where --out says; return the exit code."""
    out = Path(options.out) if options.out else None
    if out and out.suffix.lower() != ".png":
        raise InputError(f"--out must end in .png, got {options.out!r}: no learner's file is lost")
    found, left_out = read_class(map(Path, options.files))
    for line in left_out:
        say(visible_title(line, None))
    if len(found) < FEWEST:
        raise InputError(
            f"learners with tries: {len(found)}. A table of fewer than {FEWEST} may tell who it "
            "was, so there is none."
        )
    rows = exercise_rows(found), question_rows(found)
    say(class_text(len(found), *rows))
    if out:
        save_class(out, len(found), *rows)
        say(f"The picture is {out}")
    return 0


def read_class(paths: Iterable[Path]) -> tuple[list[Progress], list[str]]:
    """Return what each learner's file holds, and a line for each file that is left out."""
    found, lines = [], []
    known = {one.name for one in (*_all_exercises(), *_all_questions())}
    seen: dict[Path, Path] = {}
    for path in _files(paths, lines):
        if (first := seen.setdefault(Path(os.path.realpath(path)), path)) is not path:
            lines.append(f"{path}: looked at once; it is {first}")
            continue
        try:
            progress = read_progress(path)
            _check_tries(progress)
        except OSError as error:
            lines.append(f"{path}: left out, {error.strerror or error}")
        except ValueError as error:
            lines.append(f"{path}: left out, {error}")
        else:
            if progress in found:
                lines.append(f"{path}: counted, and equal to another one: is it a copy?")
            if unknown := _names(progress) - known:
                what = f"{len(unknown)} of its names are not in this version of the course"
                lines.append(f"{path}: counted, but {what}")
            found.append(progress)
    return found, lines


def _files(paths: Iterable[Path], lines: list[str]) -> Iterator[Path]:
    """Yield the files given, and those in the folders given."""
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        inside = sorted(path.rglob("*.json"))
        if not inside:
            lines.append(f"{path}: no progress file, such as progress.json, is in this folder")
        yield from inside


def _check_tries(progress: Progress) -> None:
    """Raise ValueError where a file has no tries, or not in the form that tries.py gives them."""
    tries, first = progress.get("tries"), progress.get("first", {})
    if not tries and not first:
        raise ValueError("it holds no tries: the learner did not ask for them")
    good = isinstance(tries or {}, dict) and isinstance(first, dict)
    good = good and all(isinstance(letter, str) for letter in first.values())
    for one in (tries or {}).values() if good else ():
        good = good and isinstance(one, dict) and one.keys() == NEW.keys()
        good = good and all(map(is_count, one.values()))
    if not good:
        raise ValueError("its tries are not of this version of the course, or damaged")


def _names(progress: Progress) -> set[str]:
    return {*(progress.get("tries") or {}), *progress.get("first", {})}


def _all_exercises() -> Iterator[Exercise]:
    return (exercise for lesson in lessons() for exercise in exercises(lesson))


def _all_questions() -> Iterator[Question]:
    return (question for lesson in lessons("questions") for question in questions(lesson))


def exercise_rows(found: list[Progress]) -> list[ExerciseRow]:
    """Return a row for each exercise that somebody tried, in the course's order."""
    rows = []
    for name in (exercise.name for exercise in _all_exercises()):
        tried = [one for one in found if name in (one.get("tries") or {})]
        tries = [one["tries"][name] for one in tried]
        if not tries:
            continue
        if len(tries) < FEWEST:
            rows.append(ExerciseRow(name))
            continue
        checks = [one["checks"] for one in tries]
        solved = sum(name in one["solved"] for one in tried)
        asked = [sum(one[what] > 0 for one in tries) for what in ("hints", "solutions")]
        rows.append(ExerciseRow(name, len(tries), solved, median(checks), max(checks), *asked))
    return rows


def question_rows(found: list[Progress]) -> list[QuestionRow]:
    """Return a row for each question that somebody answered, in the course's order."""
    rows = []
    for question in _all_questions():
        letters = {"abcde"[i]: choice for i, choice in enumerate(question.choices)}
        given = [one.get("first", {}).get(question.name) for one in found]
        chosen = Counter(letter for letter in given if letter in letters)
        if not (count := chosen.total()):
            continue
        if count < FEWEST:
            rows.append(QuestionRow(question.name))
            continue
        wrong = Counter({one: n for one, n in chosen.items() if not letters[one].right})
        right = (count - wrong.total()) / count
        worst = [f"{one}. {letters[one].text}" for one, _ in wrong.most_common(1)]
        rows.append(QuestionRow(question.name, count, right, "".join(worst)))
    return rows
