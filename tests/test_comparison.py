"""The comparison of lessons with their stored outputs: they are as stored, and it can fail."""

from __future__ import annotations

import copy
import json
import os
import random

import nbformat
import pytest

from tools.compare import PLAINEST_PROCESSOR, compare
from tools.refresh import LESSONS, ROOT

pytestmark = pytest.mark.slow
TEMPERATURE = ROOT / "notebooks" / "04_temperature.ipynb"

# Python runs this file when it starts, in the kernel too: a temperature 5% off, as a slip in
# sampling.py might have it.
SITECUSTOMIZE = """
import importlib.abc, importlib.machinery, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "mygpt_helpers.sampling":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            right = module.RULES["temperature"]
            def divide(logits, temperature, previous_ids):
                is_number = isinstance(temperature, (int, float)) and temperature > 0
                factor = FACTOR if is_number else 1
                return right(logits, temperature * factor, previous_ids)
            module.RULES["temperature"] = divide
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""


def failures(cells):
    return "\n".join(f"{c.notebook}, cell {c.number}: {c.failure}" for c in cells if c.failure)


def run_again(lesson, folder):
    """Write a copy of a lesson in which all cells come again, twice, in random orders."""
    notebook = json.loads(lesson.read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    once, twice = (random.Random(seed).sample(cells, len(cells)) for seed in (1, 2))
    # The second time the first cell comes first: it makes anew what the others have changed.
    twice.sort(key=lambda cell: cell is not cells[0])
    notebook["cells"] = copy.deepcopy(cells + once + twice)
    for place, cell in enumerate(notebook["cells"]):
        cell["id"] = f"place-{place}"
    path = folder / lesson.name
    path.write_text(json.dumps(notebook), "utf-8")
    return path


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_shows_what_is_stored_and_again_in_any_order(lesson, tmp_path):
    cells = compare([run_again(lesson, tmp_path)])
    assert len(cells) > 3 * 3
    assert not failures(cells)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_shows_the_same_on_the_plainest_processor(lesson):
    cells = compare([lesson], PLAINEST_PROCESSOR)
    assert len(cells) > 3
    assert not failures(cells)


def test_a_temperature_5_percent_off_is_noticed(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE.replace("FACTOR", "1.05"))
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    notebook = json.loads(TEMPERATURE.read_text("utf-8"))
    # The pictures of its first two sections tell; the texts that it goes on to write take longer.
    titles = ["".join(cell["source"])[:5] for cell in notebook["cells"]]
    notebook["cells"] = notebook["cells"][: titles.index("## 3 ")]
    beginning = tmp_path / TEMPERATURE.name
    beginning.write_text(json.dumps(notebook), "utf-8")
    cells = compare([beginning], {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"})
    sources = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    assert None not in [c.get("execution_count", 0) for c in notebook["cells"]], "make refresh"
    failed = [cell for cell in cells if cell.failure]
    users = ("next_token_probs", "apply_temperature", "DistributionWidget", "show_distribution")
    using = [cell for cell in failed if any(name in sources[cell.number - 1] for name in users)]
    assert len(using) >= 2, "the lesson's own pictures ought to tell"
    # Each fails by showing something else, none by not running; and only those that use the helper.
    assert all(cell.differs for cell in failed), failures(failed)
    assert using == failed, failures(failed)


def test_a_change_of_one_digit_is_noticed(tmp_path):
    # The comparison itself, without a model: equal passes, one digit fails, a null count hides it.
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "a",
        "metadata": {},
        "outputs": [{"name": "stdout", "output_type": "stream", "text": "0.215\n"}],
        "source": "print(0.215)",
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    paths = [tmp_path / name for name in ("same.ipynb", "other.ipynb", "fails.ipynb")]
    paths[0].write_text(json.dumps(notebook))
    paths[1].write_text(json.dumps(notebook).replace("0.215\\n", "0.216\\n"))
    paths[2].write_text(json.dumps(notebook).replace("print(", "1 / 0; print("))
    same, other, fails = compare(paths)
    assert (same.notebook, same.number, same.failure, same.differs) == ("same.ipynb", 1, "", False)
    assert other.notebook == "other.ipynb" and other.differs and "0.216" in other.failure
    assert fails.failure and not fails.differs and "ZeroDivisionError" in fails.failure


@pytest.mark.parametrize("again", ["del x", "x += 1"])
def test_a_cell_that_cannot_be_run_again_is_noticed(tmp_path, again):
    codes = ["x = [1]", "print(x)", again.replace("1", "[1]")]
    cells = [nbformat.v4.new_code_cell(code, execution_count=1) for code in codes]
    cells[1].outputs = [nbformat.v4.new_output("stream", text="[1]\n")]
    lesson = tmp_path / "lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), lesson)
    (tmp_path / "again").mkdir()
    assert not failures(compare([lesson]))
    assert failures(compare([run_again(lesson, tmp_path / "again")]))


def test_no_comparison_is_no_success(tmp_path):
    with pytest.raises(RuntimeError, match="nbval did not run"):
        compare([tmp_path / "none.ipynb"])
    (tmp_path / "broken.ipynb").write_text("{")
    with pytest.raises(RuntimeError, match="nbval did not run"):
        compare([tmp_path / "broken.ipynb"])
