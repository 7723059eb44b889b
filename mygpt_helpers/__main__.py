"""The command line: `python -m mygpt_helpers model` and `python -m mygpt_helpers reset 04`."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for a failure, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m mygpt_helpers")
    commands = parser.add_subparsers(dest="command", required=True)
    model = commands.add_parser("model", help="download and convert the course's model, once")
    model.add_argument("--force", action="store_true", help="make it anew even if it is in order")
    reset = commands.add_parser("reset", help="restore a lesson; your version is kept beside it")
    reset.add_argument("lesson", help="the lesson's number, such as 04")
    options = parser.parse_args(arguments)
    try:
        if options.command == "model":
            return _model(options.force)
        return _reset(options.lesson)
    except KeyboardInterrupt:
        print("interrupted; nothing is left half made", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our lines is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (RuntimeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _model(force: bool) -> int:
    from mygpt_helpers.lab_settings import install_settings
    from mygpt_helpers.pretrained.cache import say
    from mygpt_helpers.pretrained.prepare import prepare_model

    install_settings()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside: clear up too
    say(f"The model is ready: {prepare_model(force)}")
    return 0


def _reset(lesson: str) -> int:
    from mygpt_helpers.exercises.marks import forget

    number = lesson.zfill(2)
    top, path = _stored_notebook(number)
    stored = _git(top, "show", f"HEAD:{path}")
    notebook = top / path
    if not notebook.exists():
        notebook.write_bytes(stored)
    elif notebook.read_bytes() != stored:
        kept = _free_name(notebook)
        shutil.copy2(notebook, kept)  # first of all: nothing of the learner's is ever lost
        notebook.write_bytes(stored)
        print(f"Your version is kept as {kept}")
    forget(number)
    print(f"{path} is as the course stores it.")
    print("If it is open in JupyterLab, choose File > Reload Notebook from Disk.")
    return 0


def _stored_notebook(number: str) -> tuple[Path, str]:
    """Return the repository's top folder and the lesson's path in it.

    Looks from this file's folder (a course installed for editing) and from the current one.
    """
    problem = RuntimeError("the course's notebooks are not here")
    for start in (Path(__file__).parent, Path.cwd()):
        try:
            top = Path(os.fsdecode(_git(start, "rev-parse", "--show-toplevel")).rstrip("\r\n"))
            listed = os.fsdecode(_git(top, "ls-tree", "-z", "--name-only", "HEAD", "notebooks/"))
        except RuntimeError as error:
            problem = error
            continue
        lessons = [path for path in listed.split("\0") if path.endswith(".ipynb")]
        for path in lessons:
            if Path(path).name.startswith(f"{number}_"):
                return top, path
        numbers = ", ".join(Path(path).name[:2] for path in lessons) or "none"
        problem = RuntimeError(f"there is no lesson {number!r}; the lessons here are: {numbers}")
        if lessons:
            break
    raise problem


def _free_name(notebook: Path) -> Path:
    """Return 04_name.mine.ipynb, or 04_name.mine2.ipynb and so on if that is taken."""
    count = 1
    while (kept := notebook.with_suffix(f".mine{count if count > 1 else ''}.ipynb")).exists():
        count += 1
    return kept


def _git(folder: Path, *arguments: str) -> bytes:
    """Return git's output; a failure is a RuntimeError that says what to do."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True)
    except FileNotFoundError:
        raise RuntimeError(
            "git is not installed, and the lessons are restored from the course's git repository. "
            "Install git, or download the lesson anew."
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["nothing"]
        raise RuntimeError(
            f"git cannot read the course's repository (it said: {said[-1]!r}). Run this inside a "
            "clone of the course, or download the lesson anew."
        )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
