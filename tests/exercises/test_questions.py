"""ask: found by name, its choice kept; and what makes a fair set of questions."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import mygpt_helpers.exercises
from mygpt_helpers import Choice, Question, ask
from mygpt_helpers.exercises import marks
from mygpt_helpers.exercises.core import lessons
from mygpt_helpers.exercises.questions import questions
from tests.examples.question import QUESTIONS
from tests.widgets.wire import from_browser

EXAMPLE = Path(__file__).parents[1] / "examples" / "question.py"


@pytest.fixture(autouse=True)
def lesson_77(tmp_path, monkeypatch):
    """Let the example's questions be those of a lesson 77."""
    (tmp_path / "more").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "more" / "questions_77.py")
    here = [*mygpt_helpers.exercises.__path__, str(tmp_path / "more")]
    monkeypatch.setattr(mygpt_helpers.exercises, "__path__", here)
    yield
    sys.modules.pop("mygpt_helpers.exercises.questions_77", None)


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "progress.json"
    monkeypatch.setenv("MYGPT_PROGRESS", str(path))
    monkeypatch.setattr(marks, "_said", set())
    return path


TEXTS = [choice.text for choice in QUESTIONS[0].choices]


def answers(path):
    return json.loads(path.read_text())["answers"]


# ---- ask ---------------------------------------------------------------------------------------


def test_a_question_is_found_by_its_name(file):
    asked = ask("77.warmer")
    assert repr(asked).splitlines() == [
        QUESTIONS[0].text,
        *(f"  {a}. {c.text}" for a, c in zip("abc", QUESTIONS[0].choices, strict=True)),
    ]
    assert not file.parent.exists(), "asking keeps nothing"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("77.warm", r'no such question: "77.warm". Did you mean "77.warmer"\? Lesson 77 has 77.w'),
        ("66.x", r'"66.x": lessons with questions: .*77'),
        ("", '"": lessons with questions'),
        ("77", '"77".* Lesson 77 has 77.warmer'),
        (77, r'the name comes first, in quotes: ask\("03.why_not_top"\)'),
        (None, "in quotes"),
        ("77.\n\x1b[31m" + "x" * 1000, "no such question: .{1,200}$"),
    ],
)
def test_an_unknown_name_is_one_clear_message(name, says):
    with pytest.raises(ValueError, match=says) as raised:
        ask(name)
    assert str(raised.value).isprintable()


def test_a_choice_is_kept_and_there_the_next_time(file):
    from_browser(ask("77.warmer"), choice=2)
    assert answers(file) == {"77.warmer": TEXTS[2]}
    again = ask("77.warmer")
    assert (again.choice, again.unfolded) == (2, False)
    marks.mark("77.double")
    from_browser(again, choice=0)
    assert json.loads(file.read_text()) == {
        "solved": ["77.double"],
        "answers": {"77.warmer": TEXTS[0]},
    }


def test_a_kept_choice_is_found_where_it_stands_now(file, monkeypatch):
    from_browser(ask("77.warmer"), choice=2)
    turned = replace(QUESTIONS[0], choices=QUESTIONS[0].choices[::-1])
    monkeypatch.setattr(sys.modules["mygpt_helpers.exercises.questions_77"], "QUESTIONS", (turned,))
    assert ask("77.warmer").choice == 0


@pytest.mark.parametrize("kept", [1, -1, True, None, "1", 1.0, [], {}])
def test_a_choice_that_is_no_longer_there_is_ignored(file, kept):
    file.parent.mkdir()
    old = {"solved": [], "answers": {"77.warmer": kept, "77.gone": 1}}
    file.write_text(json.dumps(old))
    assert ask("77.warmer").choice is None
    from_browser(ask("77.warmer"), choice=1)
    assert answers(file) == {"77.gone": 1, "77.warmer": TEXTS[1]}


def test_a_file_from_before_there_were_questions(file):
    file.parent.mkdir()
    file.write_text('{"solved": ["00.loop"], "streak": 3}')
    asked = ask("77.warmer")
    assert (asked.choice, asked.note) == (None, "")
    from_browser(asked, choice=1)
    kept = json.loads(file.read_text())
    assert kept == {"solved": ["00.loop"], "streak": 3, "answers": {"77.warmer": TEXTS[1]}}


@pytest.mark.parametrize("content", ["{", '{"solved": [], "answers": [1]}', '{"answers": {}}'])
def test_a_damaged_file_is_moved_aside_and_said_below_the_question(file, content):
    file.parent.mkdir()
    file.write_text(content)
    asked = ask("77.warmer")
    assert asked.choice is None and "kept as progress.json.broken" in asked.numbers()["note"]
    assert Path(f"{file}.broken").read_text() == content


