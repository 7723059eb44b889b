"""The command line: `python -m mygpt_helpers lab`, and what --help names beside it."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shlex
import signal
import sys
from pathlib import Path

from mygpt_helpers import working_copies
from mygpt_helpers.commands import add_commands, short_name
from mygpt_helpers.console import say
from mygpt_helpers.errors import InputError, PlainError
from mygpt_helpers.lab_settings import install_settings

FETCHED = {
    "model": "download and convert the course's model, once",
    "text": "download the lessons' text, once",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for a failure, 130 if interrupted."""
    with contextlib.suppress(AttributeError):  # what a console cannot say is escaped, as on stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog=short_name())
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "lab", help="copy the lessons into my/, open them; takes JupyterLab's options"
    )
    commands.add_parser("copy", help="copy each lesson that is not there yet into my/")
    reset = commands.add_parser("reset", help="copy a lesson again; your version is kept beside it")
    reset.add_argument("lesson", help="the lesson's number, such as 04")
    for name, what in FETCHED.items():
        fetched = commands.add_parser(name, help=what)
        fetched.add_argument("--force", action="store_true", help="anew, even if it is in order")
    add_commands(commands)
    options, others = parser.parse_known_args(arguments)
    if others and options.command != "lab":
        is_second = options.command == "reset" and others[0][:1] != "-"
        parser.error("one lesson at a time" if is_second else f"unknown: {' '.join(others)}")
    # Several processes of one training all meet the same message: the first one says it.
    is_first = os.environ.get("RANK", "0") == "0"
    try:
        if options.command == "lab":
            return _lab(others)
        if options.command == "copy":
            return _copy()
        if options.command == "reset":
            return _reset(options.lesson)
        if options.command == "train":
            from mygpt_helpers.learn import learn

            return learn(options)
        if options.command == "generate":
            from mygpt_helpers.write import write

            return write(options)
        if options.command == "class":
            from mygpt_helpers.exercises.classes import show_class

            return show_class(options)
        return _fetch(options.command, options.force)
    except KeyboardInterrupt:
        if is_first:
            print("interrupted; nothing is left half made", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our lines is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        given = sys.argv[1:] if arguments is None else arguments
        print(f"error: {_another_python(error.name, given)}", file=sys.stderr)
        return 1
    except (RuntimeError, OSError, InputError) as error:
        if is_first or not isinstance(error, PlainError):
            print(f"error: {error}", file=sys.stderr)
        return 1


def _copy() -> int:
    """Make the copies; the exit code says whether all are there."""
    install_settings()
    for line in working_copies.copy_lessons():
        say(line)
    return 0 if all(copy.is_file() for copy in working_copies.copies()) else 1


def _lab(options: list[str]) -> int:
    from mygpt_helpers.pretrained.prepare import refuse_optimized

    refuse_optimized()
    _copy()
    there = [str(copy) for copy in working_copies.copies() if copy.is_file()]
    if not there:
        return 1
    # The kernel "Python 3" and a terminal's `python` are then this one, whatever else is installed.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    os.environ["PATH"] = os.pathsep.join(folders)
    # In a container one is often root, which the server refuses unless it is told.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    from jupyterlab.labapp import main as open_lab

    # Not my/ itself: lessons link to the course's files, which are beside it.
    root = f"--ServerApp.root_dir={working_copies.copies_folder().parent}"
    open_lab([there[0], root, *(["--allow-root"] if is_root else []), *options])
    return 0


def _reset(lesson: str) -> int:
    from mygpt_helpers.exercises.marks import forget

    for name in ("filelock", "platformdirs"):  # what `forget` needs, before anything is moved
        importlib.import_module(name)
    copy, kept = working_copies.reset_lesson(lesson)
    if kept:
        say(f"Your version is kept as {kept}")
    forget(copy.stem)
    say(f"{copy} is as the course stores it.")
    say("If it is open in JupyterLab, choose File > Reload Notebook from Disk.")
    return 0


def _fetch(what: str, force: bool) -> int:
    from mygpt_helpers.pretrained.prepare import prepare_model
    from mygpt_helpers.pretrained.text import kept_text

    install_settings()  # for whoever opens JupyterLab without `lab`
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside: clear up too
    folder = prepare_model(force) if what == "model" else kept_text().made(force)
    say(f"The {what} is ready: {folder}")
    return 0


def _another_python(lacks: str | None, given: list[str]) -> str:
    """Say what to give where a terminal's `python` is not the course's."""
    mend = "Activate the environment that is, and give the command again."
    for end in ("bin/python", "Scripts/python.exe"):
        python = working_copies.TOP / ".venv" / end
        if python.exists():
            mend = f"Give `{shlex.join([str(python), '-m', 'mygpt_helpers', *given])}`."
    return (
        f"this Python, {sys.executable}, has no {lacks}: it is not the one set up for the course. "
        f"{mend}"
    )


if __name__ == "__main__":
    sys.exit(main())
