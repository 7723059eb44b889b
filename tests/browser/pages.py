"""What a live picture's page says, and whether that is what Python says: for every kind of picture.

The other side is LivePicture.numbers(): a new kind of picture needs no new code here.
"""

from __future__ import annotations

import json
import math
import re

import pytest
from lab import settle

# What the page says. A cell without room for its number says it, after its place, when it is
# pointed at; one of a probability without a bar of its own is left out.
READ = """part => {
  const text = selector => part.querySelector(selector)?.textContent ?? '';
  const cellText = cell => cell.textContent || cell.title.split(': ').at(-1);
  const rows = [...part.querySelectorAll(':is(tbody, tfoot) tr')]
    .filter(row => row.checkVisibility({ visibilityProperty: true }))
    .map(row => [...row.cells].filter(cell => !cell.matches('.bars')).map(cellText));
  const curves = [...part.querySelectorAll('polyline')].map(line => [`${line.points.length} points`]);
  const sliders = [...part.querySelectorAll('input[type=range]')]
    .map(input => [input.labels[0].textContent, input.labels[0].parentElement
      .querySelector('output').textContent]);
  return { title: text('.title'), facts: text('.facts'), note: text('.note'),
    rows: [...rows, ...curves], sliders: Object.fromEntries(sliders) }; }"""
# Run in the kernel: `_said(widget)` or, for one in a lesson, `_said(_instances[id])`.
SET_UP = """
def _said(widget):
    import json
    print(json.dumps(widget.numbers() | {"twin": widget.shown().text}))
"""


def numbers_in(text):
    """Return the numbers in a text, in their order."""
    return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def near(text, value):
    """Tell whether a text is a number, rounded to the digits that it has."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return text in ("–", "-", "masked", "∞", "−∞")
    found = re.fullmatch(r"(-?[\d,]+(?:\.(\d+))?)(?: \(.*\))?", text)
    digits = len(found[2] or "") if found else 0
    # The browser's arithmetic is not Python's to the last bit: a number on an edge rounds either way.
    slack = 0.51 * 10**-digits + 1e-4 * abs(value)
    return bool(found) and abs(float(found[1].replace(",", "")) - value) <= slack


def agree(shown, wanted):
    """Tell whether texts of the page, nested, are the texts and numbers that Python wants."""
    if isinstance(wanted, dict):
        return shown.keys() == wanted.keys() and all(agree(shown[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list) and isinstance(shown, str):  # the numbers in a sentence
        return len(found := numbers_in(shown)) == len(wanted) and all(
            math.isclose(a, b, rel_tol=0.003, abs_tol=0.051) for a, b in zip(found, wanted, strict=True)
        )
    if isinstance(wanted, list):
        # What is beyond the end of a row of tiles is empty.
        wanted = wanted + [""] * (len(shown) - len(wanted)) if shown and shown[-1] == "" else wanted
        return len(shown) == len(wanted) and all(map(agree, shown, wanted))
    return shown == wanted if isinstance(wanted, str) else near(shown, wanted)


def check(notebook, part, widget):
    """Compare a picture's page with Python, and return what Python said; either may be a bit late.

    widget: an expression for it in the kernel, where SET_UP has run.
    """
    settle(notebook.page)
    for _ in range(50):
        wanted = json.loads(notebook.in_kernel(f"_said({widget})"))
        twin = wanted.pop("twin")
        shown = part.evaluate(READ)
        if agree(shown, wanted):
            if not wanted["note"]:
                check_twin(twin, wanted)
            return wanted
        notebook.page.wait_for_timeout(100)
    different = {k: (shown[k], wanted[k]) for k in wanted if not agree(shown[k], wanted[k])}
    pytest.fail(f"after five seconds, the page and Python: {different}")


def check_twin(twin, wanted):
    """Assert that a text twin says the same as the page, in the lines that it has for its rows."""
    rows = wanted["rows"]
    assert wanted["title"] in twin or not rows
    if "shown:" in twin:  # it leaves rows and columns out
        return
    for label, *cells in rows:
        numbers = [abs(cell) for cell in cells if isinstance(cell, float) and math.isfinite(cell)]
        lines = [line for line in twin.splitlines() if line.startswith(f"  {label} ")]
        said = [numbers_in(line)[-len(numbers) :] for line in lines if numbers]
        assert not said or pytest.approx(numbers, abs=0.0051) in said, (lines, cells)


def drag(notebook, handle, parts):
    """Drag a slider's handle from the first part of its width to the last; the button stays down."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    y = box["y"] + box["height"] / 2
    for i, part in enumerate(parts):
        notebook.page.mouse.move(box["x"] + box["width"] * part, y)
        if i == 0:
            notebook.page.mouse.down()


def move_every_slider(notebook, part, widget):
    """Move each slider by keyboard and by mouse, and compare each time what the page says."""
    before = check(notebook, part, widget)["sliders"]
    sliders = part.locator("input[type=range]").all()
    assert len(sliders) == len(before)
    for name, handle in zip(before, sliders, strict=True):
        if handle.evaluate("slider => slider.min === slider.max"):
            continue  # one layer, say: there is nowhere to go
        at_end = handle.evaluate("slider => slider.value === slider.max")
        handle.press("ArrowLeft" if at_end else "ArrowRight")
        moved = check(notebook, part, widget)["sliders"]
        assert moved[name] != before[name], f"the keyboard does not move {name}"
        # Where a slider has few stops, the mouse must leave it on the other side.
        is_low = handle.evaluate("s => 2 * s.value < Number(s.min) + Number(s.max)")
        drag(notebook, handle, (0.6, 0.8, 0.95) if is_low else (0.6, 0.4, 0.2))
        notebook.page.mouse.up()
        before = check(notebook, part, widget)["sliders"]
        assert before[name] != moved[name], f"the mouse does not move {name}"
    return before
