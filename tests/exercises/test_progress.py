"""The learner's progress: kept, shown, forgotten; and nothing lost on the way."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mygpt_helpers.exercises.core import check, exercises, lessons
from mygpt_helpers.exercises.marks import forget
from mygpt_helpers.exercises.progress import progress

store = importlib.import_module("mygpt_helpers.exercises.marks")


def largest(scores):
    return scores.index(max(scores))


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "progress.json"
    monkeypatch.setenv("MYGPT_PROGRESS", str(path))
    monkeypatch.setattr(store, "_said", set())
    return path


def solved(path):
    return json.loads(path.read_text())["solved"]


def test_a_right_answer_is_marked_and_a_wrong_one_is_not(file):
    check("00.pick_largest", lambda scores: 0)
    check("00.loop", None)
    check("00.nothing", largest)
    assert not file.exists()
    check("00.pick_largest", largest)
    check("00.pick_largest", largest)
    check("00.pick_largest", lambda scores: 0)  # once solved, solved
    assert solved(file) == ["00.pick_largest"]
    assert progress().solved == 1


@pytest.mark.parametrize("off", ["off", " OFF ", "Off"])
def test_off_neither_reads_nor_writes(off, file, monkeypatch, tmp_path, capsys):
    store.mark("00.loop")
    before = file.read_bytes()
    monkeypatch.setenv("MYGPT_PROGRESS", off)
    monkeypatch.chdir(tmp_path)
    check("00.pick_largest", largest)
    forget("00")
    assert progress().solved == 0
    assert file.read_bytes() == before and not Path("off").exists()
    assert "progress" not in capsys.readouterr().out


def test_the_place_is_the_data_folder_unless_said_otherwise(monkeypatch, tmp_path):
    platformdirs = pytest.importorskip("platformdirs")
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *args, **_: str(tmp_path / args[0]))
    for unset in (None, ""):
        if unset is None:
            monkeypatch.delenv("MYGPT_PROGRESS")
        else:
            monkeypatch.setenv("MYGPT_PROGRESS", unset)
        assert store.place() == tmp_path.resolve() / "mygpt" / "progress.json"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("MYGPT_PROGRESS", "~/mine.json")
    assert store.place() == tmp_path.resolve() / "mine.json"


def test_a_user_who_is_not_there(file, monkeypatch):
    monkeypatch.setenv("MYGPT_PROGRESS", "~no-such-user/x.json")
    (line,) = store.mark("00.loop")
    assert line.startswith(
        "progress is not saved: MYGPT_PROGRESS='~no-such-user/x.json' names noth"
    )


def test_showing_it_creates_nothing(file):
    assert progress().solved == 0
    assert not file.parent.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"solved": 3}', b'{"solved": [1]}', b"\xff\xfe", b"[" * 100_000, b"null"],
)
def test_a_damaged_file_is_moved_aside(file, content, capsys):
    file.parent.mkdir()
    for number in ("", "2", "3"):
        file.write_bytes(content)
        check("00.pick_largest", largest)
        said = capsys.readouterr().out.splitlines()
        assert said[0].startswith("✔ right") and len(said) == 2
        assert (
            f"progress.json could not be read; it is kept as progress.json.broken{number},"
            in (said[1])
        )
        assert Path(f"{file}.broken{number}").read_bytes() == content
        assert solved(file) == ["00.pick_largest"]


def test_showing_a_damaged_file_moves_it_aside_too(file, capsys):
    file.parent.mkdir()
    file.write_text("{")
    assert progress().solved == 0
    assert "kept as progress.json.broken" in capsys.readouterr().out
    assert Path(f"{file}.broken").read_text() == "{" and not file.exists()


def test_what_a_later_version_wrote_is_kept(file):
    file.parent.mkdir()
    file.write_text('{"solved": ["20.later"], "streak": 3}')
    store.mark("00.loop")
    kept = {"solved": ["20.later", "00.loop"], "answers": {}, "streak": 3}
    assert json.loads(file.read_text()) == kept
    assert progress().solved == 1


def test_an_unwritable_place_is_said_once_and_the_check_still_answers(file, capsys):
    file.parent.write_text("a file where a folder should be")
    for said in (2, 1):
        check("00.pick_largest", largest)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("✔ right") and len(lines) == said
        if said == 2:
            assert lines[1].startswith(f"progress is not saved: {file}: ")
            assert "MYGPT_PROGRESS" in lines[1]
    assert progress().solved == 0


def test_a_folder_in_place_of_the_file(file, capsys):
    file.mkdir(parents=True)
    check("00.pick_largest", largest)
    assert "progress is not saved: " in capsys.readouterr().out
    assert progress().solved == 0
    assert "progress cannot be read: " in capsys.readouterr().out


def test_a_lock_that_is_held_is_not_waited_for_without_end(file, capsys, monkeypatch):
    filelock = pytest.importorskip("filelock")
    file.parent.mkdir()
    monkeypatch.setattr(store, "_LOCK_SECONDS", 0.1)
    with filelock.FileLock(f"{file}.lock"):
        check("00.pick_largest", largest)
    assert "progress is not saved: " in capsys.readouterr().out


def test_a_write_that_fails_loses_nothing(file, monkeypatch, capsys):
    store.mark("00.loop")
    before = file.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    check("00.pick_largest", largest)
    assert "No space left on device" in capsys.readouterr().out
    assert file.read_bytes() == before
    assert not list(file.parent.glob(".progress.json.*"))


def test_kernels_at_once_lose_no_mark(file):
    code = (
        "import sys; from mygpt_helpers.exercises.marks import mark\n"
        "for n in range(15): assert mark(f'{sys.argv[1]}.{n}') == []"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(10, 14)]
    assert [run.wait() for run in runs] == [0] * 4
    assert sorted(solved(file)) == sorted(f"{a}.{n}" for a in range(10, 14) for n in range(15))


def test_a_file_that_is_a_link_stays_one(file, tmp_path):
    real = tmp_path / "real.json"
    real.write_text('{"solved": []}')
    file.parent.mkdir()
    try:
        file.symlink_to(real)
    except OSError:
        pytest.skip("links are not allowed here")
    store.mark("00.loop")
    assert file.is_symlink() and solved(real) == ["00.loop"]


@pytest.mark.parametrize("lesson", ["04", 4, "4", "04_temperature", "04.zero"])
def test_forget_removes_one_lessons_marks(file, lesson, capsys):
    for name in ("00.loop", "04.zero", "04.temperature", "14.play"):
        store.mark(name)
    forget(lesson)
    forget(lesson)
    assert solved(file) == ["00.loop", "14.play"]
    assert capsys.readouterr().out.splitlines() == [
        "lesson 04: 2 marks and 0 answers removed",
        "lesson 04: 0 marks and 0 answers removed",
    ]


def test_it_displays_as_text_and_as_a_table(file):
    store.mark("01.softmax")
    bundle = progress()._repr_mimebundle_(include=None, exclude=None)
    lines = bundle["text/plain"].splitlines()
    number = sum(len(exercises(lesson)) for lesson in lessons())
    assert lines[0] == f"solved: 1 of {number}" and len(lines) == number + 1
    assert lines[1] == "– 00.pick_largest      Pick the largest score (difficulty 1 of 3, 3 min)"
    assert sum(line.startswith("✔ 01.softmax ") for line in lines) == 1
    assert max(map(len, lines)) < 100
    assert "01.softmax" in bundle["text/html"] and "✔ yes" in bundle["text/html"]
    assert bundle["text/html"].count("– not yet") == number - 1
    assert repr(progress()) == bundle["text/plain"]
