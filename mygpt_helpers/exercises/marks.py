"""Which exercises are solved: kept in one small file of the learner's. Used from lesson 00 on.

The file is progress.json in the user's data folder; MYGPT_PROGRESS names another file, or "off" to
neither read nor write one. It is replaced as a whole and under a lock, so that neither two kernels
at once nor a crash lose a mark, and what cannot be read is moved aside, never overwritten.
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

    def add(names: list[str]) -> list[str]:
        return names if name in names else [*names, name]

    return _update(add)


def forget(lesson: str) -> None:
    """Remove the marks of one lesson, such as "04", and say how many there were."""
    number = str(lesson).partition(".")[0].partition("_")[0].zfill(2)
    gone: list[str] = []

    def remove(names: list[str]) -> list[str]:
        gone.extend(name for name in names if name.startswith(f"{number}."))
        return [name for name in names if name not in gone]

    for line in _update(remove):
        say(line)
    marks = "1 mark" if len(gone) == 1 else f"{len(gone)} marks"
    say(f"lesson {number}: {marks} removed")


def solved() -> tuple[list[str], list[str]]:
    """Give the solved exercises and what is to be said; touches nothing where all is well."""
    path = None
    try:
        path = place()
        if path is None or not os.path.lexists(path):
            return [], []
        return _read(path)["solved"], []
    except ValueError:
        return [], _update(lambda names: names)  # moves the damaged file aside
    except (OSError, RuntimeError) as error:
        return [], _once(f"progress cannot be read: {_reason(path, error)}")


def _update(change: Callable[[list[str]], list[str]]) -> list[str]:
    """Replace the list of solved exercises by change(list); return the lines to be said."""
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
            after = change(data["solved"])
            if after != data["solved"]:
                text = json.dumps({**data, "solved": after}, indent=1)
                write_whole(path, text.encode("utf-8"))
        return lines
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder, or no locks there
        return _once(f"progress is not saved: {_reason(path, error)}")


def _read(path: Path) -> dict[str, Any]:
    """Read the file; raises ValueError where it does not hold what it should."""
    refuse_special(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    names = data.get("solved") if isinstance(data, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError('no list of names under "solved"')
    return data


def _read_or_move_aside(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        return _read(path), []
    except FileNotFoundError:
        return {"solved": []}, []
    except ValueError:
        kept, count = Path(f"{path}.broken"), 1
        while os.path.lexists(kept):
            count += 1
            kept = Path(f"{path}.broken{count}")
        path.rename(kept)
        line = f"{path.name} could not be read; it is kept as {kept.name}, and a new one is begun"
        return {"solved": []}, [line]


def _reason(path: Path | None, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    reason = f"{path}: {reason}" if path else reason
    return f"{reason}. Set MYGPT_PROGRESS to a file that can be written, or to off."


def _once(line: str) -> list[str]:
    key = line.partition(":")[0]
    if key in _said:
        return []
    _said.add(key)
    return [line]
