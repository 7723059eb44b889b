"""Every guard on every stored notebook, and on a broken copy of a sound one: there it complains."""

from __future__ import annotations

import base64
import copy
import io
import json
import re
import subprocess
import sys

import pytest
from PIL import Image

from mygpt_helpers import Choice, Question
from tests import guards
from tests.guards import CHECK, EXERCISES, GUARDS, MAX_BYTES, Lesson, shown, source
from tools import refresh

PATHS = refresh.LESSONS

# ---- all guards on all notebooks ---------------------------------------------------------------


def load(path):
    return Lesson(json.loads(path.read_text("utf-8")), path, {p.name for p in PATHS})


def test_there_are_notebooks():
    assert [path.stem[:2] for path in PATHS][:1] == ["00"]
    assert all(re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", path.name) for path in PATHS)
    assert len({path.stem[:2] for path in PATHS}) == len(PATHS)


@pytest.mark.parametrize("name", GUARDS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_stored_notebook(path, name):
    complaints = list(GUARDS[name](load(path)))
    assert not complaints


def test_the_code_is_as_ruff_wants_it():
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", *map(str, PATHS)],
            cwd=refresh.ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_exercise_is_in_its_lesson():
    written = {path.stem[:2] for path in PATHS}
    asked = {name for path in PATHS for c in load(path).code for name in CHECK.findall(source(c))}
    assert {name for name in EXERCISES if name[:2] in written} == asked


def test_lesson_00_shows_the_exercises_there_are():
    said = "\n".join(text for cell in load(PATHS[0]).code for text in shown(cell))
    assert f"solved: 0 of {len(EXERCISES)}" in said, "make refresh, for lesson 00's table"
    assert all(name in said for name in EXERCISES)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_readme_has_the_lesson_s_minutes(path):
    reading, solving = guards.TIME.search(source(load(path).cells[0]).replace("\n", " ")).groups()
    rows = (refresh.ROOT / "README.md").read_text("utf-8").splitlines()
    (row,) = [row for row in rows if f"(notebooks/{path.name})" in row]
    assert row.endswith(f"| {reading} + {solving} |")


# ---- each guard on a broken notebook -----------------------------------------------------------

PNG = io.BytesIO()
Image.new("P", (2, 2)).save(PNG, "PNG")
PNG = base64.b64encode(PNG.getvalue()).decode("ascii")
TWIN = 'After "Hi"\n  "a"  0.73  top\n  "b"  0.27'
OPENING = """# 04 · Temperature

**You will be able to** sharpen and flatten.

**Time** about 7 minutes, and 12 more for the exercises.
**Builds on** [03 Greedy](03_greedy.ipynb)."""
FIRST, SECOND = [exercise for name, exercise in EXERCISES.items() if name[:2] == "04"][:2]
HEADINGS = [
    f"### Exercise {n} · {each.title} ({'★' * each.difficulty:☆<3}, {each.minutes} minutes)"
    for n, each in enumerate((FIRST, SECOND), start=1)
]
BODY = f"""What is next? A formula $n!$, code `a!`, a quotation "Stop!", and I love AI !

## 2 · Gotcha: twice

{HEADINGS[0]}

{HEADINGS[1]}"""
CLOSING = """## Check your understanding

**1.** Why?

<details><summary>Answer</summary>

Because.

</details>"""
RECAP = """## Recap

- One.
- Two.

**Next:** 05 Top-k"""


def markdown(text):
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code(text, *outputs, **metadata):
    cell = {"cell_type": "code", "metadata": metadata, "source": text, "outputs": list(outputs)}
    return cell | {"execution_count": None}


def result(data, **metadata):
    output = {"output_type": "display_data", "data": data, "metadata": metadata}
    return output


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def exercise(name):
    stub = f'def f(x): ...\n\n\ncheck("{name}", f)\n# hint("{name}")\n# solution("{name}")'
    return code(stub, printed(f"– not tried yet: {name}"))


CHOICES = (Choice("beer", "It is the top one."), Choice("I", "It never\nfollows.", right=True))
ASKED = {name: Question(name, "What is next?", CHOICES) for name in ("04.next", "04.last", "05.x")}


@pytest.fixture
def sound(tmp_path, monkeypatch):
    """A lesson in which no guard finds anything."""
    monkeypatch.setattr(guards, "QUESTIONS", dict(ASKED))
    cells = [
        markdown(OPENING),
        code("1 + 1", result({"text/plain": "2"})),
        code(
            "show()", result({"image/png": PNG, "text/plain": TWIN}, **{"image/png": {"alt": TWIN}})
        ),
        code("1 / 0", {"output_type": "error", "ename": "E", "evalue": "e", "traceback": []}),
        code("# Not compared: times differ.\ntimed()"),
        markdown(BODY),
        exercise(FIRST.name),
        exercise(SECOND.name),
        code('ask("04.next")', result({"text/plain": repr(CHOICES[0].text)})),
        code('ask("04.last")'),
        *[code(f"x = {number}") for number in range(12)],  # of 20 cells, one is not compared
        markdown(CLOSING),
        markdown(RECAP),
    ]
    cells[3]["metadata"]["tags"] = ["raises-exception"]
    cells[4]["metadata"]["tags"] = ["nbval-ignore-output"]
    for number, cell in enumerate(cells):
        cell["id"] = f"c{number}"
    raw = {"cells": cells, "metadata": copy.deepcopy(refresh.METADATA)}
    lesson = Lesson(raw | {"nbformat": 4, "nbformat_minor": 5}, tmp_path / "04_x.ipynb")
    for number, cell in enumerate(lesson.code, start=1):
        cell["execution_count"] = number
    lesson.others |= {"03_greedy.ipynb"}
    return lesson


def complaints(lesson):
    """Return the guards that complain about a lesson that was changed."""
    again = Lesson(lesson.raw, lesson.path, lesson.others)
    return {name for name, function in GUARDS.items() if list(function(again))}


def test_a_sound_notebook_passes(sound):
    assert complaints(sound) == set()


def edit(index, old, new):
    def change(cells):
        assert old in cells[index]["source"]
        cells[index]["source"] = cells[index]["source"].replace(old, new)

    return change


def put(index, **values):
    return lambda cells: cells[index].update(values)


def show(text):
    return put(1, outputs=[printed(text)])


def picture(**changes):
    def change(cells):
        output = cells[2]["outputs"][0]
        output["data"].update(changes.get("data", {}))
        output["metadata"] = changes.get("metadata", output["metadata"])
        for key in changes.get("without", ()):
            del output["data"][key]

    return change


PATH = "/ho" + "me/ada/mygpt"
BREAKS = {
    "every_cell_was_run": [
        put(1, execution_count=None),
        put(2, execution_count=7),
        put(1, outputs=[result({"text/plain": "2"}) | {"execution_count": 9}]),
    ],
    "no_empty_cells": [put(5, source=" \n"), put(1, source="")],
    "no_widgets_are_stored": [picture(data={refresh.WIDGET_VIEW: {"model_id": "a"}})],
    "it_is_small": [put(5, source=BODY + "\nlong" * MAX_BYTES)],
    "outputs_are_the_same_everywhere": [
        show(f"loaded from {PATH}"),
        show("C:\\Users\\ada"),
        show("<object at 0x7f3b2c1d>"),
        show("took 0.35 s"),
        show("12 tokens/s"),
        show("forward pass: 41 ms"),
        show("100%|####| 3/3"),
        show("2026-01-02"),
        show("transformers 5.23.0"),
        show("x.py:12: UserWarning: careful"),
        put(3, outputs=[{"output_type": "error", "ename": "E", "evalue": PATH, "traceback": []}]),
        put(
            3,
            outputs=[
                {
                    "output_type": "error",
                    "ename": "E",
                    "evalue": "",
                    "traceback": ["File lib/python3.12/site-packages/torch/x.py"],
                }
            ],
        ),
        picture(metadata={"image/png": {"alt": PATH}}),
    ],
    "errors_are_meant": [
        put(3, metadata={}),
        put(1, metadata={"tags": ["raises-exception"]}),
    ],
    "every_cell_is_compared_but_a_few": [
        put(1, metadata={"tags": ["nbval-ignore-output"]}, outputs=[]),
        put(4, outputs=[printed("1 thing")]),
        edit(4, "# Not compared: times differ.\n", ""),
        put(1, metadata={"tags": ["nbval-skip"]}),
        edit(1, "1 + 1", "# NBVAL_IGNORE_OUTPUT\n1 + 1"),
    ],
    "pictures_have_a_text_twin": [
        picture(without=["text/plain"]),
        picture(data={"text/plain": "<Figure size 640x480 with 1 Axes>"}),
        picture(metadata={}),
        picture(metadata={"image/png": {"alt": "another"}}),
        picture(data={"image/png": PNG[:60]}),
        picture(data={"text/html": "<img>"}),
        picture(data={"image/svg+xml": "<svg/>"}),
    ],
    "there_is_a_picture": [picture(without=["image/png"])],
    "cells_are_short": [
        put(1, source="x = 1\n" * 21),
        lambda cells: [cell.update(source="x = 1\n" * 7) for cell in cells],
    ],
    "it_opens_as_it_should": [
        edit(0, "# 04 · Temperature", "# Temperature"),
        edit(0, "# 04", "# 05"),
        edit(0, "**You will be able to**", "You learn to"),
        edit(0, "**Time**", "Time"),
        edit(0, "**Builds on**", "After"),
        lambda cells: cells.insert(0, cells.pop(1)),
    ],
    "its_minutes_are_true": [
        edit(0, "about 7 minutes, and", "a while, and"),
        edit(0, "about 7", "about 11"),
        edit(0, "12 more", "8 more"),
        edit(0, ", and 12 more for the exercises", ""),
        lambda cells: cells[5].update(source="word " * 700),
        edit(-2, "Because.", "word " * 6000),
    ],
    "it_asks_before_it_shows": [
        lambda cells: [cell.update(source="x") for cell in cells if "ask(" in cell["source"]],
        edit(5, "What is", "**Predict.** What is"),
    ],
    "questions_are_whole": [
        put(8, source='ask("04.next");'),
        put(8, source='x = ask("04.next")'),
        put(8, source='ask("04.next")\nx = 3'),
        put(8, source="ask('04.next')"),
        put(8, source='ask("04.none")'),
        put(8, source='ask("04.last")'),
        put(9, source='ask("04.next")'),
        put(9, source="x = 3"),
        put(10, source='ask("05.x")'),
        put(10, source='ask("04.next")'),
    ],
    "the_answers_are_not_given_away": [
        edit(5, "What is next?", "It is\nthe top one."),
        put(9, outputs=[printed("I: It never follows.")]),
        put(10, source="# It is the top one."),
    ],
    "it_names_a_gotcha": [edit(5, "Gotcha", "Mistake")],
    "it_has_questions_to_unfold": [
        edit(-2, "## Check your understanding", "## Questions"),
        edit(-2, "<details>", "<div>"),
        edit(-2, "</details>", ""),
        edit(-2, "</summary>\n\n", "</summary>\n"),
    ],
    "it_ends_with_a_recap": [
        edit(-1, "## Recap", "## End"),
        edit(-1, "- One.", "- One.\n" * 5),
        lambda cells: cells.append(code("1") | {"id": "last", "execution_count": 7}),
        edit(-1, "## Recap", "## More\n\n## Recap"),
        edit(-1, "- One.", "- One.\n\n## Appendix"),
        lambda cells: cells.append(markdown("## More") | {"id": "last"}),
    ],
    "it_leads_to_the_next_lesson": [
        edit(-1, "**Next:** 05 Top-k", ""),
        edit(-1, "05 Top-k", "06 Top-p"),
        edit(-1, "05 Top-k", "[05 Top-k](05_top_k.ipynb)"),
    ],
    "links_lead_somewhere": [
        edit(5, "What is", "[What](02_loop.ipynb) is"),
        edit(5, "What is", "[What](#gotcha) is"),
        edit(5, "What is", "[What](./) is"),
        edit(5, "What is", "[What](http://example.org) is"),
    ],
    "exercises_are_whole": [
        edit(6, "# hint", "hint"),
        edit(6, "# solution", "# answer"),
        edit(6, '", f)', '", f, 3)'),
        edit(6, "04.", "99."),
        edit(6, ": ...", ": return 1"),
        put(6, outputs=[printed("✔ right")]),
        edit(5, "### Exercise 2", "### Exercise 3"),
        edit(5, FIRST.title, "Another title"),
        edit(5, f"{FIRST.minutes} minutes", "9 minutes"),
        edit(5, "★", "☆"),
        lambda cells: cells[6].update(source=cells[7]["source"]),
        lambda cells: cells.pop(6),
    ],
    "the_prose_is_plain": [
        edit(5, "What is next?", "Go on!"),
        edit(5, "What is next?", "It is simply next."),
        edit(5, "What is next?", "Just look."),
        edit(5, "What is next?", "Obviously."),
    ],
    "the_code_can_be_compared": [
        edit(1, "1 + 1", line)
        for line in (
            "interact(f, x=1)",
            "ipywidgets.interactive(f)",
            "out = Output()",
            "clear_output()",
            "for x in tqdm(y): ...",
            "from rich.progress import track",
            "torch.multinomial(p, 1)",
            "torch.manual_seed(0)\nprint(torch.randn(2))",
            "!ls",
            "%time x",
            f'open("{PATH}")',
        )
    ],
    "cells_have_ids_of_their_own": [put(3, id="c1"), lambda cells: cells[3].pop("id")],
    "it_is_stored_as_refresh_stores_it": [
        put(1, metadata={"execution": {"iopub.status.busy": "2026"}}),
        put(1, metadata={"collapsed": True}),
        put(1, outputs="none"),
    ],
}


@pytest.mark.parametrize(
    ("name", "change"),
    [(name, change) for name, changes in BREAKS.items() for change in changes],
    ids=[f"{name}-{i}" for name, changes in BREAKS.items() for i in range(len(changes))],
)
def test_a_broken_notebook_is_noticed(sound, name, change):
    change(sound.cells)
    again = Lesson(sound.raw, sound.path, sound.others)
    assert list(GUARDS[name](again)), "no complaint"


def test_every_guard_has_been_seen_to_complain():
    assert set(BREAKS) == set(GUARDS)


def test_the_rest_of_what_may_be_wrong(sound):
    sound.raw["metadata"]["widgets"] = {}
    assert complaints(sound) == {"no_widgets_are_stored", "it_is_stored_as_refresh_stores_it"}
    del sound.raw["metadata"]["widgets"]
    sound.raw["metadata"]["language_info"]["version"] = "3.12.1"
    assert complaints(sound) == {"it_is_stored_as_refresh_stores_it"}


def test_at_most_six_questions(sound, monkeypatch):
    names = [f"04.{number}" for number in range(7)]
    monkeypatch.setattr(guards, "QUESTIONS", {name: Question(name, "?", CHOICES) for name in names})
    for cell, name in zip(sound.cells[8:], names, strict=False):
        cell.update(source=f'ask("{name}")')
    assert complaints(sound) == {"questions_are_whole"}
    guards.QUESTIONS.pop(names[-1])
    sound.cells[14].update(source="x = 3")
    assert complaints(sound) == set()


def test_below_the_recap_may_stand_an_appendix(sound):
    sound.cells.append(markdown("## Appendix: more") | {"id": "more"})
    assert complaints(sound) == set()


def test_the_next_lesson_is_linked_once_it_is_there(sound):
    sound.others |= {"05_top_k.ipynb"}
    assert complaints(sound) == {"it_leads_to_the_next_lesson"}
    edit(-1, "05 Top-k", "[05 Top-k](05_top_k.ipynb)")(sound.cells)
    assert complaints(sound) == set()


@pytest.mark.parametrize(
    "text",
    ["temperature 0.5", "p = 0.73 sure", "3/4 s", "Once upon a time / or not", "<b>/home</b>"],
)
def test_ordinary_outputs_pass(sound, text):
    show(text)(sound.cells)
    assert "outputs_are_the_same_everywhere" not in complaints(sound)
