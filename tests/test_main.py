"""The command line: its commands do what they say, and a failure is a line."""

import importlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from mygpt_helpers import __main__ as command_line
from mygpt_helpers import working_copies

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two lessons, without git; its copies are not made yet."""
    (tmp_path / "notebooks").mkdir()
    for name in ("00_start_here.ipynb", "04_temperature.ipynb"):
        (tmp_path / "notebooks" / name).write_text('{"cells": ["as the course stores it"]}')
    monkeypatch.setattr(working_copies, "TOP", tmp_path)
    return tmp_path


@pytest.fixture
def forgotten(monkeypatch):
    """Replace the learner's progress; returns the lessons forgotten."""
    progress = importlib.import_module("mygpt_helpers.exercises.marks")
    lessons = []
    monkeypatch.setattr(progress, "forget", lessons.append)
    return lessons


@pytest.fixture
def opened(monkeypatch):
    """Replace JupyterLab; returns what it was started with."""
    calls = []
    monkeypatch.setattr("jupyterlab.labapp.main", calls.append)
    for name in ("PATH", "JUPYTER_PREFER_ENV_PATH"):  # what the command sets is undone
        monkeypatch.setenv(name, "")
    monkeypatch.delenv("JUPYTER_PREFER_ENV_PATH")
    return calls


def test_reset_copies_and_forgets(course, forgotten, capsys):
    assert command_line.main(["copy"]) == 0
    (course / "my" / "04_temperature.ipynb").write_text('{"cells": ["mine"]}')
    assert command_line.main(["reset", "4"]) == 0
    said = capsys.readouterr().out
    kept = course / "my" / "04_temperature.mine.ipynb"
    assert f"kept as {kept}" in said and "Reload Notebook" in said
    assert "mine" in kept.read_text()
    assert "stores it" in (course / "my" / "04_temperature.ipynb").read_text()
    assert forgotten == ["04_temperature"]


def test_failures_are_one_line(course, forgotten, opened, monkeypatch, capsys):
    assert command_line.main(["reset", "77"]) == 1
    said = "error: there is no lesson '77'; the lessons here are: 00, 04\n"
    assert capsys.readouterr().err == said
    monkeypatch.setattr(working_copies, "TOP", course / "site-packages")
    for arguments in (["reset", "04"], ["copy"], ["lab"]):
        assert command_line.main(arguments) == 1
        said = capsys.readouterr().err
        assert said.startswith("error: the lessons are not in ") and said.count("\n") == 1
    assert forgotten == opened == []


def test_lab_copies_the_lessons_and_opens_the_first(course, opened, capsys):
    assert command_line.main(["lab", "--no-browser", "--port", "9999"]) == 0
    assert "04_temperature.ipynb is copied" in capsys.readouterr().out
    (arguments,) = opened
    assert arguments[0] == str(course / "my" / "00_start_here.ipynb")
    assert arguments[1] == f"--ServerApp.root_dir={course}"  # where the lessons' links lead
    assert arguments[-3:] == ["--no-browser", "--port", "9999"]


def test_lab_opens_copies_that_lie_elsewhere(course, opened, monkeypatch):
    monkeypatch.setenv("MYGPT_COPIES", str(course / "home" / "my"))
    assert command_line.main(["lab"]) == 0
    lesson = str(course / "home" / "my" / "00_start_here.ipynb")
    assert opened[0][:2] == [lesson, f"--ServerApp.root_dir={course / 'home'}"]


def test_lab_opens_what_is_there(course, opened, monkeypatch, capsys):
    assert command_line.main(["copy"]) == 0
    (course / "my" / "00_start_here.ipynb").unlink()
    monkeypatch.setattr(working_copies, "write_whole", cannot_write)
    assert command_line.main(["copy"]) == 1
    assert "00_start_here.ipynb cannot be copied" in capsys.readouterr().out
    command_line.main(["lab"])
    assert opened[0][0] == str(course / "my" / "04_temperature.ipynb")
    (course / "my" / "04_temperature.ipynb").unlink()
    assert command_line.main(["lab"]) == 1 and len(opened) == 1


def cannot_write(*_):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("has_venv", [True, False])
def test_another_python_is_told_before_anything_is_moved(course, has_venv):
    python, advice = course / ".venv" / "bin" / "python", "Activate the environment"
    if has_venv:
        python.parent.mkdir(parents=True)
        python.touch()
        advice = f"Give `{python} -m mygpt_helpers reset 04`."
    copy = course / "my" / "04_temperature.ipynb"
    copy.parent.mkdir()
    copy.write_text('{"cells": ["mine"]}')
    code = (
        "import pathlib, sys; from mygpt_helpers import __main__, working_copies;"
        f"working_copies.TOP = pathlib.Path({str(course)!r}); sys.exit(__main__.main())"
    )
    # -S: a Python without the course's libraries, in the course's folder.
    command = [sys.executable, "-S", "-c", code, "reset", "04"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert sys.executable in done.stderr and advice in done.stderr
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    assert "mine" in copy.read_text()


def test_lab_refuses_a_python_without_docstrings(course):
    command = [sys.executable, "-OO", "-m", "mygpt_helpers", "lab", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "Unset PYTHONOPTIMIZE" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reset", "4", "10"], "one lesson at a time"),
        (["reset", "4", "--now"], "unknown: --now"),
        (["copy", "04"], "unknown: 04"),
    ],
)
def test_what_is_too_much_is_named(arguments, said, capsys):
    with pytest.raises(SystemExit):
        command_line.main(arguments)
    assert capsys.readouterr().err.endswith(f"error: {said}\n")


def test_lab_runs_the_lessons_on_its_own_python(course, opened, monkeypatch, tmp_path):
    # Somebody made "python3" a kernel of another Python, and the environment is somebody else's.
    folder = tmp_path / "data" / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text('{"argv": ["/other/python"], "display_name": "Python 3"}')
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("jupyter_core.paths._do_i_own", lambda path: False)
    assert KernelSpecManager().get_kernel_spec("python3").argv == ["/other/python"]
    found = []
    monkeypatch.setattr(
        "jupyterlab.labapp.main",
        lambda arguments: found.append(KernelSpecManager().get_kernel_spec("python3").argv[0]),
    )
    command_line.main(["lab"])
    assert found in (["python"], [sys.executable])
    assert command_line.os.environ["PATH"].startswith(str(Path(sys.executable).parent))


def test_what_the_console_lacks_is_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", newline=""))
    monkeypatch.setattr(command_line, "_reset", lambda lesson: print("Łódź", flush=True))
    command_line.main(["reset", "04"])
    assert raw.getvalue() == rb"\u0141" + "ód".encode("cp1252") + rb"\u017a" + b"\n"


@pytest.mark.parametrize(
    "arguments", [[], ["modle"], ["model", "--now"], ["reset"], ["copy", "04"], ["reset", "4", "5"]]
)
def test_unknown_commands(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        command_line.main(arguments)
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_commands_that_are_named_exist():
    shown = subprocess.run(
        [sys.executable, "-m", "mygpt_helpers", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    there = set(re.search(r"\{([\w,]+)\}", shown.stdout)[1].split(","))
    files = [
        "README.md",
        "CONTRIBUTING.md",
        "Makefile",
        "postBuild",
        "classroom/start.sh",
        "docs/classroom.md",
        "notebooks/00_start_here.ipynb",
    ]
    text = "\n".join((ROOT / name).read_text("utf-8") for name in files)
    named = set(re.findall(r"(?:-m mygpt_helpers|bin/mygpt) (\w+)", text))
    assert named == there == {"lab", "copy", "reset", "model", "text", "train", "generate", "class"}
