"""Every lesson in a real JupyterLab: its sliders move, its numbers are Python's, and no complaint.

What its cells show is compared elsewhere (tests/test_comparison.py), on the real model. Here only
the first lesson takes that; the others run on a tiny one, which writes in no time.
"""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from lab import Notebook, rows_of, set_by_keyboard, settle

from tests.tiny import make_checkpoint
from tools.refresh import LESSONS

TOLERANCE = 0.0006

# Run in the lesson's kernel: what the live picture with this id has to show, as its sliders stand.
EXPECTED = """
def _expected(model_id):
    import json
    from ipywidgets.widgets.widget import _instances
    from mygpt_helpers.sampling import next_token_probs
    from mygpt_helpers.widgets.inputs import KNOBS
    widget = _instances[model_id]
    kind = type(widget).__name__
    if kind in ("GridsWidget", "AttentionWidget"):
        from mygpt_helpers.pictures.grids import MAX_NUMBERS, number_text
        grid = widget.grid
        large = grid and max(len(grid.rows), len(grid.columns)) > MAX_NUMBERS
        values = [v for row in grid.values for v in row] if grid else []
        cells = ["" if large else number_text(v) for v in values]
        if kind == "GridsWidget":
            knobs, error = dict(zip(widget._stops, widget.index)), ""
        else:
            knobs = {name: getattr(widget, name) for name in ("layer", "head", "prompt")}
            error = widget._answer["error"]
        said = [grid.title, grid.facts, error] if grid else ["", "", error]
        print(json.dumps({"knobs": knobs, "cells": cells, "said": said}))
        return
    if kind == "StripsWidget":
        strip = widget._all[widget.strip]
        words = {None: "given", True: "right", False: "wrong"}
        cells = [words[mark] for mark in strip.right[: widget.length]]
        said = [strip.title, strip.facts, strip.summary(widget.length)]
        print(json.dumps({"knobs": {"strip": widget.strip, "length": widget.length},
                          "cells": cells, "said": said}))
        return
    if kind == "LossWidget":
        points = len(widget._points) // 16
        line = widget._line or f"waiting for the first of {widget._steps:,} steps"
        print(json.dumps({"knobs": {}, "cells": [str(points)],
                          "said": [widget._title, line, widget._note]}))
        return
    if kind == "StepsWidget":
        knobs = {"step": widget.step}
        print(json.dumps({"numbers": widget._distributions[widget.step].after, "knobs": knobs,
                          "error": "", "own": False}))
        return
    knobs = {knob: getattr(widget, knob) for knob in KNOBS}
    if widget._rule is None:
        probs = next_token_probs(widget._logits, **knobs, previous_ids=widget._ids)
    else:
        shown = {knob: knobs[knob] for knob in widget._shown_knobs}
        try:
            probs = widget._rule(widget._logits.clone(), **shown).detach()
        except Exception:
            probs = None  # a stub of an exercise; the widget says what is wrong with it
    numbers = None if probs is None else probs[widget._shown].tolist()
    print(json.dumps({"numbers": numbers, "error": widget._answer.get("error", ""),
                      "knobs": knobs, "own": widget._rule is not None}))
"""
# What a live picture that is no distribution shows, in the same form.
SHOWN = """part => {
  const text = selector => part.querySelector(selector)?.textContent ?? '';
  const cells = part.classList.contains('mygpt-loss')
    ? [String((part.querySelector('.curve')?.getAttribute('points') ?? '').split(' ')
        .filter(Boolean).length)]
    : part.classList.contains('mygpt-strips')
      ? [...part.querySelectorAll('.tile')].map(tile => tile.classList[1])
      : [...part.querySelectorAll('.heat tbody td')].map(cell => cell.textContent);
  const last = part.classList.contains('mygpt-strips') ? '.summary' : '.note';
  return { cells, said: [text('.title'), text('.facts'), text(last)] }; }"""
LIVE = {"DistributionWidget", "StepsWidget", "GridsWidget", "AttentionWidget", "StripsWidget"}
LIVE |= {"LossWidget"}
KIND = "from ipywidgets.widgets.widget import _instances; print(type(_instances[{!r}]).__name__)"


