"""Guards: what every stored notebook must hold, and must not.

Each guard is a function that takes a Lesson and returns its complaints. Each is tried on all
notebooks, and on a broken copy of a sound one, to see that it complains.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from mygpt_helpers.exercises.core import exercises, lessons
from tools import refresh

ROOT = Path(__file__).resolve().parent.parent
PATHS = refresh.LESSONS
EXERCISES = {exercise.name for lesson in lessons() for exercise in exercises(lesson)}
MAX_BYTES = 300_000
COMPARED = ("text/plain", "text/html", "text/markdown", "image/svg+xml")


class Lesson:
    """A stored notebook, taken apart."""

    def __init__(self, raw, path, others=()):
        self.raw, self.path = raw, path
        self.others = set(others) | {path.name}  # the names of the notebooks beside it
        self.cells = raw["cells"]
        self.code = [c for c in self.cells if c["cell_type"] == "code" and source(c).strip()]
        self.markdown = [c for c in self.cells if c["cell_type"] == "markdown"]
        self.text = "\n\n".join(source(c) for c in self.markdown)
        self.number = path.stem[:2]


def source(cell):
    return "".join(cell["source"])


def joined(value):
    return "".join(value) if isinstance(value, list) else value


def tags(cell):
    return cell["metadata"].get("tags", [])


def shown(cell):
    """Return all the text that a cell's outputs hold, tracebacks included."""
    for output in cell["outputs"]:
        yield joined(output.get("text", ""))
        yield output.get("evalue", "")
        yield re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.get("traceback", [])))
        for kind, data in output.get("data", {}).items():
            if not kind.startswith("image/") and isinstance(data, (str, list)):
                yield joined(data)
        yield from (m.get("alt", "") for m in output.get("metadata", {}).values() if m)


# ---- the guards --------------------------------------------------------------------------------

GUARDS = {}


def guard(function):
    GUARDS[function.__name__] = function
    return function


