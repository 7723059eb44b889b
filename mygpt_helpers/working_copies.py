"""The learner's own copies of the lessons, in my/. Used by the commands lab, copy and reset.

The notebooks in notebooks/ are the course's, and an update replaces them. A learner works on copies
in my/, beside them. my/.copies.json remembers which version each copy was made from. So an update
renews the copies that nobody changed, and leaves all others alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .files import TOP, write_whole


def my_folder() -> Path:
    """Return the folder of the learner's copies, whether it is there or not."""
    return TOP / "my"


def lessons() -> list[Path]:
    """Return the course's notebooks in their order; raises RuntimeError where there are none."""
    folder = TOP / "notebooks"
    # A name with one more dot is a version that `reset` kept.
    found = sorted(p for p in folder.glob("[0-9][0-9]_*.ipynb") if "." not in p.stem)
    if not found:
        raise RuntimeError(
            f"the lessons are not in {folder}, beside the course's package. Get the course's "
            "folder (a clone or an archive), go into it, and give the command again."
        )
    return found


def copy_lessons() -> list[str]:
    """Copy each lesson that has no copy yet, and renew the copies that nobody changed.

    Returns what is to be said, a line for each lesson with which something is done or to be done.
    Raises RuntimeError where nothing can be written.
    """
    my, sources = my_folder(), lessons()
    with _told(my):
        my.mkdir(exist_ok=True)
        made_from = _made_from(my)
        said = [_bring(source, my / source.name, made_from) for source in sources]
        _remember(my, made_from)
    return [line for line in said if line]


def reset_lesson(lesson: str) -> tuple[Path, Path | None]:
    """Copy one lesson again. Returns the copy, and where the learner's version is kept, if it is.

    lesson: its number, such as 04 or 4, or its whole name. Raises RuntimeError for a lesson that is
    not there, and where nothing can be written.
    """
    source, my = _find(lesson), my_folder()
    if not _content(source):
        raise RuntimeError(_damaged(source))
    copy, kept = my / source.name, None
    with _told(my):
        my.mkdir(exist_ok=True)
        if copy.exists() and _content(copy) != _content(source):
            kept = _free_name(copy)
            copy.rename(kept)  # first of all: nothing of the learner's is ever lost
        made_from = _made_from(my)
        made_from[copy.name] = _put(source, copy)
        _remember(my, made_from)
    return copy, kept


def _bring(source: Path, copy: Path, made_from: dict[str, str]) -> str:
    """Make or renew one copy where that loses nothing; return what is to be said, or ""."""
    name, there = source.name, _content(source)
    if not there:
        return _damaged(source)
    # The same file where somebody linked it: the learner would write into the course's.
    if not copy.exists() or copy.samefile(source):
        made_from[name] = _put(source, copy)
        return f"{name} is copied into {copy.parent}"
    here = _content(copy)
    if here == there:
        made_from[name] = _origin(source)
        return ""
    if not here:
        return f"{name} is damaged: {_reset_command(name)} and keeps the file beside it."
    if here == made_from.get(name):
        made_from[name] = _put(source, copy)
        return f"{name} is renewed: the course's is newer, and you had changed nothing."
    if there == made_from.get(name):
        return ""
    return (
        f"{name} has a newer version in the course. Yours is left as it is; "
        f"{_reset_command(name)} and keeps yours beside it."
    )


def _find(lesson: str) -> Path:
    here = lessons()
    name = lesson.removesuffix(".ipynb")
    found = [path for path in here if path.stem == name]
    if not found and name.isdecimal():
        found = [path for path in here if int(path.stem[:2]) == int(name)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(path.stem for path in found)
        raise RuntimeError(f"lesson {lesson!r} stands for {names}; name one of them in full")
    numbers = ", ".join(path.stem[:2] for path in here)
    raise RuntimeError(f"there is no lesson {lesson!r}; the lessons here are: {numbers}")


def _free_name(copy: Path) -> Path:
    """Return 04_name.mine.ipynb, or 04_name.mine2.ipynb and so on if that is taken."""
    count = 1
    while (kept := copy.with_suffix(f".mine{count if count > 1 else ''}.ipynb")).exists():
        count += 1
    return kept


def _load(notebook: Path) -> dict[str, Any]:
    """Return what a notebook holds, or {} where the file is no notebook."""
    try:
        raw = json.loads(notebook.read_bytes())
    except (ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _content(notebook: Path) -> str:
    """Return the sha256 of a notebook's cells, or "" where the file is no notebook.

    Neither line ends nor the version of Python, which an editor notes on opening it, count.
    """
    cells = _load(notebook).get("cells")
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest() if cells else ""


def _origin(source: Path) -> str:
    """Return what is remembered of a copy: the content of its source.

    "" for a notebook in notebooks/ that a learner changed there: its copy is the learner's too, and
    must not be renewed. An editor notes the version of Python, and the course never stores one.
    """
    language = _load(source).get("metadata", {}).get("language_info", {})
    return "" if "version" in language else _content(source)


def _put(source: Path, copy: Path) -> str:
    """Copy a lesson, writable whatever the source is; return what is to be remembered of it."""
    if copy.is_symlink():
        copy.unlink()  # its target, perhaps the course's own file, is not to be written
    write_whole(copy, source.read_bytes())
    copy.chmod(0o644)
    return _origin(source)


def _made_from(my: Path) -> dict[str, str]:
    try:
        names = json.loads((my / ".copies.json").read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return {}  # no copy counts as unchanged, then
    return names if isinstance(names, dict) else {}


def _remember(my: Path, made_from: dict[str, str]) -> None:
    text = json.dumps(made_from, indent=1, sort_keys=True)
    write_whole(my / ".copies.json", text.encode())


def _reset_command(name: str) -> str:
    return f"`python -m mygpt_helpers reset {name[:2]}` brings the course's"


def _damaged(source: Path) -> str:
    return (
        f"{source} is damaged, perhaps by an update that met your changes. Bring the course's file "
        "back (`git restore notebooks`, or a new clone or archive)."
    )


@contextmanager
def _told(my: Path) -> Iterator[None]:
    """Make one message of whatever the disk says."""
    try:
        yield
    except OSError as error:
        raise RuntimeError(
            f"the lessons cannot be copied into {my} ({error}). That has to be a folder in which "
            "you may write, with room on the disk. If the course's folder is not yours, copy it "
            "to a place of yours, and give the command there."
        ) from None
