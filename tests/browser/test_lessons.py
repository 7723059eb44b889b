"""Every lesson in a real JupyterLab: its live pictures say what Python says, and no complaint.

What its cells show is compared elsewhere (tests/test_comparison.py), on the real model. Here only
the first lesson takes that; the others run on a tiny one, which writes in no time.
"""

from __future__ import annotations

import io
import json

import nbformat
import pytest
from pages import IN_KERNEL, OURS, check, grave_faults, move_every_slider
from PIL import Image

from tests.tiny import make_checkpoint
from tools.refresh import LESSONS

VIEW = "application/vnd.jupyter.widget-view+json"
# Run in a lesson's kernel: `_picture(id)` is then the live picture of that id, or None.
PICTURE = (
    IN_KERNEL
    + """
def _picture(model_id):
    from ipywidgets.widgets.widget import _instances
    from mygpt_helpers.widgets.base import LivePicture
    widget = _instances[model_id]
    return widget if isinstance(widget, LivePicture) else None
"""
)


class Lesson:
    """A lesson that has run in the browser."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page
        notebook.in_kernel(PICTURE)

    def outputs(self):
        """Return (cell, output) for every output in the page's copy of the notebook."""
        text = self.page.evaluate(
            "() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON())"
        )
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        return [(cell, output) for cell in cells for output in cell["outputs"]]

    def pictures(self):
        """Return (part of the page, expression for it in the kernel) of each live picture."""
        ids = [o["data"][VIEW]["model_id"] for _, o in self.outputs() if VIEW in o.get("data", {})]
        names = [f"_picture({i!r})" for i in ids]
        names = [n for n in names if self.notebook.in_kernel(f"print({n} is not None)") == "True\n"]
        parts = self.notebook.widgets()
        assert parts.count() == len(names), "a picture inside another widget: extend this test"
        return [(parts.nth(i), name) for i, name in enumerate(names)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_checkpoint("gpt2", tmp_path_factory.mktemp("tiny") / "gpt2")


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem)
def lesson(request, lab, opened, tiny):
    _, root = lab
    notebook = nbformat.read(request.param, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    nbformat.write(notebook, root / request.param.name)
    opened.go_to(request.param.name)
    if request.param != LESSONS[0]:
        opened.in_kernel(f"import os; os.environ['MYGPT_CHECKPOINT'] = {str(tiny)!r}")
    opened.run_all(timeout=120)
    return Lesson(opened)


def test_every_cell_runs(lesson):
    failed = [
        (cell["source"], output["evalue"])
        for cell, output in lesson.outputs()
        if output["output_type"] == "error"
        and "raises-exception" not in cell["metadata"].get("tags", [])
    ]
    assert failed == []
    assert lesson.outputs(), "nothing was run"


def test_every_picture_says_what_python_says(lesson):
    moved = 0
    for part, picture in lesson.pictures():
        moved += len(move_every_slider(lesson.notebook, part, picture))
        for choice in part.get_by_role("radio").all():
            choice.check()
        for button in part.get_by_role("button").all()[:-1]:  # the last one enlarges
            button.press("Enter")
            check(lesson.notebook, part, picture)
    sliders = lesson.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) input[type=range]").count()
    assert sliders == moved, "a slider that is in no live picture"


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_everybody_can_read_it(lesson, theme):
    lesson.notebook.theme(theme)
    assert grave_faults(lesson.page) == []
    # Every still has its text twin as its name, and the theme's ground.
    data = [output.get("data", {}) for _, output in lesson.outputs()]
    twins = ["".join(d["text/plain"]) for d in data if "image/png" in d and VIEW not in d]
    stills = lesson.page.locator(f"{OURS} img:visible").all()
    for twin, still in zip(twins, stills, strict=True):
        assert still.get_attribute("alt") == twin
        ground = Image.open(io.BytesIO(still.screenshot())).convert("L").getpixel((1, 1))
        assert ground > 250 if theme.endswith("Light") else ground < 30


def test_every_prompt_can_be_changed(lesson):
    for part, picture in lesson.pictures():
        for box in part.locator("textarea[rows='1']").all():
            word = box.input_value().split()[0]
            box.fill(f"{word} {word}")
            box.press("Enter")
            asked = f"{picture}._answer['question'].get('prompt', {picture}.prompt) =="
            asked += f" {box.input_value()!r}"
            lesson.notebook.wait_for_kernel(asked)
            check(lesson.notebook, part, picture)


def test_the_console_has_no_errors(lesson):
    assert lesson.notebook.errors == []