@guard
def every_cell_was_run(lesson):
    # nbval compares nothing in a cell whose count is null, and says nothing.
    counts = [cell["execution_count"] for cell in lesson.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, expected 1 to {len(counts)} (make refresh)"
    for cell in lesson.code:
        for output in cell["outputs"]:
            if output.get("execution_count", cell["execution_count"]) != cell["execution_count"]:
                yield f"an output of cell {cell['execution_count']} is of another run"


@guard
def no_empty_cells(lesson):
    for cell in lesson.cells:
        if not source(cell).strip():
            yield f"cell {cell['id']} is empty"


@guard
def no_widgets_are_stored(lesson):
    if "widgets" in lesson.raw["metadata"]:
        yield "the state of widgets is stored"
    for cell in lesson.code:
        for output in cell["outputs"]:
            live = [kind for kind in output.get("data", {}) if "widget" in kind]
            if live or "jupyter" in output.get("metadata", {}):
                yield f"cell {cell['execution_count']} stores a widget: {live}"


@guard
def it_is_small(lesson):
    size = lesson.path.stat().st_size if lesson.path.exists() else len(json.dumps(lesson.raw))
    if size > MAX_BYTES:
        yield f"{size:,} bytes, expected at most {MAX_BYTES:,}"


NOISE = {
    "an absolute path": r"(?<![\w.:/~<])(/(home|root|tmp|usr|opt|var|work|Users)/|~/|[A-Z]:\\)\w",
    "a path in a library": r"site-packages|dist-packages|ipykernel_\d+|python3\.\d+",
    "an address in memory": r"\b0x[0-9a-f]{6,}",
    "a time": r"\b\d+(\.\d+)? ?(ms|µs|us|ns|seconds?|it/s|tokens/s)\b|\b\d+\.\d+ ?s\b|CPU times",
    "a date": r"\b20\d\d-\d\d-\d\d\b|\b\d\d:\d\d:\d\d\b",
    "a warning with its path": r"\w+\.py:\d+: \w*Warning|Warning: .*\n +warnings\.warn",
    "a version": r"\b(torch|transformers|Python|jupyterlab|ipywidgets) ?(==)? ?\d+\.\d+",
    "a progress bar": r"\d+%\|",
}


@guard
def outputs_are_the_same_everywhere(lesson):
    for cell in lesson.code:
        for text in shown(cell):
            for what, pattern in NOISE.items():
                if found := re.search(pattern, text):
                    yield f"cell {cell['execution_count']} shows {what}: {found[0]!r}"


@guard
def errors_are_meant(lesson):
    for cell in lesson.code:
        failed = [o for o in cell["outputs"] if o["output_type"] == "error"]
        if failed and "raises-exception" not in tags(cell):
            yield f"cell {cell['execution_count']} fails: {failed[0]['ename']}"
        if not failed and "raises-exception" in tags(cell):
            yield f"cell {cell['execution_count']} is tagged raises-exception and does not fail"


@guard
def every_cell_is_compared_but_a_few(lesson):
    known = {"raises-exception", "nbval-ignore-output", "sampled", "hide-input"}
    ignored = [cell for cell in lesson.code if "nbval-ignore-output" in tags(cell)]
    if len(ignored) > max(1, len(lesson.code) // 10):
        yield f"{len(ignored)} of {len(lesson.code)} cells are not compared"
    for cell in lesson.code:
        if set(tags(cell)) - known:
            yield f"cell {cell['execution_count']} has unknown tags: {tags(cell)}"
        if re.search(r"NBVAL|PYTEST_VALIDATE", source(cell)):
            yield f"cell {cell['execution_count']}: mark with a tag, not with a comment"
    for cell in ignored:
        if cell["outputs"] and "sampled" not in tags(cell):
            yield f"cell {cell['execution_count']} is not compared, and stores an output"
        if "sampled" in tags(cell) and any("data" in output for output in cell["outputs"]):
            yield f"cell {cell['execution_count']} may store sampled text, and no more than that"
    if not any(set(o.get("data", {})) & set(COMPARED) for c in lesson.code for o in c["outputs"]):
        yield "no output is compared at all"


@guard
def pictures_have_a_text_twin(lesson):
    for cell in lesson.code:
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" not in data:
                continue
            where, twin = f"cell {cell['execution_count']}", joined(data.get("text/plain", ""))
            if len(twin) < 20 or re.match(r"<.* at 0x|<Figure|<PIL", twin):
                yield f"{where}: a picture without a text twin"
            if output["metadata"].get("image/png", {}).get("alt", "").strip() != twin.strip():
                yield f"{where}: the alternative text is not the text twin"
            try:
                Image.open(io.BytesIO(base64.b64decode(joined(data["image/png"])))).verify()
            except Exception as error:
                yield f"{where}: the picture is damaged: {error}"
        for kind in [k for o in cell["outputs"] for k in o.get("data", {})]:
            if kind in ("image/svg+xml", "application/javascript", "image/jpeg"):
                yield f"cell {cell['execution_count']}: {kind} is not shown unless trusted"


@guard
def there_is_a_picture(lesson):
    if not any("image/png" in o.get("data", {}) for c in lesson.code for o in c["outputs"]):
        yield "no picture is stored"


def length(cell):
    """Count the lines of code: not blank, not a comment alone, not what ruff breaks off a list."""
    lines = source(cell).splitlines()
    return len([line for line in lines if line.strip() and not line.strip().startswith("#")])


@guard
def cells_are_short(lesson):
    lengths = [length(cell) for cell in lesson.code]
    if lengths and statistics.median(lengths) > 6:
        yield f"the median code cell has {statistics.median(lengths)} lines, expected at most 6"
    for cell in lesson.code:
        if length(cell) > 20:
            yield f"cell {cell['execution_count']} has {length(cell)} lines, expected at most 20"


@guard
def it_opens_as_it_should(lesson):
    first = source(lesson.cells[0]) if lesson.cells else ""
    if lesson.cells and lesson.cells[0]["cell_type"] != "markdown":
        yield "it does not begin with text"
    if not re.match(rf"# (.*\n\n# )?{lesson.number} · \S", first):
        yield f"it does not begin with '# {lesson.number} · title'"
    for heading in ("**You will be able to**", "**Time**", "**Builds on**"):
        if heading not in first:
            yield f"its first cell has no {heading}"
    if not re.search(r"\*\*Time\*\*[^.]*\b\d+[^.]*minutes", first):
        yield "its first cell does not say how many minutes it takes"


@guard
def it_asks_before_it_shows(lesson):
    if "**Predict" not in lesson.text:
        yield "nowhere the learner is asked to predict"


@guard
def it_names_a_gotcha(lesson):
    if not re.search(r"^#+ .*\bGotcha\b", lesson.text, re.MULTILINE):
        yield "it has no section 'Gotcha'"


def section(lesson, title):
    """Return the text below a heading of the second order, up to the next one, or None."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", lesson.text, re.MULTILINE | re.DOTALL)
    return found and found[1]


@guard
def it_has_questions_to_unfold(lesson):
    questions = section(lesson, "Check your understanding")
    if questions is None:
        yield "it has no section '## Check your understanding'"
        return
    number = questions.count("<details>")
    if not 1 <= number <= 3 or number != questions.count("</details>"):
        yield f"{number} answers to unfold in '## Check your understanding', expected 1 to 3"
    # Without the blank lines Markdown is not read inside.
    if len(re.findall(r"<details><summary>[^<\n]+</summary>\n\n", questions)) != number:
        yield "an answer has no summary, or no blank line below it"


@guard
def it_ends_with_a_recap(lesson):
    recap = section(lesson, "Recap")
    if recap is None or lesson.cells[-1]["cell_type"] != "markdown":
        yield "it does not end with a section '## Recap'"
        return
    points = re.findall(r"^[-*] ", recap, re.MULTILINE)
    if not 1 <= len(points) <= 5:
        yield f"its recap has {len(points)} lines, expected at most five"
    if source(lesson.cells[-1]).count("\n## ") + source(lesson.cells[-1]).startswith("## ") != 1:
        yield "the last cell holds more than the recap"


NEXT = re.compile(r"^\*\*Next:\*\* (\S.*)$", re.MULTILINE)


@guard
def it_leads_to_the_next_lesson(lesson):
    found = NEXT.search(section(lesson, "Recap") or "")
    if not found:
        if lesson.number != "14":
            yield "its recap does not end with '**Next:** ...'"
        return
    target = f"{int(lesson.number) + 1:02}"
    there = [name for name in lesson.others if name.startswith(target)]
    link = re.match(rf"\[{target} [^\]]+\]\(([^)]+)\)", found[1])
    if there and not (link and link[1] == there[0]):
        yield f"lesson {target} is there, and is not linked as [{target} ...]({there[0]})"
    if not there and not re.match(rf"{target} \w", found[1]):
        yield f"lesson {target} is not there: name it as '{target} Title', without a link"


@guard
def links_lead_somewhere(lesson):
    for text, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", lesson.text):
        if target.startswith("https://"):
            continue
        if target.startswith("#") or ":" in target:
            yield f"a link to {target!r}: only other notebooks and https are sure to work"
        elif target not in lesson.others and not (lesson.path.parent / target).exists():
            yield f"[{text}]({target}) leads nowhere"


CHECK = re.compile(r"^check\(\"([^\"]+)\", \w+\)$", re.MULTILINE)


@guard
def exercises_are_whole(lesson):
    found = []
    for cell in lesson.code:
        names = CHECK.findall(source(cell))
        found += names
        if len(re.findall(r"\bcheck\(", source(cell))) != len(names):
            yield f'cell {cell["execution_count"]}: a check that is not of the form check("...", f)'
        for name in names:
            for what in (f'# hint("{name}")', f'# solution("{name}")'):
                if not re.search(rf"^{re.escape(what)}$", source(cell), re.MULTILINE):
                    yield f"exercise {name}: no line {what}"
            if "..." not in source(cell):
                yield f"exercise {name}: nothing is missing"
            if not any("not tried yet" in text for text in shown(cell)):
                yield f"exercise {name}: stored with something else than 'not tried yet'"
            if name not in EXERCISES:
                yield f"exercise {name}: mygpt_helpers.exercises has none of that name"
            if not name.startswith(f"{lesson.number}."):
                yield f"exercise {name}: belongs to another lesson"
    if not 2 <= len(found) <= 4:
        yield f"{len(found)} exercises, expected 2 to 4"
    if len(set(found)) != len(found):
        yield "an exercise comes twice"
    titles = re.findall(r"^### Exercise (\d) · .*\([★☆]{3}, \d+ minutes\)$", lesson.text, re.M)
    if titles != [str(n) for n in range(1, len(found) + 1)]:
        yield f"'### Exercise n · Title (★☆☆, m minutes)' numbered {titles}"


def prose(lesson):
    """Return the text without code, formulas, quotations, diagrams, links' targets and markup."""
    text = re.sub(r"^```.*?^```", " ", lesson.text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`", " ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)|<[^>\n]+>|!\[", " ", text)
    text = re.sub(r'"[^"\n]*(\n[^"\n]+)?"|“[^”]*”', " ", text)
    return text.replace("AI !", " ")


@guard
def the_prose_is_plain(lesson):
    text = prose(lesson)
    if "!" in text:
        yield f"an exclamation mark: {re.search('.{0,30}!', text)[0]!r}"
    for word in re.findall(r"\b(simply|just|obviously)\b", text, re.IGNORECASE):
        yield f"the word {word!r}"


FORBIDDEN = {
    "interact(": r"\binteract(ive|_manual)?\(",
    "Output(": r"\bOutput\(",
    "clear_output": r"\bclear_output\b",
    "update_display": r"\bupdate_display\b|\.update\(.*display",
    "tqdm": r"\btqdm\b",
    "rich's live display": r"\brich\.(live|progress)\b|\btrack\(",
    "the global random numbers": r"\btorch\.(rand|multinomial)\b",
    "a shell command": r"^\s*[!%]",
    "a path": r"[\"'](/|~/|[A-Z]:\\)\w",
}


# What may follow a seed in a compared cell: weights and batches, which are the same everywhere.
SEEDED = r"\b(GPT|cycle_gpt|new_model|get_batch|train|train_from|train_cycle)\("


@guard
def the_code_can_be_compared(lesson):
    for cell in lesson.code:
        seeds = "torch.manual_seed" in source(cell) and "nbval-ignore-output" not in tags(cell)
        if seeds and not re.search(SEEDED, source(cell)):
            yield f"cell {cell['execution_count']} seeds torch, and makes no model and no batch"
    for cell in lesson.code:
        for what, pattern in FORBIDDEN.items():
            if re.search(pattern, source(cell), re.MULTILINE) and not (
                what == "the global random numbers" and "nbval-ignore-output" in tags(cell)
            ):
                yield f"cell {cell['execution_count']} uses {what}"


@guard
def cells_have_ids_of_their_own(lesson):
    ids = [cell.get("id") for cell in lesson.cells]
    if None in ids or len(set(ids)) != len(ids):
        yield "cells without an id of their own (make refresh)"


@guard
def it_is_stored_as_refresh_stores_it(lesson):
    try:
        notebook = nbformat.from_dict(copy.deepcopy(lesson.raw))
        for cell in notebook.cells:
            cell.source = source(cell)
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"not a notebook: {str(error).splitlines()[0]}"
        return
    if lesson.raw["metadata"] != refresh.METADATA:
        yield "its metadata are not what `make refresh` writes"
    before = [dict(cell["metadata"]) for cell in lesson.cells]
    refresh.clean(notebook)
    if before != [dict(cell["metadata"]) for cell in notebook.cells]:
        yield "its cells hold what an editor or a clock left there"


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
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_exercise_is_in_its_lesson():
    written = {path.stem[:2] for path in PATHS}
    asked = {name for path in PATHS for c in load(path).code for name in CHECK.findall(source(c))}
    assert {name for name in EXERCISES if name[:2] in written} == asked


# ---- each guard on a broken notebook -----------------------------------------------------------

PNG = io.BytesIO()
Image.new("P", (2, 2)).save(PNG, "PNG")
PNG = base64.b64encode(PNG.getvalue()).decode("ascii")
TWIN = 'After "Hi"\n  "a"  0.73  top\n  "b"  0.27'
OPENING = """# 04 · Temperature

**You will be able to** sharpen and flatten.

**Time** about 20 minutes. **Builds on** [03 Greedy](03_greedy.ipynb)."""
BODY = """**Predict.** What is next? A formula $n!$, code `a!`, a quotation "Stop!", and I love AI !

## 2 · Gotcha: twice

### Exercise 1 · One  (★☆☆, 3 minutes)

### Exercise 2 · Two  (★★☆, 5 minutes)"""
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


@pytest.fixture
def sound(tmp_path):
    """A lesson in which no guard finds anything."""
    names = sorted(name for name in EXERCISES if name.startswith("04."))
    cells = [
        markdown(OPENING),
        code("1 + 1", result({"text/plain": "2"})),
        code(
            "show()", result({"image/png": PNG, "text/plain": TWIN}, **{"image/png": {"alt": TWIN}})
        ),
        code("1 / 0", {"output_type": "error", "ename": "E", "evalue": "e", "traceback": []}),
        code("timed()"),
        markdown(BODY),
        exercise(names[0]),
        exercise(names[1]),
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
        put(1, metadata={"tags": ["nbval-skip"]}),
        edit(1, "1 + 1", "# NBVAL_IGNORE_OUTPUT\n1 + 1"),
    ],
    "pictures_have_a_text_twin": [
        picture(without=["text/plain"]),
        picture(data={"text/plain": "<Figure size 640x480 with 1 Axes>"}),
        picture(metadata={}),
        picture(metadata={"image/png": {"alt": "another"}}),
        picture(data={"image/png": PNG[:60]}),
        picture(data={"image/svg+xml": "<svg/>"}),
    ],
    "there_is_a_picture": [picture(without=["image/png"])],
    "cells_are_short": [
        put(1, source="x = 1\n" * 21),
        lambda cells: [
            cells[i].update(source=cells[i]["source"] + "\nx = 1" * 8) for i in (1, 2, 3, 4)
        ],
    ],
    "it_opens_as_it_should": [
        edit(0, "# 04 · Temperature", "# Temperature"),
        edit(0, "# 04", "# 05"),
        edit(0, "**You will be able to**", "You learn to"),
        edit(0, "**Time**", "Time"),
        edit(0, "about 20 minutes", "a while"),
        edit(0, "**Builds on**", "After"),
        lambda cells: cells.insert(0, cells.pop(1)),
    ],
    "it_asks_before_it_shows": [edit(5, "**Predict.**", "Think.")],
    "it_names_a_gotcha": [edit(5, "Gotcha", "Mistake")],
    "it_has_questions_to_unfold": [
        edit(8, "## Check your understanding", "## Questions"),
        edit(8, "<details>", "<div>"),
        edit(8, "</details>", ""),
        edit(8, "</summary>\n\n", "</summary>\n"),
    ],
    "it_ends_with_a_recap": [
        edit(9, "## Recap", "## End"),
        edit(9, "- One.", "- One.\n" * 5),
        lambda cells: cells.append(code("1") | {"id": "last", "execution_count": 7}),
        edit(9, "## Recap", "## More\n\n## Recap"),
    ],
    "it_leads_to_the_next_lesson": [
        edit(9, "**Next:** 05 Top-k", ""),
        edit(9, "05 Top-k", "06 Top-p"),
        edit(9, "05 Top-k", "[05 Top-k](05_top_k.ipynb)"),
    ],
    "links_lead_somewhere": [
        edit(5, "What is", "[What](02_loop.ipynb) is"),
        edit(5, "What is", "[What](#gotcha) is"),
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


def test_the_next_lesson_is_linked_once_it_is_there(sound):
    sound.others |= {"05_top_k.ipynb"}
    assert complaints(sound) == {"it_leads_to_the_next_lesson"}
    edit(9, "05 Top-k", "[05 Top-k](05_top_k.ipynb)")(sound.cells)
    assert complaints(sound) == set()


@pytest.mark.parametrize(
    "text",
    ["temperature 0.5", "p = 0.73 sure", "3/4 s", "Once upon a time / or not", "<b>/home</b>"],
)
def test_ordinary_outputs_pass(sound, text):
    show(text)(sound.cells)
    assert "outputs_are_the_same_everywhere" not in complaints(sound)


# ---- tools.refresh stores what the guards want -------------------------------------------------


def write(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    nbformat.write(notebook, path)
    return path.read_bytes()


def new(text, *names):
    return nbformat.v4.new_code_cell(text, metadata={"tags": list(names)} if names else {})


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    """A notebook with everything that must not be stored, after `python -m tools.refresh`."""
    path = tmp_path_factory.mktemp("notebooks") / "00_a.ipynb"
    cells = [
        nbformat.v4.new_markdown_cell("# ä ␣ 🍺"),
        new(
            "import os,sys\nprint('a'); print('b', file=sys.stderr); print('c')\n"
            "os.environ['MYGPT_PROGRESS']"
        ),
        new("import ipywidgets\nipywidgets.IntSlider()"),
        new("import json\njson.loads('{')", "raises-exception"),
        new("import time\ntime.time()", "nbval-ignore-output"),
        new(""),
        new("x  =  os.getcwd().endswith(os.path.basename(os.path.realpath('.')))\nx"),
    ]
    cells[1].metadata["collapsed"] = True
    cells[1].metadata["execution"] = {"iopub.status.busy": "2026"}
    write(path, *cells)
    assert refresh.main([str(path)]) == 0
    return path, [cell.id for cell in cells]


def test_refresh_stores_a_clean_notebook(refreshed):
    path, ids = refreshed
    text = path.read_text("utf-8")
    raw = json.loads(text)
    lesson = Lesson(raw, path)
    assert text.endswith("}\n") and text.startswith('{\n "cells"') and "🍺" in text
    for name in (
        "every_cell_was_run",
        "no_widgets_are_stored",
        "outputs_are_the_same_everywhere",
        "errors_are_meant",
        "cells_have_ids_of_their_own",
        "it_is_stored_as_refresh_stores_it",
    ):
        assert not list(GUARDS[name](lesson)), name
    assert [cell["id"] for cell in raw["cells"]] == ids
    outputs = [cell["outputs"] for cell in lesson.code]
    assert [joined(o["text"]) for o in outputs[0][:2]] == ["a\nc\n", "b\n"]
    assert joined(outputs[0][2]["data"]["text/plain"]) == "'off'"
    assert set(outputs[1][0]["data"]) == {"text/plain"}
    assert outputs[2][0]["ename"] == "JSONDecodeError"
    assert "inside the libraries" in outputs[2][0]["traceback"][3]
    assert outputs[3] == []
    assert source(lesson.code[4]).startswith("x = os.getcwd()"), "formatted"


def test_refresh_again_changes_nothing(refreshed):
    before = refreshed[0].read_bytes()
    assert refresh.main([str(refreshed[0])]) == 0
    assert refreshed[0].read_bytes() == before
    assert [p.name for p in refreshed[0].parent.iterdir() if not p.is_dir()] == ["00_a.ipynb"]


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        ("1 / 0", [], r"cell \[2\] \('1 / 0'\): ZeroDivisionError: division by zero"),
        ("2", ["raises-exception"], r"cell \[2\] \('2'\): is tagged raises-exception"),
        ("import os\nos._exit(1)", [], r"cell \[2\] \('import os'\): the kernel died"),
        ("def (:", [], "cannot be formatted"),
    ],
)
def test_refresh_leaves_a_lesson_with_a_failing_cell_as_it_was(tmp_path, capsys, text, names, said):
    path = tmp_path / "00_b.ipynb"
    before = write(path, new("x = 1"), new(text, *names))
    assert refresh.main([str(path)]) == 1
    message = capsys.readouterr().err
    assert re.search(said, message) and str(path) in message
    assert message.startswith("FAILED, left as it was") and len(message.splitlines()) <= 2
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"cells": 3, "nbformat": 4}', '{"nbformat": 3}']
)
def test_refresh_of_what_is_no_notebook(tmp_path, capsys, text):
    path = tmp_path / "00_c.ipynb"
    path.write_text(text)
    assert refresh.main([str(path), str(tmp_path / "none.ipynb")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all("not a readable notebook" in line for line in lines)
    assert path.read_text() == text


def test_a_refresh_that_is_broken_off_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "00_d.ipynb"
    before = write(path, new("1"))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(refresh.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        refresh.store(nbformat.read(path, as_version=4), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_refresh_gives_ids_where_they_are_missing_or_shared(tmp_path):
    raw = {"cells": [{"id": "a"}, {}, {"id": "a"}, {"id": "00-x-003"}], "nbformat": 4}
    refresh.give_ids(raw, tmp_path / "00 x.ipynb")
    assert [cell["id"] for cell in raw["cells"]] == ["a", "00-x-002", "00-x-003-b", "00-x-003"]