def test_a_disk_that_fails_is_said_below_the_question(file):
    file.parent.write_text("a file where a folder should be")
    asked = ask("77.warmer")
    before = repr(asked)
    from_browser(asked, choice=1)
    from_browser(asked, choice=2)
    assert asked.choice == 2 and repr(asked) == before
    note = asked.numbers()["note"]
    assert note.startswith("progress is not saved: ") and "\n" not in note


def test_off_neither_reads_nor_writes(file, monkeypatch, tmp_path):
    marks.keep_answer("77.warmer", TEXTS[1])
    before = file.read_bytes()
    monkeypatch.setenv("MYGPT_PROGRESS", "off")
    monkeypatch.chdir(tmp_path)
    asked = ask("77.warmer")
    assert asked.choice is None
    from_browser(asked, choice=2)
    assert file.read_bytes() == before and not Path("off").exists() and asked.note == ""


def test_forget_removes_the_answers_of_one_lesson(file, capsys):
    for name in ("77.warmer", "77.colder", "04.zero"):
        marks.keep_answer(name, "a")
    marks.mark("77.double")
    marks.forget("77")
    marks.forget("77")
    assert json.loads(file.read_text()) == {"solved": [], "answers": {"04.zero": "a"}}
    assert capsys.readouterr().out.splitlines() == [
        "lesson 77: 1 mark and 2 answers removed",
        "lesson 77: 0 marks and 0 answers removed",
    ]


def test_kernels_at_once_lose_no_answer_and_no_mark(file):
    code = (
        "import sys; from mygpt_helpers.exercises.marks import keep_answer, mark\n"
        "for n in '0123456789':\n"
        "    assert keep_answer(f'{sys.argv[1]}.{n}', n) == mark(f'0.{n}') == []"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(3)]
    assert [run.wait() for run in runs] == [0] * 3
    assert answers(file) == {f"{a}.{n}": f"{n}" for a in range(3) for n in range(10)}
    assert len(json.loads(file.read_text())["solved"]) == 10


# ---- fair questions ----------------------------------------------------------------------------


def places(asked):
    return [[choice.right for choice in question.choices].index(True) for question in asked]


def unfair(asked):
    """Yield what gives the answers of some questions away without reading them."""
    found = places(asked)
    if len(found) > 1 and len(set(found)) == 1:
        yield f"the right choice stands at place {found[0]} in all {len(found)} questions"
    elif len(found) > 3 and max(map(found.count, found)) > len(found) / 2:
        yield f"one place is right in more than half of the questions: {found}"
    is_longest = []
    for question, place in zip(asked, found, strict=True):
        lengths = [len(choice.text) for choice in question.choices]
        is_longest.append(lengths[place] == max(lengths) > sorted(lengths)[-2])
        if max(lengths) > 1.6 * min(lengths) + 12:
            yield f"{question.name}: its choices have {lengths} characters: make them alike"
    if len(asked) > 1 and all(is_longest):
        yield "the right choice is the longest in every question"


@pytest.mark.parametrize("lesson", lessons("questions"))
def test_the_questions_of_a_lesson_are_fair(lesson):
    asked = questions(lesson)
    assert list(unfair(asked)) == []
    names = [question.name for question in asked]
    assert len(set(names)) == len(names) <= 6
    assert all(name.startswith(f"{lesson}.") for name in names)


def test_the_questions_of_the_course_are_fair():
    assert list(unfair([q for lesson in lessons("questions") for q in questions(lesson)])) == []


def one(*texts, right):
    choices = [Choice(text, "Why.", right=i == right) for i, text in enumerate(texts)]
    return Question("77.x", "What?", choices)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ([one("a", "b", right=0)] * 2, "place 0 in all 2"),
        ([one("a", "b", right=0)] * 3 + [one("a", "b", right=1)], "more than half"),
        ([one("a", "b" * 14, right=0)], r"\[1, 14\] characters"),
        ([one("a", "bb", right=1), one("aa", "b", right=0)], "longest in every question"),
    ],
)
def test_an_unfair_set_is_noticed(asked, says):
    (complaint,) = unfair(asked)
    assert re.search(says, complaint)


def test_a_fair_set_passes():
    fair = [one("a", "b", right=0), one("a", "b", right=1), one("a" * 13, "b", right=1)]
    assert list(unfair(fair)) == list(unfair([*fair, one("a", "b", "c", right=2)])) == []
    assert list(unfair([])) == list(unfair(QUESTIONS)) == []
