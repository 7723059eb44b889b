"""The command line: a lesson is restored, nothing of the learner's lost; failures are a line."""

import importlib
import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mygpt_helpers import __main__ as command_line


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small repository with two lessons, and be in it; the course's own is out of sight."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    (tmp_path / "clone" / "notebooks").mkdir(parents=True)
    for name in ("00_start_here", "04_temperature"):
        (tmp_path / "clone" / "notebooks" / f"{name}.ipynb").write_text(f"{name} as stored\n")
    git = ["git", "-C", str(tmp_path / "clone"), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "lessons"]):
        subprocess.run([*git, *arguments], check=True)
    monkeypatch.chdir(tmp_path / "clone" / "notebooks")
    monkeypatch.setattr(command_line, "__file__", str(tmp_path / "__main__.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return tmp_path / "clone" / "notebooks"


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the learner's progress; returns the lessons forgotten."""
    progress = importlib.import_module("mygpt_helpers.exercises.marks")
    lessons: list[str] = []
    monkeypatch.setattr(progress, "forget", lessons.append)
    return lessons


def test_reset_keeps_the_learners_version(
    clone: Path, forgotten: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = clone / "04_temperature.ipynb"
    for version, kept in [
        ("first", "04_temperature.mine.ipynb"),
        ("second", "04_temperature.mine2.ipynb"),
        ("third", "04_temperature.mine3.ipynb"),
    ]:
        lesson.write_text(version)
        assert command_line.main(["reset", "4" if version == "first" else "04"]) == 0
        assert kept in capsys.readouterr().out
        assert lesson.read_text() == "04_temperature as stored\n"
        assert (clone / kept).read_text() == version
    assert (clone / "04_temperature.mine.ipynb").read_text() == "first"
    lesson.unlink()
    assert command_line.main(["reset", "04"]) == 0 and lesson.exists()
    assert command_line.main(["reset", "04"]) == 0
    assert len(list(clone.iterdir())) == 5 and forgotten == ["04"] * 5


def test_reset_failures_are_one_line(
    clone: Path,
    forgotten: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert command_line.main(["reset", "77"]) == 1
    assert capsys.readouterr().err == (
        "error: there is no lesson '77'; the lessons here are: 00, 04\n"
    )
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["reset", "04"]) == 1
    assert "clone of the course" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert command_line.main(["reset", "04"]) == 1
    assert "git is not installed" in capsys.readouterr().err
    assert forgotten == []


def test_what_the_console_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", newline=""))
    monkeypatch.setattr(command_line, "_reset", lambda lesson: print("Łódź", flush=True))
    command_line.main(["reset", "04"])
    assert raw.getvalue() == rb"\u0141" + "ód".encode("cp1252") + rb"\u017a" + b"\n"


@pytest.mark.parametrize("arguments", [[], ["modle"], ["model", "--now"], ["reset"]])
def test_unknown_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command_line.main(arguments)
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
