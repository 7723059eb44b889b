"""CONTRIBUTING's examples: they stand there as in their files, and they are what they say."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from mygpt_helpers.exercises.engine import judge
from tests import guards
from tests.examples.exercise import EXERCISES
from tests.guards import GUARDS, Lesson
from tools import refresh

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "tests" / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.*")), ids=lambda path: path.name)
def test_an_example_stands_in_contributing_as_in_its_file(path):
    shown = re.search(
        rf"<!-- tests/examples/{path.name} -->\n(`{{3,}})\w+\n(.*?)\n\1\n",
        (ROOT / "CONTRIBUTING.md").read_text("utf-8"),
        re.DOTALL,
    )
    assert shown, f"CONTRIBUTING.md has no block marked <!-- tests/examples/{path.name} -->"
    assert shown[2] == path.read_text("utf-8").rstrip("\n")


def test_the_example_exercise_tells_its_mistakes():
    (exercise,) = EXERCISES
    assert judge(exercise, exercise.solution).status == "right"
    for sentence, mistake in exercise.mistakes.items():
        assert sentence in judge(exercise, mistake).message


def notebook_of(text):
    """Return the notebook that a text describes: blocks of code are cells, and texts between."""
    parts = re.split(r"^```python\n(.*?)^```\n", text, flags=re.MULTILINE | re.DOTALL)
    makers = (nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell)
    cells = [makers[i % 2](part.strip("\n")) for i, part in enumerate(parts)]
    # A section of the second order begins a cell of its own, as in the lessons.
    split = []
    for cell in cells:
        pieces = re.split(r"\n(?=## )", cell.source) if cell.cell_type == "markdown" else []
        split += [makers[0](piece.strip("\n")) for piece in pieces] or [cell]
    return nbformat.v4.new_notebook(cells=[cell for cell in split if cell.source])


@pytest.mark.slow
def test_the_example_lesson_passes_every_guard(tmp_path, monkeypatch):
    one = {"04.half": guards.QUESTIONS["04.half"]}  # of lesson 04's it asks this alone
    monkeypatch.setattr(guards, "QUESTIONS", one)
    notebook = notebook_of((EXAMPLES / "lesson.md").read_text("utf-8"))
    NotebookClient(notebook, timeout=60).execute(cwd=tmp_path)
    refresh.clean(notebook)
    notebook.metadata = refresh.METADATA
    lesson = Lesson(notebook, tmp_path / "04_temperature_in_one_picture.ipynb")
    assert [said for guard in GUARDS.values() for said in guard(lesson)] == []
