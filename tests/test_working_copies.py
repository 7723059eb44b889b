"""The learner's copies: made once, replaced by `reset` alone, and nothing is lost."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mygpt_helpers import working_copies
from mygpt_helpers.working_copies import copy_lessons, reset_lesson
from tools.refresh import LESSONS, METADATA, ROOT

NAME = "04_temperature.ipynb"


def write(path, text, version=None):
    """Write a notebook of one cell; version: Python's, which an editor notes in it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text, id="a")])
    notebook.metadata = nbformat.from_dict(METADATA)
    if version:
        notebook.metadata.language_info.version = version
    nbformat.write(notebook, path)


def read(path):
    return nbformat.read(path, as_version=4).cells[0].source


def link_or_skip(link, target, path):
    try:
        link(target, path)
    except OSError:
        pytest.skip("links are not allowed here")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two lessons, without git; its copies are not made yet."""
    (tmp_path / "notebooks").mkdir()
    for name in ("00_start_here.ipynb", NAME):
        write(tmp_path / "notebooks" / name, "first version")
    write(tmp_path / "notebooks" / "04_temperature.mine.ipynb", "kept by an earlier reset")
    monkeypatch.setattr(working_copies, "TOP", tmp_path)
    return tmp_path


@pytest.fixture
def copies(course):
    """The folder of the copies, made."""
    copy_lessons()
    return course / "my"


def test_each_lesson_is_copied_once(course):
    said = [f"{name} is copied into {course / 'my'}" for name in ("00_start_here.ipynb", NAME)]
    assert copy_lessons() == said
    assert copy_lessons() == []
    made = sorted(path.name for path in (course / "my").iterdir())
    assert made == [".copies.json", "00_start_here.ipynb", NAME]
    (course / "my" / NAME).unlink()
    assert copy_lessons() == said[1:]


def test_copies_may_lie_elsewhere_and_their_links_work(course, tmp_path, monkeypatch):
    (course / "mygpt_helpers").mkdir()
    (course / "README.md").write_text("read me")
    mine = tmp_path / "home" / "mygpt" / "my"
    monkeypatch.setenv("MYGPT_COPIES", str(mine))
    assert copy_lessons()[1] == f"{NAME} is copied into {mine}"
    assert working_copies.copies()[1] == mine / NAME and not (course / "my").exists()
    write(mine / NAME, "mine")
    assert reset_lesson("04") == (mine / NAME, mine / "04_temperature.mine.ipynb")
    if sys.platform != "win32":
        assert (mine / ".." / "mygpt_helpers").samefile(course / "mygpt_helpers")
        # A link to where the course was leads to where it is; what is the learner's stays.
        for link in (mine.parent / "mygpt_helpers", mine.parent / "README.md"):
            link.unlink()
        (mine.parent / "mygpt_helpers").symlink_to("nowhere")
        (mine.parent / "README.md").write_text("mine")
        copy_lessons()
        assert (mine / ".." / "mygpt_helpers").samefile(course / "mygpt_helpers")
        assert (mine / ".." / "README.md").read_text() == "mine"


def test_an_update_touches_no_copy(course, copies):
    before = (copies / NAME).read_bytes()
    write(course / "notebooks" / NAME, "second version")
    (said,) = copy_lessons()
    assert said.startswith(f"{NAME} has a newer version") and "reset 04" in said
    assert (copies / NAME).read_bytes() == before


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["my", "its metadata", "damage", "notebooks", "copy", "reset", "forget"]),
        max_size=12,
    )
)
def test_no_command_loses_anything(actions):
    with tempfile.TemporaryDirectory() as top, pytest.MonkeyPatch.context() as patch:
        patch.setattr(working_copies, "TOP", Path(top))
        source, copy = Path(top, "notebooks", NAME), Path(top, "my", NAME)
        for folder in (source.parent, copy.parent):
            folder.mkdir()
        write(source, "first version")
        for number, action in enumerate(actions):
            before = {path.read_bytes() for path in copy.parent.glob("*.ipynb")}
            if action == "copy":
                copy_lessons()
            elif action == "reset":
                reset_lesson("04")
            elif action == "forget":
                (copy.parent / ".copies.json").unlink(missing_ok=True)
            elif action == "notebooks":  # an update, or a learner in the wrong folder
                write(source, f"text {number}")
            elif action == "my":
                write(copy, f"text {number}")
            elif action == "damage":
                copy.write_text(f"text {number}")
            elif copy.exists() and copy.read_text().startswith("{"):
                notebook = nbformat.read(copy, as_version=4)
                notebook.metadata.learner = f"text {number}"
                nbformat.write(notebook, copy)
            if action in ("copy", "reset", "forget"):
                assert before <= {path.read_bytes() for path in copy.parent.glob("*.ipynb")}


def test_an_update_leaves_a_changed_copy_alone_and_says_so(course, copies):
    write(copies / NAME, "mine")
    assert copy_lessons() == []
    write(course / "notebooks" / NAME, "second version")
    for _ in range(2):  # until it is reset
        (said,) = copy_lessons()
        assert said.startswith(f"{NAME} has a newer version") and "reset 04" in said
        assert read(copies / NAME) == "mine"
    reset_lesson("04")
    assert copy_lessons() == []


def test_a_copy_that_ran_counts_as_changed(course, copies):
    notebook = nbformat.read(copies / NAME, as_version=4)
    notebook.cells[0].execution_count = 1
    nbformat.write(notebook, copies / NAME)
    write(course / "notebooks" / NAME, "second version")
    assert "newer version" in copy_lessons()[0] and read(copies / NAME) == "first version"


@pytest.mark.parametrize("record", [None, "", "[]", "{", f'{{"{NAME}": ""}}', "[" * 9999])
def test_without_a_record_nothing_is_overwritten(course, copies, record):
    write(copies / NAME, "mine")
    (copies / ".copies.json").unlink()
    if record is not None:
        (copies / ".copies.json").write_text(record)
    (said,) = copy_lessons()
    assert said.startswith(f"{NAME} differs from the course's") and "reset 04" in said
    assert read(copies / NAME) == "mine"
    write(course / "notebooks" / "00_start_here.ipynb", "second version")
    # This one was as the course's, so it was remembered again.
    assert "00_start_here.ipynb has a newer version" in copy_lessons()[0]


def test_what_was_changed_in_the_courses_folder_is_not_renewed_away(course):
    write(course / "notebooks" / NAME, "mine, in the wrong place")
    copy_lessons()
    write(course / "notebooks" / NAME, "first version")  # git restore, or an update
    copy_lessons()
    assert read(course / "my" / NAME) == "mine, in the wrong place"


@pytest.mark.parametrize("metadata", [None, [], {"language_info": None}, {"language_info": 3}])
def test_metadata_of_any_kind_are_copied(course, metadata):
    source = course / "notebooks" / NAME
    source.write_text(json.dumps({**json.loads(source.read_bytes()), "metadata": metadata}))
    copy_lessons()
    assert (course / "my" / NAME).read_bytes() == source.read_bytes()


def crlf(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def opened_and_saved(path):
    write(path, read(path), version="3.12.1")


@pytest.mark.parametrize("touch", [crlf, opened_and_saved])
@pytest.mark.parametrize("folder", ["my", "notebooks"])
def test_line_ends_and_an_editors_notes_are_no_change(course, copies, touch, folder):
    touch(course / folder / NAME)
    assert copy_lessons() == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe\x00", b"[]", b'{"cells": []}', b"null", b"[" * 9999]
)
def test_a_damaged_copy_is_named_and_kept(copies, content):
    (copies / NAME).write_bytes(content)
    (said,) = copy_lessons()
    assert said.startswith(f"{NAME} is damaged (it is no notebook") and "reset 04" in said
    _, kept = reset_lesson("04")
    assert kept.read_bytes() == content and read(copies / NAME) == "first version"


def test_reset_keeps_the_learners_version(copies):
    for version, lesson, kept in [
        ("first", "4", "04_temperature.mine.ipynb"),
        ("second", "04", "04_temperature.mine2.ipynb"),
        ("third", "04_temperature", "04_temperature.mine3.ipynb"),
        ("fourth", NAME, "04_temperature.mine4.ipynb"),
    ]:
        write(copies / NAME, version)
        assert reset_lesson(lesson) == (copies / NAME, copies / kept)
        assert read(copies / NAME) == "first version" and read(copies / kept) == version
    (copies / NAME).unlink()
    assert reset_lesson("04") == (copies / NAME, None) and (copies / NAME).exists()
    assert read(copies / "04_temperature.mine.ipynb") == "first"


def test_reset_works_before_there_are_copies(course):
    reset_lesson("0")
    assert read(course / "my" / "00_start_here.ipynb") == "first version"
    write(course / "notebooks" / "00_start_here.ipynb", "second version")
    assert any("00_start_here.ipynb has a newer" in line for line in copy_lessons())


def test_a_damaged_lesson_replaces_no_copy(course, copies):
    (course / "notebooks" / NAME).write_text("<<<<<<< HEAD")
    assert [line for line in copy_lessons() if NAME in line and "is damaged" in line]
    with pytest.raises(RuntimeError, match="is damaged.*git restore notebooks"):
        reset_lesson("04")
    assert read(copies / NAME) == "first version"
    (copies / NAME).unlink()
    copy_lessons()
    assert not (copies / NAME).exists()


@pytest.mark.parametrize("lesson", ["77", "", "mine", "04_temp", "-1", "4.0"])
def test_an_unknown_lesson(copies, lesson):
    with pytest.raises(RuntimeError, match=r"there is no lesson .*; the lessons here are: 00, 04$"):
        reset_lesson(lesson)


def test_two_lessons_of_one_number(course):
    write(course / "notebooks" / "04_temperature_again.ipynb", "another")
    assert len(copy_lessons()) == 3
    with pytest.raises(RuntimeError, match="04_temperature and 04_temperature_again; name one"):
        reset_lesson("04")
    assert reset_lesson("04_temperature")[0].name == NAME


@pytest.mark.parametrize("name", ["04_temperature-Copy1", "04_temperature (1)", "04_temperature~"])
def test_what_a_program_puts_beside_a_lesson_is_none(course, name):
    write(course / "notebooks" / f"{name}.ipynb", "another")
    assert len(copy_lessons()) == 2
    assert reset_lesson("04")[0].name == NAME


@pytest.mark.parametrize("lesson", [f"my/{NAME}", f"./notebooks/{NAME}", "my/04_temperature"])
def test_a_lesson_may_be_named_by_its_path(course, lesson):
    assert reset_lesson(lesson) == (course / "my" / NAME, None)


def test_my_as_a_link_to_the_courses_folder_is_refused(course):
    link_or_skip(os.symlink, course / "notebooks", course / "my")
    for act in (copy_lessons, lambda: reset_lesson("04")):
        with pytest.raises(RuntimeError, match="my is a link to .*Remove the link"):
            act()
    assert not (course / "notebooks" / ".copies.json").exists()


def fifo(path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes here")
    os.mkfifo(path)


def unreadable(path):
    path.write_text("kept from everybody")
    path.chmod(0)
    if os.access(path, os.R_OK):
        path.unlink()
        pytest.skip("this user reads everything")


def dangling(path):
    link_or_skip(os.symlink, path.with_name("gone"), path)


def loop(path):
    link_or_skip(os.symlink, path, path)


BAD = pytest.mark.parametrize("make", [fifo, unreadable, dangling, loop, Path.mkdir])


@BAD
def test_one_bad_copy_stops_no_other_lesson_and_reset_keeps_it(course, make):
    (course / "my").mkdir()
    make(course / "my" / "00_start_here.ipynb")
    was = os.lstat(course / "my" / "00_start_here.ipynb").st_ino
    bad, copied = copy_lessons()
    assert bad.startswith("00_start_here.ipynb is damaged (") and "reset 00" in bad
    assert copied == f"{NAME} is copied into {course / 'my'}"
    copy, kept = reset_lesson("00")
    assert read(copy) == "first version" and os.lstat(kept).st_ino == was


@BAD
def test_one_bad_lesson_stops_no_other(course, make):
    source = course / "notebooks" / "00_start_here.ipynb"
    source.unlink()
    make(source)
    bad, copied = copy_lessons()
    assert bad.startswith(f"{source} is damaged (") and copied.startswith(NAME)
    with pytest.raises(RuntimeError, match="is damaged"):
        reset_lesson("00")


@BAD
def test_a_bad_record_stops_nothing(course, make):
    (course / "my").mkdir()
    make(course / "my" / ".copies.json")
    assert len(copy_lessons()) == 2
    write(course / "my" / NAME, "mine")
    reset_lesson("04")
    assert read(course / "my" / "04_temperature.mine.ipynb") == "mine"


def test_where_nothing_is_to_do_nothing_is_written(course, copies, monkeypatch):
    monkeypatch.setattr(working_copies, "write_whole", lambda *_: pytest.fail("written"))
    assert copy_lessons() == []


def test_of_two_resets_at_once_neither_overwrites(copies, monkeypatch):
    write(copies / NAME, "mine")
    take, second = working_copies._take_name, []

    def slowly(copy):
        name = take(copy)
        if not second:
            second.append(None)
            second[0] = reset_lesson("04")[1]
        return name

    monkeypatch.setattr(working_copies, "_take_name", slowly)
    reset_lesson("04")
    assert read(second[0]) == "mine"


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_to_the_courses_file_becomes_a_copy(course, link):
    source = course / "notebooks" / NAME
    (course / "my").mkdir()
    link_or_skip(link, source, course / "my" / NAME)
    copy_lessons()
    write(course / "my" / NAME, "mine")
    assert read(source) == "first version"


@pytest.mark.parametrize("make", [copy_lessons, lambda: reset_lesson("04")])
def test_a_copy_can_be_written_whatever_the_source_is(course, make):
    source = course / "notebooks" / NAME
    source.chmod(0o444)
    make()
    assert (course / "my" / NAME).stat().st_mode & 0o200
    if sys.platform == "win32":  # there, nothing replaces a read-only file
        source.chmod(0o644)
        return
    (course / "my" / NAME).chmod(0o444)
    reset_lesson("04")
    assert (course / "my" / NAME).stat().st_mode & 0o200


@pytest.mark.parametrize("act", [copy_lessons, lambda: reset_lesson("04")])
def test_a_folder_that_cannot_be_used_is_one_message(course, act):
    (course / "my").write_text("a file where a folder should be")
    with pytest.raises(RuntimeError, match="cannot be copied into .*my.*a folder in which you may"):
        act()


def test_a_full_disk_loses_nothing(course, copies, monkeypatch):
    write(copies / NAME, "mine")
    (copies / "00_start_here.ipynb").unlink()
    before = {path: path.read_bytes() for path in copies.iterdir()}

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (said,) = copy_lessons()
    assert said.startswith("00_start_here.ipynb cannot be copied") and "No space left" in said
    with pytest.raises(RuntimeError, match="04_temp.* cannot be copied.*No space left"):
        reset_lesson("04")
    assert {path: path.read_bytes() for path in copies.iterdir()} == before


def test_without_the_notebooks_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(working_copies, "TOP", tmp_path)
    for act in (copy_lessons, lambda: reset_lesson("04")):
        with pytest.raises(RuntimeError, match="the lessons are not in .*notebooks"):
            act()
    assert not (tmp_path / "my").exists()


def test_the_copies_are_the_lessons_to_the_byte(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=lambda *_: {"runs"})
    monkeypatch.setattr(working_copies, "TOP", tmp_path)
    copy_lessons()
    for lesson in LESSONS:
        assert (tmp_path / "my" / lesson.name).read_bytes() == lesson.read_bytes()


def test_git_keeps_line_ends_and_leaves_the_copies_out(tmp_path):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    files = ["notebooks/00_start_here.ipynb", "Makefile", ".ci/run", "postBuild", "conftest.py"]
    for name in [".gitattributes", ".gitignore", *files]:
        (tmp_path / "a" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "a" / name)
    write_there = tmp_path / "a" / "my" / NAME
    write_there.parent.mkdir()
    write(write_there, "mine")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "core.autocrlf=true"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "lessons"]):
        subprocess.run([*git, *arguments], cwd=tmp_path / "a", check=True, capture_output=True)
    subprocess.run([*git, "clone", "-q", "a", "b"], cwd=tmp_path, check=True)
    for name in files:
        assert (tmp_path / "b" / name).read_bytes() == (ROOT / name).read_bytes(), name
    assert not (tmp_path / "b" / "my").exists()


@pytest.mark.parametrize("make", [Path.touch, lambda path: link_or_skip(os.symlink, "a", path)])
def test_git_leaves_my_out_even_as_a_link(tmp_path, make):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    shutil.copy(ROOT / ".gitignore", tmp_path)
    make(tmp_path / "my")
    for arguments in (["init", "-q"], ["check-ignore", "my"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)


def test_ruff_leaves_the_copies_alone_without_git(tmp_path):
    (tmp_path / "my").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    write(tmp_path / "my" / NAME, "import os, sys  # not used")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
