"""Which exercises are solved and what was predicted: kept in one small file of the learner's.

The file is progress.json in the user's data folder; MYGPT_PROGRESS names another file, or "off" to
neither read nor write one. It is replaced as a whole and under a lock, so that neither two kernels
at once nor a crash lose a mark, and what cannot be read is moved aside, never overwritten.
Used from lesson 00 on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..console import say
from ..files import path_in, refuse_special, write_whole

_said: set[str] = set()  # what this kernel has said once and need not say again
_LOCK_SECONDS = 5
MOST_BYTES = 1_000_000  # all exercises solved and all questions answered take 20,000
Progress = dict[str, Any]
_NOTHING: Progress = {"solved": [], "answers": {}}


def place() -> Path | None:
    """Return the file the progress is kept in, or None where it is off."""
    if os.environ.get("MYGPT_PROGRESS", "").strip().lower() == "off":
        return None
    import platformdirs

    folder = platformdirs.user_data_dir("mygpt", appauthor=False)
    path = path_in("MYGPT_PROGRESS") or Path(folder, "progress.json")
    return Path(os.path.realpath(path))


def mark(name: str) -> list[str]:
    """Mark an exercise as solved; return the lines to tell the learner, mostly none."""

    def add(data: Progress) -> Progress:
        names = data["solved"]
        return data if name in names else data | {"solved": [*names, name]}

    return update(add)


def keep_answer(name: str, choice: str) -> list[str]:
    """Keep the choice, its text, made at a question; return the lines to tell the learner."""
    return update(lambda data: data | {"answers": data["answers"] | {name: choice}})


def forget(lesson: str) -> None:
    """Remove what is kept of one lesson, such as "04", and say how much of it there was."""
    number = str(lesson).partition(".")[0].partition("_")[0].zfill(2)
    gone = {"mark": 0, "answer": 0}

    def remove(data: Progress) -> Progress:
        solved = [name for name in data["solved"] if not name.startswith(f"{number}.")]
        others = {
            part: {n: one for n, one in data[part].items() if not n.startswith(f"{number}.")}
            for part in ("answers", "tries", "first")
            if isinstance(data.get(part), dict)
        }
        gone["mark"] = len(data["solved"]) - len(solved)
        gone["answer"] = len(data["answers"]) - len(others["answers"])
        return data | {"solved": solved} | others

    for line in update(remove):
        say(line)
    counts = [f"{count} {what}{'s' * (count != 1)}" for what, count in gone.items()]
    say(f"lesson {number}: {' and '.join(counts)} removed")


def kept() -> tuple[Progress, list[str]]:
    """Give what is kept and what is to be said; touches nothing where all is well.

    "solved": the names of exercises. "answers": {a question's name: the choice's text}.
    """
    path = None
    try:
        path = place()
        if path is None or not os.path.lexists(path):
            return _NOTHING, []
        return read_progress(path), []
    except ValueError:
        return _NOTHING, update(lambda data: data)  # moves the damaged file aside
    except (OSError, RuntimeError) as error:
        return _NOTHING, once(f"progress cannot be read: {_reason(path, error)}")


def update(change: Callable[[Progress], Progress]) -> list[str]:
    """Replace what is kept by change(it), under a lock; return the lines to be said."""
    from filelock import FileLock

    path = None
    try:
        path = place()
        if path is None:
            return []
        lock = Path(f"{path}.lock")
        for file in (path, lock):
            refuse_special(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=_LOCK_SECONDS):
            data, lines = _read_or_move_aside(path)
            after = change(data)
            if after != data:
                write_whole(path, json.dumps(after, indent=1).encode("utf-8"))
        return lines
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder, or no locks there
        return once(f"progress is not saved: {_reason(path, error)}")


def read_progress(path: Path) -> Progress:
    """Read a file of progress; raises ValueError where it does not hold what it should."""
    refuse_special(path)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES:,} bytes")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (RecursionError, ValueError) as error:
        raise ValueError("it is damaged: no JSON") from error
    names = data.get("solved") if isinstance(data, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError('it has no list of names under "solved"')
    data = _NOTHING | data
    if not isinstance(data["answers"], dict):
        raise ValueError('it has no choices under "answers"')
    return data


def _read_or_move_aside(path: Path) -> tuple[Progress, list[str]]:
    try:
        return read_progress(path), []
    except FileNotFoundError:
        return _NOTHING, []
    except ValueError:
        kept, count = Path(f"{path}.broken"), 1
        while os.path.lexists(kept):
            count += 1
            kept = Path(f"{path}.broken{count}")
        path.rename(kept)
        line = f"{path.name} could not be read; it is kept as {kept.name}, and a new one is begun"
        return _NOTHING, [line]


def _reason(path: Path | None, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    reason = f"{path}: {reason}" if path else reason
    return f"{reason}. Set MYGPT_PROGRESS to a file that can be written, or to off."


def once(line: str) -> list[str]:
    """Return a line to be said, or none where its beginning was said in this kernel before."""
    key = line.partition(":")[0]
    if key in _said:
        return []
    _said.add(key)
    return [line]
