"""tools.refresh stores what the guards want, and leaves a lesson that fails as it was."""

from __future__ import annotations

import contextlib
import json
import re

import nbformat
import psutil
import pytest

from tests.guards import GUARDS, Lesson, joined, source
from tools import refresh


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
@pytest.mark.slow
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


@pytest.mark.parametrize("code", ["", "1 / 0"])
def test_the_kernel_of_a_lesson_ends_with_it(tmp_path, code):
    file = tmp_path / "pid"
    cell = f"import os; open({str(file)!r}, 'w').write(str(os.getpid()))\n{code}"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    with refresh.kernel_environment() as env, contextlib.suppress(refresh.RefreshError):
        refresh.execute(notebook, tmp_path / "a.ipynb", env)
    assert not psutil.pid_exists(int(file.read_text()))
