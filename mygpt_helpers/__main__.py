"""The command line: `python -m mygpt_helpers lab`, and the commands copy, reset and model."""

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path

from mygpt_helpers import working_copies
from mygpt_helpers.console import say
from mygpt_helpers.lab_settings import install_settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for a failure, 130 if interrupted."""
    with contextlib.suppress(AttributeError):  # what a console cannot say is escaped, as on stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog="python -m mygpt_helpers")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "lab", help="copy the lessons into my/, open them; takes JupyterLab's options"
    )
    commands.add_parser("copy", help="copy each lesson that is not there yet into my/")
    reset = commands.add_parser("reset", help="copy a lesson again; your version is kept beside it")
    reset.add_argument("lesson", help="the lesson's number, such as 04")
    model = commands.add_parser("model", help="download and convert the course's model, once")
    model.add_argument("--force", action="store_true", help="make it anew even if it is in order")
    options, others = parser.parse_known_args(arguments)
    if others and options.command != "lab":
        parser.error(f"unknown: {' '.join(others)}")
    try:
        if options.command == "lab":
            return _lab(others)
        if options.command == "copy":
            return _copy()
        if options.command == "reset":
            return _reset(options.lesson)
        return _model(options.force)
    except KeyboardInterrupt:
        print("interrupted; nothing is left half made", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our lines is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (RuntimeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _copy() -> int:
    install_settings()
    for line in working_copies.copy_lessons():
        say(line)
    return 0


def _lab(options: list[str]) -> int:
    _copy()
    # The kernel "Python 3" and a terminal's `python` are then this one, whatever else is installed.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    os.environ["PATH"] = os.pathsep.join(folders)
    # In a container one is often root, which the server refuses unless it is told.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    first = working_copies.my_folder() / working_copies.lessons()[0].name
    from jupyterlab.labapp import main as open_lab

    root = f"--ServerApp.root_dir={working_copies.TOP}"  # lessons link to the package's files
    open_lab([str(first), root, *(["--allow-root"] if is_root else []), *options])
    return 0


def _reset(lesson: str) -> int:
    from mygpt_helpers.exercises.marks import forget

    copy, kept = working_copies.reset_lesson(lesson)
    if kept:
        say(f"Your version is kept as {kept}")
    forget(copy.stem)
    say(f"{copy} is as the course stores it.")
    say("If it is open in JupyterLab, choose File > Reload Notebook from Disk.")
    return 0


def _model(force: bool) -> int:
    from mygpt_helpers.pretrained.prepare import prepare_model

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside: clear up too
    say(f"The model is ready: {prepare_model(force)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
