"""The learner's own copies of the lessons, in my/. Used by the commands lab, copy and reset.

The notebooks in notebooks/ are the course's, and an update replaces them. A learner works on copies
in my/, beside them, or in the folder that MYGPT_COPIES names, where a class shares one course. One
rule keeps all work: nothing in my/ is ever replaced but by `reset`, which keeps what was there.
my/.copies.json remembers which version a copy was made from, so that a newer one can be told;
nothing else depends on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from .files import TOP, path_in, refuse_special, write_whole

LINKED = ("README.md", "mygpt_helpers")  # where links in the lessons lead, beside the copies


def lessons() -> list[Path]:
    """Return the course's notebooks in their order; raises RuntimeError where there are none."""
    folder = TOP / "notebooks"
    # Neither 04_name.mine.ipynb, which `reset` kept, nor JupyterLab's 04_name-Copy1.ipynb.
    name = re.compile("[0-9]{2}_[a-z0-9_]+[.]ipynb")
    found = sorted(path for path in folder.glob("*.ipynb") if name.fullmatch(path.name))
    if not found:
        raise RuntimeError(
            f"the lessons are not in {folder}, beside the course's package. Get the course's "
            "folder (a clone or an archive), go into it, and give the command again."
        )
    return found


def copies() -> list[Path]:
    """Return the path of each lesson's copy, whether it is there or not, in the lessons' order."""
    return [copies_folder() / source.name for source in lessons()]


def copies_folder() -> Path:
    """Return the folder of the copies, whether it is there or not."""
    return path_in("MYGPT_COPIES") or TOP / "my"


def copy_lessons() -> list[str]:
    """Copy each lesson that has no copy yet, and touch no other.

    Returns what is to be said, a line for each lesson with which something is done or to be done.
    Raises RuntimeError where there can be no folder for the copies.
    """
    sources, my = lessons(), _folder()
    said = [_bring(source, my / source.name) for source in sources]
    return [line for line in said if line]


def reset_lesson(lesson: str) -> tuple[Path, Path | None]:
    """Copy one lesson again. Returns the copy, and where what was there is kept, if it differed.

    lesson: its number, such as 04 or 4, its name, or a path to it. Raises RuntimeError for a lesson
    that is not there or damaged, and where nothing can be written.
    """
    source = _find(lesson)
    copy = _folder() / source.name
    try:
        data = _read(source)
        _content(data)
    except (OSError, ValueError) as error:
        raise RuntimeError(_damaged(source, error)) from None
    try:
        return copy, _put(data, copy)
    except OSError as error:
        raise RuntimeError(_not_written(copy, error)) from None


def _bring(source: Path, copy: Path) -> str:
    """Make one copy where there is none; return what is to be said, or ""."""
    name, here = copy.name, ""
    try:
        data = _read(source)
        there = _content(data)
    except (OSError, ValueError) as error:
        return _damaged(source, error)
    reset = f"`python -m mygpt_helpers reset {name[:2]}` brings the course's and keeps yours"
    if os.path.lexists(copy):
        try:
            here = _content(_read(copy))
        except (OSError, ValueError) as error:
            return f"{name} is damaged ({_reason(error)}): {reset}."
    # The same file where somebody linked it: the learner would write into the course's.
    if not here or (here == there and copy.samefile(source)):
        try:
            _put(data, copy)
        except OSError as error:
            return _not_written(copy, error)
        return f"{name} is copied into {copy.parent}"
    made_from = _made_from(copy.parent).get(name)
    if here == there:
        _remember(copy, there)
    if there in (here, made_from):
        return ""
    what = "has a newer version in the course" if made_from else "differs from the course's"
    return f"{name} {what}. Yours is left as it is; {reset}."


def _find(lesson: str) -> Path:
    here = lessons()
    name = Path(lesson).name.removesuffix(".ipynb")
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


def _folder() -> Path:
    """Return my/, made where it is not there; raises RuntimeError where it cannot be used."""
    my, course = copies_folder(), TOP / "notebooks"
    try:
        my.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RuntimeError(_not_written(my / "lessons", error)) from None
    if my.samefile(course):
        raise RuntimeError(
            f"{my} is a link to {course}, so your work would change the course's own files. "
            "Remove the link, and give the command again."
        )
    if my.parent != TOP:
        _link_course(my.parent)
    return my


def _link_course(beside: Path) -> None:
    """Have the lessons' links work where the copies do not lie in the course's folder."""
    for name in LINKED:
        link = beside / name
        with suppress(OSError):  # something of the learner's stands there, or links are forbidden
            if link.is_symlink():
                link.unlink()  # the course may have moved
            link.symlink_to(TOP / name)


def _put(data: bytes, copy: Path) -> Path | None:
    """Put a lesson there. Returns where what was there is kept; None for nothing, or the same."""
    with TemporaryDirectory(dir=copy.parent, prefix=".") as folder:
        new = Path(folder, copy.name)
        write_whole(new, data)  # first of all: where it fails, all is as it was
        kept = here = None
        with suppress(OSError):  # what cannot be read is kept as well
            here = _read(copy)
        if os.path.lexists(copy) and here != data:
            kept = _take_name(copy)
            copy.replace(kept)
        new.replace(copy)  # a link, too: its target is not written
    _remember(copy, _content(data))
    return kept


def _take_name(copy: Path) -> Path:
    """Make and return 04_name.mine.ipynb, or 04_name.mine2.ipynb and so on: never a name in use."""
    is_folder = copy.is_dir() and not copy.is_symlink()
    make = Path.mkdir if is_folder else Path.touch  # only like replaces like
    for number in count(1):
        kept = copy.with_suffix(f".mine{number if number > 1 else ''}.ipynb")
        with suppress(FileExistsError):
            make(kept, exist_ok=False)
            return kept


def _read(path: Path) -> bytes:
    refuse_special(path)  # reading a pipe would never end
    return path.read_bytes()


def _content(data: bytes) -> str:
    """Return the sha256 of a notebook's cells; raises ValueError where it is no notebook.

    Neither line ends nor what an editor notes on opening it, such as the version of Python, count.
    """
    try:
        cells = json.loads(data)["cells"]
        text = json.dumps(cells, sort_keys=True)
    except (ValueError, TypeError, KeyError, RecursionError):
        cells = None
    if not cells:
        raise ValueError("it is no notebook with cells")
    return hashlib.sha256(text.encode()).hexdigest()


def _made_from(my: Path) -> dict[str, str]:
    """Return the content, at the time, of what each copy was made from; {} where it is lost."""
    try:
        names = json.loads(_read(my / ".copies.json"))
    except (OSError, ValueError, RecursionError):
        return {}
    return names if isinstance(names, dict) else {}


def _remember(copy: Path, content: str) -> None:
    made_from = _made_from(copy.parent)
    if made_from.get(copy.name) != content:
        text = json.dumps({**made_from, copy.name: content}, indent=1, sort_keys=True)
        # Nothing that could be lost depends on it. RuntimeError: a link that leads to itself.
        with suppress(OSError, RuntimeError):
            write_whole(copy.parent / ".copies.json", text.encode())


def _damaged(source: Path, error: Exception) -> str:
    return (
        f"{source} is damaged ({_reason(error)}), perhaps by an update that met your changes. "
        "Bring the course's file back (`git restore notebooks`, or a new clone or archive)."
    )


def _not_written(copy: Path, error: OSError) -> str:
    return (
        f"{copy.name} cannot be copied into {copy.parent} ({_reason(error)}). That has to be a "
        "folder in which you may write, with room on the disk. If the course's folder is not "
        "yours, copy it to a place of yours, and give the command there."
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
