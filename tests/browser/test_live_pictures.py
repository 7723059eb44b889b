"""The live grids, attention, strips and loss curve in a real JupyterLab."""

from __future__ import annotations

import re

import pytest
from cases import HOSTILE
from lab import set_by_keyboard, settle

from mygpt_helpers.pictures.grids import number_text
from mygpt_helpers.pictures.tables import visible

SET_UP = """
import math, sys, time, torch
sys.path.append({folder!r})
from cases import HOSTILE
from mygpt_helpers import AttentionWidget, GridsWidget, LossWidget, Strip, StripsWidget, make_grid
W = ["I", "love", "some", "beer"]
stops = ["0", "1", "2", "5", "50", "200"]
def probs(i):
    values = torch.tensor([[8.0, 1, -4, 0], [0, 9, 2, -1], [3, -1, 8, 2], [1, 1, -1, 9]])
    return (values * i / 5).softmax(-1)
"""
GRIDS = """
made = [make_grid(probs(i), W, W, title=f"after {s} steps", row_label="current token",
                  column_label="next token", facts=f"loss {1 + i / 7:.4f}")
        for i, s in enumerate(stops)]
grids = GridsWidget(made, {"training step": stops})
grids
"""
SIGNED = """
values = torch.linspace(-2, 2, 96).reshape(2, 3, 16)
values[0, 0, :3] = torch.tensor([math.nan, -math.inf, math.inf])
values[0, 1, :4] = torch.tensor([-0.001, 0.125, 0.375, -0.125])
parts = {"half": ["left", "right"], "table": ["0", "1"]}
both = [make_grid(t[:, h : h + 8], list("abc"), [f"d{i}" for i in range(8)])
        for h in (0, 8) for t in values]
signed = GridsWidget(both, parts, start=[0, 0])
signed
"""
LARGE = """
large = GridsWidget([make_grid(torch.randn(64, 64), [str(i) for i in range(64)],
    [str(i) for i in range(64)], title="64 x 64")], {})
large
"""
STRANGE = """
n = len(HOSTILE)
strange = GridsWidget([make_grid(torch.eye(n), HOSTILE, HOSTILE, title=HOSTILE[1], facts=HOSTILE[2],
    row_label=HOSTILE[0])], {"strange": [HOSTILE[2]]})
strange
"""
ATTENTION = """
pause = 0.0
def attention_of(prompt):
    time.sleep(pause)
    tokens = prompt.split()
    for token in tokens:
        if token not in W:
            raise ValueError(f"no such token: {token!r}; use {', '.join(W)}")
    T = len(tokens)
    scores = torch.arange(2 * 3 * T * T).reshape(2, 3, T, T) % 7 / 2
    return tokens, scores.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf).softmax(-1)
attention = AttentionWidget(attention_of, prompt="I love some", num_layers=2, num_heads=3)
attention
"""
STRIPS = """
def strip(n, good):
    right = tuple(None if i < 2 else i < good for i in range(n))
    return Strip(f"trained on {good}", tuple(W[i % 4] for i in range(n)), right, facts="loss 0.1")
strips = StripsWidget([strip(20, 8), strip(40, 16)], ["8", "16"], start=1)
strips
"""
LOSS = """
live = LossWidget(200, levels={"log 4 <b>": 1.386})
live
"""
STRANGE_STRIP = """
StripsWidget([Strip(HOSTILE[1], tuple(HOSTILE), (False,) * len(HOSTILE))], ["x"], label="odd")
"""
CELLS = [GRIDS, SIGNED, LARGE, STRANGE, ATTENTION, STRIPS, LOSS, STRANGE_STRIP]


@pytest.fixture(scope="module")
def board(open_notebook, request):
    cells = [SET_UP.format(folder=str(request.path.parent)), *CELLS]
    notebook = open_notebook("live.ipynb", cells)
    widget(notebook, "odd").wait_for()
    assert notebook.errors == []
    return notebook


@pytest.fixture(autouse=True)
def no_console_errors(board):
    board.errors.clear()
    yield
    assert board.errors == []