class Lesson:
    """A lesson that has run in the browser."""

    def __init__(self, notebook: Notebook, path: Path):
        self.notebook, self.page, self.path = notebook, notebook.page, path

    def outputs(self):
        """Return (cell, output) for every output in the page's copy of the notebook."""
        text = self.page.evaluate(
            "() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON())"
        )
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        return [(cell, output) for cell in cells for output in cell["outputs"]]

    def pictures(self):
        """Return (widget in the page, id of its model) for every live picture."""
        view = "application/vnd.jupyter.widget-view+json"
        ids = [o["data"][view]["model_id"] for _, o in self.outputs() if view in o.get("data", {})]
        kinds = [self.notebook.in_kernel(KIND.format(i)).strip() for i in ids]
        ids = [i for i, kind in zip(ids, kinds, strict=True) if kind in LIVE]
        widgets = self.notebook.widgets()
        assert widgets.count() == len(ids), "a picture inside another widget: extend this test"
        return [(widgets.nth(i), model_id) for i, model_id in enumerate(ids)]

    def expected(self, model_id):
        return json.loads(self.notebook.in_kernel(f"_expected({model_id!r})"))

    def check(self, widget, model_id):
        """Compare the picture with Python; return the knobs. Either side may be a moment late."""
        for _ in range(50):
            want = self.expected(model_id)
            if "cells" in want:
                shown = widget.evaluate(SHOWN)
                if shown == {"cells": want["cells"], "said": want["said"]}:
                    return want["knobs"]
                rows, note = shown["cells"], shown["said"]
                self.page.wait_for_timeout(100)
                continue
            rows = [r for r in rows_of(widget) if not r["label"].endswith(("other", "others"))]
            note = widget.locator(".note").all_text_contents()
            if want["numbers"] is None or want["error"]:
                same = note == [want["error"]] != [""]
            else:
                numbers = [float(row["number"]) for row in rows if row["number"] != "–"]
                same = numbers == pytest.approx(want["numbers"], abs=TOLERANCE)
            if same:
                return want["knobs"]
            self.page.wait_for_timeout(100)
        pytest.fail(f"after five seconds the page says {rows}, {note}; Python {want}")


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
    opened.in_kernel(EXPECTED)
    return Lesson(opened, request.param)


def test_every_cell_runs(lesson):
    failed = [
        (cell["source"], output["evalue"])
        for cell, output in lesson.outputs()
        if output["output_type"] == "error"
        and "raises-exception" not in cell["metadata"].get("tags", [])
    ]
    assert failed == []
    assert lesson.outputs(), "nothing was run"


def test_every_slider_moves_by_keyboard_and_mouse(lesson):
    sliders_in_pictures = 0
    for widget, model_id in lesson.pictures():
        lesson.check(widget, model_id)
        for slider in widget.locator("input[type=range]").all():
            sliders_in_pictures += 1
            knob = slider.get_attribute("data-knob")
            if slider.evaluate("slider => slider.min === slider.max"):
                continue  # one layer, say: there is nowhere to go
            before = lesson.expected(model_id)["knobs"][knob]
            at_end = slider.evaluate("slider => slider.value === slider.max")
            set_by_keyboard(slider, -3 if at_end else 3)
            settle(lesson.page)
            moved = lesson.check(widget, model_id)[knob]
            assert moved != before, f"the keyboard does not move {knob}"

            # Where a slider has few stops, the mouse must leave it on the other side.
            is_low = slider.evaluate("s => 2 * s.value < Number(s.min) + Number(s.max)")
            slider.scroll_into_view_if_needed()
            box = slider.bounding_box()
            y = box["y"] + box["height"] / 2
            lesson.page.mouse.move(box["x"] + box["width"] * 0.6, y)
            lesson.page.mouse.down()
            for part in (0.7, 0.8, 0.9) if is_low else (0.5, 0.4, 0.3, 0.2):
                lesson.page.mouse.move(box["x"] + box["width"] * part, y)
            lesson.page.mouse.up()
            settle(lesson.page)
            assert lesson.check(widget, model_id)[knob] != moved, f"the mouse does not move {knob}"
        if widget.get_by_role("button", name="reset").count():
            widget.get_by_role("button", name="reset").click()
            settle(lesson.page)
            lesson.check(widget, model_id)
    sliders = lesson.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) input[type=range]").count()
    assert sliders == sliders_in_pictures, "a slider that this test does not know: extend it"


def test_every_prompt_can_be_changed(lesson):
    for widget, model_id in lesson.pictures():
        for box in widget.locator("input[type=text]").all():
            word = box.input_value().split()[0]
            prompt = f"{word} {word}"
            box.fill(prompt)
            box.press("Enter")
            lesson.notebook.wait_for_kernel(
                f"__import__('ipywidgets').widgets.widget._instances[{model_id!r}]"
                f"._answer['prompt'] == {prompt!r}"
            )
            lesson.check(widget, model_id)
            assert box.input_value() == prompt


def test_the_console_has_no_errors(lesson):
    assert lesson.notebook.errors == []
