"""What a live picture's page says, and whether that is what Python says: for every kind of picture.

The other side is LivePicture.numbers(): a new kind of picture needs no new code here.
"""

from __future__ import annotations

import json
import math
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import settle

# What the page says. A cell without room for its number says it, after its place, when it is
# pointed at; one of a probability without a bar of its own is left out.
READ = """part => {
  const text = selector => part.querySelector(selector)?.textContent ?? '';
  const cellText = cell => cell.textContent || cell.title.split(': ').at(-1);
  const rows = [...part.querySelectorAll(':is(tbody, tfoot) tr, .choice, .pieces')]
    .filter(row => row.checkVisibility({ visibilityProperty: true }))
    .map(row => [...row.children].filter(cell => !cell.matches('.bars')).map(cellText));
  const curves = [...part.querySelectorAll('polyline')]
    .map(line => [`${line.points.length} points`]);
  const sliders = [...part.querySelectorAll('input[type=range]')]
    .map(input => [input.labels[0].textContent, input.labels[0].parentElement
      .querySelector('output').textContent]);
  return { title: text('.title'), facts: text('.facts'), note: text('.note'),
    rows: [...rows, ...curves], sliders: Object.fromEntries(sliders) }; }"""
OURS = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output"  # the rest is JupyterLab's
# What a screen reader could not name.
UNNAMED = """part => {
  const all = selector => [...part.querySelectorAll(selector)];
  return [
    ...[part, ...all('svg')].filter(node => !node.getAttribute('aria-label')),
    ...all('input').filter(input => !input.labels[0]?.textContent),
    ...all('input[type=range]').filter(input => !input.getAttribute('aria-valuetext')
      ?.startsWith(input.parentElement.querySelector('output').textContent)),
    ...all('button').filter(button => !button.textContent),
    ...all('table').filter(table =>
      !table.caption?.textContent.includes(part.querySelector('.title').textContent)),
    ...all('.bars > div, .title').filter(node => node.ariaHidden !== 'true'),
  ].map(node => node.outerHTML); }"""
# How much an ink stands out from a ground, each [red, green, blue, alpha].
CONTRAST = """
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const parse = css => css.match(/[\\d.]+/g).map(Number);
  const ratio = (ink, ground) => {
    const [r, g, b, a = 1] = ink;
    const over = [r, g, b].map((c, i) => a * c + (1 - a) * ground[i]);
    const [x, y] = [luminance(over), luminance(ground)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05); };
  const groundOf = node => {
    for (; node; node = node.parentElement) {
      const color = parse(getComputedStyle(node).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255]; };
"""
# The contrast of each piece of text with what it stands on.
LEGIBLE = (
    "part => {"
    + CONTRAST
    + """const found = {};
    for (const node of part.querySelectorAll('*')) {
      const own = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
      if (!own || node.closest('caption, .unseen') || !node.getClientRects().length) continue;
      const style = getComputedStyle(node);
      const name = `${node.tagName}.${node.className.baseVal ?? node.className}`;
      const ink = parse(node.closest('svg') ? style.fill : style.color);
      found[name] = Math.min(found[name] ?? 99, ratio(ink, groundOf(node)));
    }
    return found; }"""
)
# Run once in the kernel; `_said(widget)` is then what Python says, and `_still(widget)` draws.
IN_KERNEL = """
def _said(widget):
    import json
    asks = bool(widget.question)
    print(json.dumps(widget.numbers() | {"twin": widget.shown().text, "asks": asks}))
def _still(widget):
    # To a learner a still that fails costs nothing, so only this tells.
    print("image/png" in widget._repr_mimebundle_()[0] or widget.shown().draw is None)
"""


def grave_faults(page):
    """Return what axe finds that keeps somebody from using our part of a page."""
    found = Axe().run(page, OURS, {"resultTypes": ["violations"]}).response["violations"]
    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    return [(fault["help"], [node["html"][:300] for node in fault["nodes"]]) for fault in grave]


def numbers_in(text):
    """Return the numbers in a text, in their order."""
    return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def near(text, value):
    """Tell whether a text is a number, rounded to the digits that it has."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return text in ("–", "-", "masked", "∞", "−∞")
    found = re.fullmatch(r"(-?[\d,]+(?:\.(\d+))?)(?: \(.*\))?", text)
    digits = len(found[2] or "") if found else 0
    # The browser's arithmetic is not Python's to the last bit: an edge rounds either way.
    slack = 0.51 * 10**-digits + 1e-4 * abs(value)
    return bool(found) and abs(float(found[1].replace(",", "")) - value) <= slack


def agree(shown, wanted):
    """Tell whether texts of the page, nested, are the texts and numbers that Python wants."""
    if isinstance(wanted, dict):
        return shown.keys() == wanted.keys() and all(agree(shown[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list) and isinstance(shown, str):  # the numbers in a sentence
        return len(found := numbers_in(shown)) == len(wanted) and all(
            math.isclose(a, b, rel_tol=0.006, abs_tol=0.051)
            for a, b in zip(found, wanted, strict=True)
        )
    if isinstance(wanted, list):
        # What is beyond the end of a row of tiles is empty.
        wanted = wanted + [""] * (len(shown) - len(wanted)) if shown and shown[-1] == "" else wanted
        return len(shown) == len(wanted) and all(map(agree, shown, wanted))
    return shown == wanted if isinstance(wanted, str) else near(shown, wanted)


def check(notebook, part, widget):
    """Compare a picture's page with Python, and return what Python said; either may be a bit late.

    widget: an expression for it in the kernel, where IN_KERNEL has run.
    """
    settle(notebook.page)
    for _ in range(50):
        wanted = json.loads(notebook.in_kernel(f"_said({widget})"))
        twin, asks = wanted.pop("twin"), wanted.pop("asks")
        shown = part.evaluate(READ)
        if agree(shown, wanted):
            if not wanted["note"]:
                check_twin(twin, wanted)
            return wanted | {"asks": asks}
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
    """Drag a slider's handle over parts of its width; the mouse button stays down."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    y = box["y"] + box["height"] / 2
    for i, part in enumerate(parts):
        notebook.page.mouse.move(box["x"] + box["width"] * part, y)
        if i == 0:
            notebook.page.mouse.down()
    settle(notebook.page)


def move_every_slider(notebook, part, widget):
    """Move each slider by keyboard and by mouse, and compare each time what the page says."""
    said = check(notebook, part, widget)
    before = said["sliders"]
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
        sent = notebook.comm_messages
        drag(notebook, handle, (0.6, 0.8, 0.95) if is_low else (0.6, 0.4, 0.2))
        during = notebook.comm_messages
        notebook.page.mouse.up()
        before = check(notebook, part, widget)["sliders"]
        if not said["asks"]:  # Python hears of a drag once, when it has ended
            assert (during, notebook.comm_messages) == (sent, sent + 1)
        assert before[name] != moved[name], f"the mouse does not move {name}"
    return before
