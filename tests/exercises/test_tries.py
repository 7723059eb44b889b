"""Tries are counted where they were asked for, and collected for a class without telling who."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from mygpt_helpers import __main__ as command_line
from mygpt_helpers.exercises import marks, tries
from mygpt_helpers.exercises.classes import read_class
from mygpt_helpers.exercises.core import check, hint, solution
from mygpt_helpers.exercises.marks import MOST_BYTES, forget
from mygpt_helpers.exercises.questions import ask, questions


def largest(scores):
    return scores.index(max(scores))


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "progress.json"
    monkeypatch.setenv("MYGPT_PROGRESS", str(path))
    monkeypatch.delenv("MYGPT_TRIES", raising=False)
    return path


def work():
    """What a learner may do in a lesson."""
    check("00.pick_largest", None)  # not tried yet
    check("00.pick_largest", lambda scores: 0)
    check("00.pick_largest", lambda scores: 1 / 0)
    hint("00.pick_largest")
    check("00.pick_largest", largest)
    check("00.pick_largest", largest)
    solution("00.pick_largest")  # after it was solved: no try
    solution("00.loop")
    question = ask("04.half")
    question.choice = 1
    question.choice = 0
    check("00.nothing", largest)
    hint("00.nothing")


COUNTED = {
    "tries": {
        "00.pick_largest": {"checks": 3, "hints": 1, "solutions": 0},
        "00.loop": {"checks": 0, "hints": 0, "solutions": 1},
    },
    "first": {"04.half": "b"},
}


def test_without_asking_nothing_more_is_kept(file):
    hint("00.loop")
    check("00.loop", lambda *_: 0)
    assert not file.parent.exists()
    work()
    assert json.loads(file.read_text()).keys() == {"solved", "answers"}


@pytest.mark.parametrize("by", ["learner", "class"])
def test_tries_are_counted_until_it_is_solved(file, by, monkeypatch, capsys):
    if by == "class":
        monkeypatch.setenv("MYGPT_TRIES", " On ")
    else:
        tries.keep_tries()
        assert capsys.readouterr().out == "your tries are counted from now on\n"
    work()
    kept = json.loads(file.read_text())
    assert {part: kept[part] for part in COUNTED} == COUNTED
    assert kept.keys() == {"solved", "answers", "tries", "first"}


def test_another_value_is_told_once_and_counts_nothing(file, monkeypatch, capsys):
    monkeypatch.setattr(marks, "_said", set())
    monkeypatch.setenv("MYGPT_TRIES", "yes")
    for told in (1, 0):
        hint("00.loop")
        assert capsys.readouterr().out.count("must be on or off, got yes: taken as off") == told
    assert not file.exists()


def test_the_learner_has_the_last_word(file, monkeypatch, capsys):
    monkeypatch.setenv("MYGPT_TRIES", "on")
    work()
    tries.keep_tries(False)
    assert capsys.readouterr().out.endswith("no tries are kept\n")
    before = json.loads(file.read_text())
    assert before["tries"] is False and "first" not in before
    assert before["solved"] == ["00.pick_largest"]
    work()
    assert json.loads(file.read_text()) == before
    monkeypatch.setenv("MYGPT_PROGRESS", "off")
    tries.keep_tries()
    assert capsys.readouterr().out.endswith("no tries are kept\n")


def test_a_lesson_that_is_forgotten_is_forgotten_whole(file):
    tries.keep_tries()
    work()
    forget("00")
    kept = json.loads(file.read_text())
    assert kept["tries"] == {} and kept["first"] == {"04.half": "b"}


@pytest.mark.parametrize("damaged", [3, [], {"00.loop": 7}, {"00.loop": {"checks": "x"}}])
def test_damaged_tries_cost_no_mark(file, damaged, capsys):
    file.parent.mkdir()
    solved = ["00.pick_largest"]
    file.write_text(json.dumps({"solved": solved, "tries": damaged, "first": damaged}))
    check("00.loop", lambda *_: 0)
    ask("04.half").choice = 0
    kept = json.loads(file.read_text())
    assert kept["solved"] == solved and kept["tries"]["00.loop"]["checks"] == 1
    assert kept["first"]["04.half"] == "a"


# ---- a class -----------------------------------------------------------------------------------


def learner(checks, *, hints=0, solutions=0, solved=True, first="a", name="04.temperature"):
    """What the file of a learner holds who tried one exercise and answered one question."""
    one = {"checks": checks, "hints": hints, "solutions": solutions}
    done = [name] if solved else []
    return {"solved": done, "answers": {}, "tries": {name: one}, "first": {"04.half": first}}


@pytest.fixture
def collected(tmp_path):
    """A folder with the files of four learners."""
    for name, progress in {
        "one": learner(1, first="b"),
        "two": learner(2, hints=3),
        "three": learner(9, hints=1, solutions=1, solved=False),
        "four": learner(4, name="04.from_probs", first="c"),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "progress.json").write_text(json.dumps(progress))
    return tmp_path


def rows_of(said):
    return {words[0]: words[1:] for line in said.splitlines() if (words := line.split())}


def test_a_class_is_a_table_and_a_picture(collected, capsys):
    out = collected / "tries.png"
    assert command_line.main(["class", str(collected), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    rows = rows_of(said)
    assert said.startswith("4 learners\n")
    assert rows["04.temperature"] == ["3", "2", "2", "9", "2", "1"]
    assert rows["04.from_probs"] == ["fewer", "than", "3", "learners"]
    (half,) = (q for q in questions("04") if q.name == "04.half")
    share = sum(half.choices["abc".index(letter)].right for letter in "baac") / 4
    assert rows["04.half"][:2] == ["4", f"{share:.0%}"]
    with Image.open(out) as picture:
        assert picture.info["Description"] == said[: said.index("\nThe picture is")]
        assert picture.size[0] > 1000
        ground = picture.convert("RGB").getpixel((2, 2))
    assert ground == (255, 255, 255)  # its own: legible on a dark page, too


def test_what_cannot_be_used_is_named_and_the_rest_counted(collected, capsys):
    bad = collected / "bad"
    bad.mkdir()
    (bad / "cut.json").write_text('{"solved": [')
    (bad / "bytes.json").write_bytes(b"\xff\xfe")
    (bad / "deep.json").write_bytes(b"[" * 200_000)
    (bad / "other.json").write_text("[1, 2]")
    (bad / "huge.json").write_bytes(b" " * (MOST_BYTES + 1))
    (bad / "plain.json").write_text('{"solved": ["00.loop"], "answers": {}}')
    (bad / "no.json").write_text('{"solved": [], "answers": {}, "tries": false}')
    (bad / "later.json").write_text(json.dumps(learner(1) | {"tries": {"04.zero": [1, 2]}}))
    (bad / "folder.json").mkdir()
    (bad / "later2.json").write_text(json.dumps(learner(2, name="77.new")))
    (bad / "copy.json").write_text((collected / "two" / "progress.json").read_text())
    (collected / "empty").mkdir()
    again, gone = collected / "one" / "progress.json", collected / "gone.json"
    files = map(str, (collected, again, collected / "empty", gone))
    assert command_line.main(["class", *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    said = {}
    for line in lines[: lines.index("6 learners")]:
        path, _, what = line.partition(": ")
        said[path.removeprefix(str(collected))] = what
    assert said == {
        "/bad/cut.json": "left out, it is damaged: no JSON",
        "/bad/bytes.json": "left out, it is damaged: no JSON",
        "/bad/deep.json": "left out, it is damaged: no JSON",
        "/bad/other.json": 'left out, it has no list of names under "solved"',
        "/bad/huge.json": "left out, it is larger than 1,000,000 bytes",
        "/bad/plain.json": "left out, it holds no tries: the learner did not ask for them",
        "/bad/no.json": "left out, it holds no tries: the learner did not ask for them",
        "/bad/later.json": "left out, its tries are not of this version of the course, or damaged",
        "/bad/folder.json": "left out, folder.json is not a regular file",
        "/bad/later2.json": "counted, but 1 of its names are not in this version of the course",
        "/two/progress.json": "counted, and equal to another one: is it a copy?",
        "/one/progress.json": f"looked at once; it is {again}",
        "/empty": "no progress file, such as progress.json, is in this folder",
        "/gone.json": "left out, No such file or directory",
    }


def test_a_huge_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(50 * 10**9)  # a hole
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("it was read"))
    assert read_class([path]) == ([], [f"{path}: left out, it is larger than 1,000,000 bytes"])


def test_what_may_not_be_read(collected, monkeypatch):
    path = collected / "one" / "progress.json"

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    assert read_class([path])[1] == [f"{path}: left out, Permission denied"]


def test_two_learners_are_no_class(collected, capsys):
    files = [str(collected / name / "progress.json") for name in ("one", "two")]
    assert command_line.main(["class", *files, "--out", str(collected / "x.png")]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "fewer than 3 may tell who it was" in said.err
    assert not (collected / "x.png").exists()


@pytest.mark.parametrize("out", ["one/progress.json", "nowhere/x.png", "one.png"])
def test_a_picture_that_cannot_be_written_is_one_line(collected, out, capsys):
    (collected / "one.png").mkdir()
    before = (collected / "one" / "progress.json").read_bytes()
    assert command_line.main(["class", str(collected), "--out", str(collected / out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert (collected / "one" / "progress.json").read_bytes() == before


counts = st.fixed_dictionaries({what: st.integers(-1, 10**7) | st.booleans() for what in tries.NEW})
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["04.temperature", "04.half", "00.loop"]) | st.text()
progresses = st.fixed_dictionaries(
    {"solved": json_values | st.lists(names), "answers": json_values},
    optional={
        "tries": json_values | st.dictionaries(names, counts | json_values, max_size=3),
        "first": json_values | st.dictionaries(names, st.sampled_from("abcz") | json_values),
    },
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
)
@example('{"solved": [], "tries": {"04.temperature": {}}}', 0)
@example('{"solved": [], "tries": {}, "first": {"04.half": [1]}}', 0)
@given(progresses.map(json.dumps) | json_values.map(json.dumps) | st.text(), st.integers(0, 300))
def test_whatever_a_file_holds_is_counted_or_named(collected, capsys, text, cut):
    path = collected / "odd.json"
    path.write_bytes(text.encode("utf-8", "replace")[: -cut or None])
    assert command_line.main(["class", str(collected)]) == 0
    said = capsys.readouterr()
    assert said.err == "" and rows_of(said.out)["04.temperature"][0] in ("3", "4")
    counted = "5 learners" in said.out
    assert counted or sum(f"{path}: left out, " in line for line in said.out.splitlines()) == 1
    if counted:
        kept = json.loads(path.read_text())
        for one in (kept.get("tries") or {}).values():
            assert all(type(n) is int and 0 <= n < 10**6 for n in one.values())


def test_help_teaches_and_loads_nothing_heavy():
    code = "import sys; from mygpt_helpers.__main__ import main\n"
    code += "try: main(['class', '--help'])\n"
    code += "except SystemExit: print('heavy:', {'torch', 'matplotlib', 'rich'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    for word in ("keep_tries(False)", "MYGPT_TRIES=on", "fewer than three", "heavy: set()"):
        assert word in done.stdout
