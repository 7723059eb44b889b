"""Guards: what every stored notebook must hold, and must not.

Each guard is a function that takes a Lesson and yields its complaints.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import re
import statistics

import nbformat
from PIL import Image

from mygpt_helpers.exercises.core import exercises, lessons
from mygpt_helpers.exercises.questions import questions
from tools import refresh

EXERCISES = {exercise.name: exercise for lesson in lessons() for exercise in exercises(lesson)}
QUESTIONS = {q.name: q for lesson in lessons("questions") for q in questions(lesson)}
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
    known = {"raises-exception", "nbval-ignore-output", "nbval-skip", "sampled", "hide-input"}
    ignored = [cell for cell in lesson.code if "nbval-ignore-output" in tags(cell)]
    if len(ignored) > 0.05 * len(lesson.code):
        yield f"{len(ignored)} of {len(lesson.code)} cells are not compared, expected at most 5%"
    for cell in lesson.code:
        if set(tags(cell)) - known:
            yield f"cell {cell['execution_count']} has unknown tags: {tags(cell)}"
        if re.search(r"NBVAL|PYTEST_VALIDATE", source(cell)):
            yield f"cell {cell['execution_count']}: mark with a tag, not with a comment"
        if "nbval-skip" in tags(cell) and "sampled" not in tags(cell):
            yield f"cell {cell['execution_count']} is not run, and is not tagged sampled"
    for cell in ignored:
        if not re.search(r"^# Not compared\b.*: \S", source(cell), re.MULTILINE):
            yield f"cell {cell['execution_count']}: no line '# Not compared ...: the reason'"
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
            if "text/html" in data:
                yield f"{where}: the HTML of a page that was live (make refresh)"
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


CHECK = re.compile(r"^check\(\"([^\"]+)\", \w+\)$", re.MULTILINE)
TIME = re.compile(r"\*\*Time\*\* about (\d+) minutes, and (\d+) more for (?:all )?the exercises\.")


@guard
def its_minutes_are_true(lesson):
    stated = TIME.search(source(lesson.cells[0]).replace("\n", " ")) if lesson.cells else None
    if not stated:
        yield "its first cell has no '**Time** about N minutes, and M more for the exercises.'"
        return
    reading, solving = map(int, stated.groups())
    takes = len(lesson.text.split()) / 130 + len(lesson.code) / 3  # words a minute, 20 s a cell
    checked = [name for cell in lesson.code for name in CHECK.findall(source(cell))]
    solved = sum(EXERCISES[name].minutes for name in checked if name in EXERCISES)
    if abs(reading - takes) > 3 or abs(solving - solved) > 3:
        yield f"it says {reading} and {solving} minutes, it takes {takes:.0f} and {solved}"
    if takes > 45 or takes + solved > 60:
        yield f"it takes {takes:.0f} and {solved} minutes, expected at most 45, together 60"


ASK = re.compile(r"\bask\(")
WHOLE_ASK = re.compile(r"ask\(\"([^\"]+)\"\)")


@guard
def it_asks_before_it_shows(lesson):
    if not any(ASK.search(source(cell)) for cell in lesson.code):
        yield "nowhere the learner is asked to predict"
    if "**Predict" in lesson.text:
        yield "a **Predict** that cannot be answered: ask(...) can"


@guard
def questions_are_whole(lesson):
    asked = []
    for cell in lesson.code:
        found = WHOLE_ASK.fullmatch(source(cell).strip())
        if found:
            asked.append(found[1])
        elif ASK.search(source(cell)):
            yield f'cell {cell["execution_count"]}: ask("...") must be all of its cell'
    own = [name for name in QUESTIONS if name.startswith(f"{lesson.number}.")]
    if sorted(asked) != sorted(own):
        yield f"it asks {sorted(asked)}, expected each of its questions once: {sorted(own)}"
    if len(asked) > 6:
        yield f"it asks {len(asked)} questions, expected at most six"


@guard
def the_answers_are_not_given_away(lesson):
    texts = [*map(source, lesson.cells), *(text for cell in lesson.code for text in shown(cell))]
    whole = " ".join(" ".join(texts).split())
    for name, question in QUESTIONS.items():
        for choice in question.choices:
            if name.startswith(f"{lesson.number}.") and " ".join(choice.why.split()) in whole:
                yield f"{name}: the notebook says {choice.why!r}"


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
    at = [i for i, cell in enumerate(lesson.cells) if source(cell).startswith("## Recap\n")]
    if len(at) != 1:
        yield "it has no cell that begins with '## Recap'"
        return
    recap, *below = map(source, lesson.cells[at[0] :])
    if len(re.findall(r"^## ", recap, re.MULTILINE)) > 1:
        yield "the recap's cell holds more than the recap"
    if below and not below[0].startswith("## Appendix"):
        yield "below its recap stands something else than an appendix"
    points = re.findall(r"^[-*] ", recap, re.MULTILINE)
    if not 1 <= len(points) <= 5:
        yield f"its recap has {len(points)} lines, expected at most five"


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
        # A learner's copy has the other lessons beside it and the course above it, no more.
        elif target not in lesson.others and not (
            target.startswith("../") and (lesson.path.parent / target).exists()
        ):
            yield f"[{text}]({target}) leads nowhere"


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
    headings = re.findall(r"^### Exercise .*$", lesson.text, re.M)
    asked = [EXERCISES[name] for name in found if name in EXERCISES]
    expected = [
        f"### Exercise {n} · {each.title} ({'★' * each.difficulty:☆<3}, {each.minutes} minutes)"
        for n, each in enumerate(asked, start=1)
    ]
    if headings != expected:
        yield f"headings {headings}, expected {expected}"


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
