"""How many tries an exercise took, and what was chosen first: kept only where that was asked for.

A learner asks by keep_tries(); for a class, its administrator by MYGPT_TRIES=on. Both go into the
learner's own progress file, as "tries" and "first": counts and letters, no names, no code, no
times. `python -m mygpt_helpers class` reads them. Said in lesson 00.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from string import ascii_lowercase
from typing import Any

from ..console import say
from .marks import Progress, once, place, read_progress, update
from .words import clip

NEW = {"checks": 0, "hints": 0, "solutions": 0}  # of an exercise, until it is solved


def keep_tries(on: bool = True) -> None:
    """Have your tries counted from now on, or no longer: then what was counted is removed.

    Your own word counts more than MYGPT_TRIES. Used in lesson 00.
    """

    def change(data: Progress) -> Progress:
        if on:
            return data | {"tries": data.get("tries") or {}}
        return {n: one for n, one in data.items() if n != "first"} | {"tries": False}

    for line in update(change):
        say(line)
    say("your tries are counted from now on" if _is_asked_for() else "no tries are kept")


def count(name: str, what: str) -> None:
    """Count a check, a hint or a look at the solution, until the exercise is solved."""

    def add(data: Progress) -> Progress:
        if name in data["solved"]:
            return data
        tries = _dict(data, "tries")
        one = NEW | _dict(tries, name)
        one[what] = one[what] + 1 if is_count(one[what]) else 1
        return data | {"tries": tries | {name: one}}

    for line in _update_if_kept(add):
        say(line)


def first_choice(name: str, choice: int) -> list[str]:
    """Keep the letter of a question's first choice; return the lines to tell the learner."""
    letter = ascii_lowercase[choice]
    return _update_if_kept(lambda data: data | {"first": {name: letter} | _dict(data, "first")})


def is_count(value: object) -> bool:
    """Tell whether a value of a file is a number of tries."""
    return type(value) is int and 0 <= value < 10**6


def _update_if_kept(change: Callable[[Progress], Progress]) -> list[str]:
    lines = update(change) if _is_asked_for() else []
    if _for_class() not in ("", "on", "off"):
        lines += once(f"MYGPT_TRIES must be on or off, got {clip(_for_class(), 20)}: taken as off")
    return lines


def _for_class() -> str:
    return os.environ.get("MYGPT_TRIES", "").strip().lower()


def _is_asked_for() -> bool:
    """Tell whether tries are kept: the learner's own word first, and then the administrator's."""
    own = None
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # what is wrong `update` says
        if (path := place()) is None:
            return False
        own = read_progress(path).get("tries")
    return _for_class() == "on" if own is None else own is not False


def _dict(data: dict[str, Any], part: str) -> dict[str, Any]:
    """Return a part that may be damaged."""
    return found if isinstance(found := data.get(part), dict) else {}