def widget(board, label):
    return board.page.locator(f'.mygpt-live[aria-label="{label}"]')


def slider(part, knob):
    return part.locator(f'input[data-knob="{knob}"]')


def cells_of(part):
    return part.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))"
    )


def wait_for_text(part, selector, text):
    """Wait until an element says this, in full."""
    found = part.locator(selector).filter(has_text=re.compile(f"^{re.escape(text)}$"))
    found.wait_for(state="attached")


def wait_for_rows(part, labels):
    """Wait until the rows of a heat map have these labels, separated by spaces."""
    from playwright.sync_api import expect

    expect(part.get_by_role("rowheader")).to_have_text(labels.split(), timeout=15_000)


def numbers_in_kernel(board, values):
    """Return a tensor in the kernel, (R, C), as the texts of its cells."""
    rows = board.in_kernel(f"print({values}.tolist())")
    rows = eval(rows, {"nan": float("nan"), "inf": float("inf")})
    return [[number_text(value) for value in row] for row in rows]


def drag(board, handle, start, parts):
    """Drag a slider's handle with the mouse, as far as the last part of its width."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    y = box["y"] + box["height"] / 2
    board.page.mouse.move(box["x"] + box["width"] * start, y)
    board.page.mouse.down()
    for part in parts:
        board.page.mouse.move(box["x"] + box["width"] * part, y)
    settle(board.page)


# ---- grids -------------------------------------------------------------------------------------


def test_a_grid_follows_the_keyboard(board):
    part = widget(board, "training step")
    for place in (1, 2, 3):
        set_by_keyboard(slider(part, "training step"), 1)
        settle(board.page)
        assert cells_of(part) == numbers_in_kernel(board, f"probs({place})")
    board.wait_for_kernel("grids.index == (3,)")
    assert slider(part, "training step").get_attribute("aria-valuetext") == "5"
    assert part.locator(".title").text_content() == "after 5 steps"
    assert part.locator(".facts").text_content() == "loss 1.4286"


def test_a_drag_is_one_message_and_the_kernel_is_not_asked(board):
    part = widget(board, "training step")
    sent = board.comm_messages
    drag(board, slider(part, "training step"), 0.5, (0.7, 0.9, 1.0))
    want = numbers_in_kernel(board, "probs(5)")
    assert cells_of(part) == want
    assert board.comm_messages == sent, "a message before the drag has ended"
    board.page.mouse.up()
    board.wait_for_kernel("grids.index == (5,)")
    assert board.comm_messages == sent + 1
    board.in_kernel("grids.index = (0,)")
    wait_for_text(part, ".title", "after 0 steps")
    assert cells_of(part) == numbers_in_kernel(board, "probs(0)")


def test_a_grid_is_a_table_with_names(board):
    part = widget(board, "training step")
    assert part.get_by_role("slider", name="training step", exact=True).count() == 1
    assert part.get_by_role("rowheader").all_text_contents() == ["I", "love", "some", "beer"]
    heads = part.get_by_role("columnheader").all_text_contents()
    assert heads == ["next token", "I", "love", "some", "beer"]
    assert part.locator("caption").text_content().startswith("after")


def test_two_sliders_signs_and_masked_cells(board):
    part = widget(board, "half, table")
    assert cells_of(part)[0][:3] == ["-", "−∞", "∞"]
    assert cells_of(part)[1][:4] == ["0.00", "0.12", "0.38", "-0.12"]  # as Python rounds them
    assert part.locator("td.masked").count() == 3
    assert part.locator("td .unseen").all_text_contents() == ["-"]  # the hatch says it to the eye
    assert part.locator(".masked-key").is_visible()
    for half, table in ((0, 1), (1, 1), (1, 0), (0, 0)):
        for knob, place in (("half", half), ("table", table)):
            handle = slider(part, knob)
            handle.press("End" if place else "Home")
        settle(board.page)
        columns = f"{8 * half} : {8 * half + 8}"
        want = numbers_in_kernel(board, f"values[{table}, :, {columns}]")
        assert cells_of(part) == want
        board.wait_for_kernel(f"signed.index == ({half}, {table})")
        assert part.locator(".masked-key").is_visible() == ("-" in want[0])


def test_every_number_can_be_read_on_its_colour(board):
    for label in ("half, table", "training step"):
        ratios = widget(board, label).locator("tbody td:not(.masked)").evaluate_all(CONTRASTS)
        assert min(ratios) >= 4.5


def test_colours_are_those_of_the_still_picture(board):
    colours = "cells => cells.map(cell => getComputedStyle(cell).backgroundColor)"
    part = widget(board, "training step")
    board.in_kernel("grids.index = (5,)")
    wait_for_text(part, ".title", "after 200 steps")
    shown = part.locator("tbody td").evaluate_all(colours)
    code = "from mygpt_helpers.pictures.grids import _colour; print([[round(255 * c) for c in "
    code += "_colour(v, (0.0, 1.0))] for row in made[5].values for v in row])"
    want = eval(board.in_kernel(code))
    for colour, numbers in zip(shown, want, strict=True):
        assert [int(n) for n in re.findall(r"\d+", colour)] == pytest.approx(numbers, abs=1)


def test_a_large_grid_has_titles_in_place_of_numbers(board):
    part = widget(board, "table")
    assert part.locator("tbody td").count() == 64 * 64
    assert {text for row in cells_of(part) for text in row} == {""}
    value = board.in_kernel("print(large.grid.values[63][62])")
    title = part.locator("tbody tr").nth(63).locator("td").nth(62).get_attribute("title")
    assert title == f"63, 62: {number_text(float(value))}"
    box = part.locator("table").bounding_box()
    assert box["width"] < 720 and box["height"] < 560
    sides = part.locator("tbody tr").evaluate_all("rs => rs.map(r => r.offsetHeight)")
    assert max(sides) - min(sides) <= 1


@pytest.mark.parametrize("label", ["strange", "odd"])
def test_hostile_texts_are_shown_as_they_are(board, label):
    part = widget(board, label)
    if label == "strange":
        shown = part.locator("tbody th bdi").all_text_contents()
        sides = part.locator("tbody tr").evaluate_all("rs => rs.map(r => r.offsetHeight)")
    else:
        shown = part.locator(".tile bdi").all_text_contents()
        sides = part.locator(".tile").evaluate_all("ts => ts.map(t => t.offsetHeight)")
    assert shown == [visible(text, 24) for text in HOSTILE]
    assert part.locator("b, img, script, mjx-container, .MathJax").count() == 0
    assert board.page.evaluate("() => window.hacked") is None
    assert max(sides) - min(sides) <= 2
    assert part.evaluate("part => part.scrollWidth <= part.clientWidth + 1")


# ---- attention ---------------------------------------------------------------------------------


def weights(board, layer, head):
    prompt = board.in_kernel("print(attention.prompt)").strip()
    rows = numbers_in_kernel(board, f"attention_of({prompt!r})[1][{layer}, {head}]")
    return [["-" if c > r else text for c, text in enumerate(row)] for r, row in enumerate(rows)]


def test_layers_and_heads_answer_in_the_browser(board):
    part = widget(board, "attention")
    assert cells_of(part) == weights(board, 0, 0)
    board.in_kernel("pause = 100")  # Python would be missed
    set_by_keyboard(slider(part, "layer"), 1)
    set_by_keyboard(slider(part, "head"), 1)
    settle(board.page)
    shown = cells_of(part)
    assert part.locator(".title").text_content() == "layer 1, head 1"
    board.in_kernel("pause = 0.0")
    assert shown == weights(board, 1, 1) != weights(board, 0, 0)
    board.wait_for_kernel("(attention.layer, attention.head) == (1, 1)")


def test_a_new_prompt_after_enter_and_after_a_pause(board):
    part = widget(board, "attention")
    box = part.get_by_role("textbox", name="prompt", exact=True)
    box.fill("beer I")
    box.press("Enter")
    wait_for_rows(part, "beer I")
    assert len(cells_of(part)) == 2
    sent = board.comm_messages
    box.press_sequentially(" love I", delay=20)
    wait_for_rows(part, "beer I love I")
    assert board.comm_messages - sent == 1, "every key was sent"
    board.wait_for_kernel("attention.prompt == 'beer I love I'")
    assert box.input_value() == "beer I love I"
    assert box.evaluate("box => box === document.activeElement")


def test_a_prompt_that_fails_says_why_and_keeps_the_picture(board):
    part = widget(board, "attention")
    box = part.get_by_role("textbox")
    before = cells_of(part)
    box.fill("I hate beer")
    box.press("Enter")
    wait_for_text(part, ".note", "no such token: 'hate'; use I, love, some, beer")
    assert cells_of(part) == before and box.input_value() == "I hate beer"
    assert part.locator("table").is_visible()
    for prompt in [*HOSTILE, "word " * 10_000]:
        box.fill(prompt)
        typed = box.input_value()
        box.press("Enter")
        board.page.wait_for_timeout(60)
        assert box.input_value() == typed and cells_of(part) == before
    wait_for_text(part, ".note", "the prompt has 50,000 characters; at most 200 fit here.")
    assert part.locator("b, img, script").count() == 0
    assert board.page.evaluate("() => window.hacked") is None
    box.fill("love")
    box.press("Enter")
    wait_for_rows(part, "love")
    assert part.locator(".note").text_content() == ""
    assert cells_of(part) == [["1.00"]]


def test_a_slow_function_says_that_it_waits(board):
    part = widget(board, "attention")
    board.in_kernel("pause = 0.6")
    box = part.get_by_role("textbox")
    box.fill("some beer")
    box.press("Enter")
    wait_for_text(part, ".note", "Waiting for Python…")
    wait_for_rows(part, "some beer")
    wait_for_text(part, ".note", "")
    board.in_kernel("pause = 0.0; attention.prompt = 'I love'")
    wait_for_rows(part, "I love")
    assert box.input_value() == "I love"


# ---- strips ------------------------------------------------------------------------------------


def tiles(part):
    return part.locator(".tile").evaluate_all("ts => ts.map(t => [t.classList[1], t.textContent])")


def test_strips_follow_both_sliders(board):
    part = widget(board, "trained length")
    assert len(tiles(part)) == 40
    assert tiles(part)[1:3] == [["given", "love"], ["right", "some"]]
    assert tiles(part)[16] == ["wrong", "✕I"]
    summary = part.locator(".summary")
    assert summary.text_content() == "14 of 38 right; first wrong: position 16"
    height = part.bounding_box()["height"]
    set_by_keyboard(slider(part, "length"), -24)
    settle(board.page)
    assert len(tiles(part)) == 16 and summary.text_content() == "14 of 14 right: all right"
    assert part.locator("tbody th").nth(1).is_hidden()
    assert part.bounding_box()["height"] == height, "what stands below must not move"
    set_by_keyboard(slider(part, "strip"), -1)
    settle(board.page)
    assert summary.text_content() == "6 of 14 right; first wrong: position 8"
    board.wait_for_kernel("(strips.strip, strips.length) == (0, 16)")
    assert slider(part, "strip").get_attribute("aria-valuetext") == "8"
    assert slider(part, "length").get_attribute("aria-valuetext") == "16"
    sent = board.comm_messages
    drag(board, slider(part, "length"), 0.4, (0.3, 0.2, 0.0))
    assert board.comm_messages == sent
    assert tiles(part) == [["given", "I"]] and summary.text_content() == "all given"
    board.page.mouse.up()
    board.wait_for_kernel("strips.length == 1")
    rows = board.in_kernel("print(strips._repr_mimebundle_()[0]['text/plain'])")
    assert "all given" in rows


# ---- the loss curve ----------------------------------------------------------------------------


def curve(part):
    """Return the drawn points, as [x, y] in the picture."""
    points = part.locator(".curve").get_attribute("points")
    return [[float(n) for n in point.split(",")] for point in points.split()]


def test_a_curve_grows_while_a_cell_runs(board):
    part = widget(board, "loss")
    assert part.locator(".facts").text_content() == "waiting for the first of 200 steps"
    assert part.locator(".curve").count() == 0
    code = "for i in range(1, 201):\n    live(i, 2 * 0.98 ** i); time.sleep(0.01)"
    board.page.evaluate(
        """code => { void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
             .requestExecute({ code, store_history: false }).done
             .then(() => { window.trained = true; }); }""",
        code,
    )
    part.locator(".curve").wait_for(state="attached")
    seen = set()
    while not board.page.evaluate("() => window.trained === true"):
        seen.add(part.locator(".facts").text_content())
        board.page.wait_for_timeout(60)
    assert len(seen) >= 5, seen
    wait_for_text(part, ".facts", f"step 200 of 200, loss {2 * 0.98**200:.4f}")
    points = curve(part)
    assert len(points) == 200
    # An exponential is a straight line on a logarithmic axis.
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(points, points[50:], strict=False)]
    assert max(slopes) - min(slopes) < 0.02 and min(slopes) > 0
    assert "log 4 <b>" in part.locator("svg text").all_text_contents()
    assert part.locator("b").count() == 0


def test_running_again_starts_a_new_curve_and_nan_is_said(board):
    part = widget(board, "loss")
    board.in_kernel("for i in range(1, 41): live(i, 1.5 if i < 31 else math.nan)")
    wait_for_text(part, ".facts", "step 31: the loss is nan")
    assert len(curve(part)) == 30
    board.in_kernel("live.note('stopped at <b>step</b> 40')")
    wait_for_text(part, ".note", "stopped at <b>step</b> 40")
    board.in_kernel("for i in range(1, 201): live(i, 0.0)")
    wait_for_text(part, ".facts", "step 200 of 200, loss 0.0000")
    assert part.locator(".note").text_content() == ""
    assert all(x == x and y == y for x, y in curve(part))


def test_a_training_longer_than_was_said_stays_in_the_picture(board):
    part = widget(board, "loss")
    board.in_kernel("for i in range(1, 301): live(i, 1 / i)")
    wait_for_text(part, ".facts", "step 300 of 200, loss 0.0033")
    width = part.locator("svg").evaluate("svg => svg.viewBox.baseVal.width")
    assert len(curve(part)) == 300 and curve(part)[-1][0] < 0.9 * width


def test_everything_is_legible_in_both_themes(board):
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        board.theme(theme)
        for label in ("training step", "attention", "trained length", "loss"):
            found = widget(board, label).evaluate(LEGIBLE)
            assert found and min(found.values()) >= 4.5, (theme, label, found)


LUMINANCE = """
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const parse = css => css.match(/[\\d.]+/g).map(Number);
  const ratio = (ink, ground) => {
    const [r, g, b, a = 1] = ink;
    const over = [r, g, b].map((c, i) => a * c + (1 - a) * ground[i]);
    const [x, y] = [luminance(over), luminance(ground)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05); };
"""
CONTRASTS = (
    "cells => {"
    + LUMINANCE
    + """return cells.map(cell => { const style = getComputedStyle(cell);
      return ratio(parse(style.color), parse(style.backgroundColor)); }); }"""
)
# The contrast of each piece of text with what it stands on.
LEGIBLE = (
    "part => {"
    + LUMINANCE
    + """const groundOf = node => {
      for (; node; node = node.parentElement) {
        const color = parse(getComputedStyle(node).backgroundColor);
        if (color.length === 3 || color[3] === 1) return color;
      }
      return [255, 255, 255]; };
    const found = {};
    for (const node of part.querySelectorAll('*')) {
      const own = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
      if (!own || node.closest('caption') || !node.getClientRects().length) continue;
      const style = getComputedStyle(node);
      const name = `${node.tagName}.${node.className.baseVal ?? node.className}`;
      const ink = parse(node.closest('svg') ? style.fill : style.color);
      found[name] = Math.min(found[name] ?? 99, ratio(ink, groundOf(node)));
    }
    return found; }"""
)
