"""Live heat maps, attention, strips and loss curves in a real JupyterLab: what only they do.

What they have in common with all live pictures is in test_widgets.py.
"""

from __future__ import annotations

import json
import re

import pytest
from boards import board_of
from cases import HOSTILE
from lab import set_by_keyboard, settle
from pages import CONTRAST, check, drag
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


@pytest.fixture(autouse=True)
def no_console_errors(board):
    board.notebook.errors.clear()
    yield
    assert board.notebook.errors == []


def wait_for_text(part, selector, text):
    """Wait until an element says this, in full."""
    found = part.locator(selector).filter(has_text=re.compile(f"^{re.escape(text)}$"))
    found.wait_for(state="attached")


# ---- heat maps ---------------------------------------------------------------------------------


def test_numbers_are_rounded_as_python_rounds_them(board):
    part = board.part("signed")
    rows = "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))"
    assert part.locator("tbody tr").evaluate_all(rows) == [
        ["-", "−∞", "∞"],
        ["0.00", "0.12", "0.38"],
        ["-0.12", "2.00", "-2.00"],
    ]
    assert part.locator("td.masked").count() == 3
    assert part.locator("td .unseen").all_text_contents() == ["-"]  # the hatch says it to the eye
    assert part.locator(".key.masked").is_visible()
    assert board.part("probs").locator(".key.masked").is_hidden()


def test_rows_and_columns_have_names(board):
    part = board.part("grids, hostile")
    assert part.get_by_role("rowheader").count() == len(HOSTILE)
    heads = part.locator("thead").get_by_role("columnheader").all_text_contents()
    assert heads == part.get_by_role("rowheader").all_text_contents()


@pytest.mark.parametrize("name", ["probs", "signed"])
def test_colours_are_those_of_the_still_picture(board, name):
    cells = board.part(name).locator("tbody td:not(.masked)")
    code = "import json; from mygpt_helpers.pictures.grids import colour_of, ink_on, scale_of\n"
    code += f"now = made[{name!r}].grid; scale = scale_of([now])\n"
    code += "seen = [colour_of(v, scale) for row in now.values for v in row if math.isfinite(v)]\n"
    code += "print(json.dumps([[*(255 * c for c in g), ink_on(g) == 'white'] for g in seen]))"
    shown = cells.evaluate_all(
        """cells => cells.map(getComputedStyle).map(style => [
             ...style.backgroundColor.match(/\\d+/g).map(Number),
             style.color === 'rgb(255, 255, 255)'])"""
    )
    want = json.loads(board.notebook.in_kernel(code))
    for colour, expected in zip(shown, want, strict=True):
        assert colour == pytest.approx(expected, abs=1)
        assert colour[3] == expected[3], "white or black ink"
    assert min(cells.evaluate_all(INKS)) >= 4.5


INKS = (
    "cells => {"
    + CONTRAST
    + """return cells.map(getComputedStyle).map(
           style => ratio(parse(style.color), parse(style.backgroundColor))); }"""
)


def test_a_large_grid_fits(board):
    part = board.part("grids, large")
    box = part.locator("table").bounding_box()
    assert box["width"] < 720 and box["height"] < 560
    sides = part.locator("tbody tr").evaluate_all("rows => rows.map(row => row.offsetHeight)")
    assert max(sides) - min(sides) <= 1


# ---- attention ---------------------------------------------------------------------------------


@pytest.fixture
def box(board):
    """The text box for the prompt, as it was in the beginning."""
    board.notebook.in_kernel("pause = 0.0; made['attention'].prompt = 'I love some'")
    found = board.part("attention").get_by_role("textbox", name="prompt", exact=True)
    expect(found).to_have_value("I love some")
    check(board.notebook, board.part("attention"), "made['attention']")
    return found


def rows_are(board, prompt):
    expect(board.part("attention").get_by_role("rowheader")).to_have_text(prompt.split())


def test_layers_and_heads_answer_in_the_browser(board, box):
    part = board.part("attention")
    board.notebook.in_kernel("pause = 100")  # Python would be missed
    for knob in ("layer", "head"):
        board.slider("attention", knob).press("Home")
        set_by_keyboard(board.slider("attention", knob), 1)
    settle(board.page)
    assert part.locator(".title").text_content() == "layer 1, head 1"
    board.notebook.in_kernel("pause = 0.0")
    check(board.notebook, part, "made['attention']")


def test_a_new_prompt_after_enter_and_after_a_pause(board, box):
    box.fill("beer I")
    box.press("Enter")
    rows_are(board, "beer I")
    sent = board.notebook.comm_messages
    box.press_sequentially(" love I", delay=20)
    rows_are(board, "beer I love I")
    assert board.notebook.comm_messages - sent == 1, "every key was sent"
    check(board.notebook, board.part("attention"), "made['attention']")
    assert box.input_value() == "beer I love I"
    assert box.evaluate("box => box === document.activeElement")


def test_a_prompt_that_fails_says_why_and_keeps_the_picture(board, box):
    part = board.part("attention")
    before = part.locator("tbody").text_content()
    box.fill("I hate beer")
    box.press("Enter")
    wait_for_text(part, ".note", "no such token: 'hate'; use I, love, some, beer")
    assert check(board.notebook, part, "made['attention']")["note"]
    assert part.locator("tbody").text_content() == before and box.input_value() == "I hate beer"
    assert part.locator("table").is_visible()
    for prompt in [*HOSTILE, "word " * 10_000]:
        box.fill(prompt)
        typed = box.input_value()
        box.press("Enter")
        settle(board.page)
        assert box.input_value() == typed
    wait_for_text(part, ".note", "the prompt has 50,000 characters; at most 200 fit here.")
    assert part.locator("tbody").text_content() == before
    assert part.locator("b, img, script").count() == 0
    assert board.page.evaluate("() => window.hacked") is None
    box.fill("love")
    box.press("Enter")
    rows_are(board, "love")
    wait_for_text(part, ".note", "")
    assert part.locator("tbody td").all_text_contents() == ["1.00"]


def test_a_slow_function_says_that_it_waits(board, box):
    part = board.part("attention")
    board.notebook.in_kernel("pause = 0.6")
    box.fill("some beer")
    box.press("Enter")
    wait_for_text(part, ".note", "Waiting for Python…")
    rows_are(board, "some beer")
    wait_for_text(part, ".note", "")


# ---- strips ------------------------------------------------------------------------------------


def test_tiles_are_given_right_or_wrong_and_keep_their_places(board):
    part = board.part("strips")
    kinds = "tiles => tiles.map(tile => tile.className)"
    board.slider("strips", "strip").press("End")
    board.slider("strips", "length").press("End")
    settle(board.page)
    shown = part.locator(".tiles td > div:not([title=''])").evaluate_all(kinds)
    assert shown == ["given"] * 2 + ["right"] * 14 + ["wrong"] * 24
    height = part.bounding_box()["height"]
    drag(board.notebook, board.slider("strips", "length"), (0.4, 0.2, 0.0))
    shown = part.locator(".tiles td > div:not([title=''])").evaluate_all(kinds)
    board.page.mouse.up()
    assert shown == ["given"] and part.locator(".facts").text_content() == "all given\nloss 0.1"
    assert part.bounding_box()["height"] == height, "what stands below must not move"


# ---- the loss curve ----------------------------------------------------------------------------


def curve(part):
    """Return the drawn points, as [x, y] in the picture."""
    points = part.locator(".curve").get_attribute("points")
    return [[float(n) for n in point.split(",")] for point in points.split()]


def test_a_curve_grows_while_a_cell_runs(board):
    part = board.part("loss")
    assert part.locator(".facts").text_content() == "waiting for the first of 200 steps"
    assert part.locator(".curve").count() == 0
    code = "for i in range(1, 201):\n    made['loss'](i, 2 * 0.98 ** i); time.sleep(0.01)"
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
    part = board.part("loss")
    board.notebook.in_kernel("for i in range(1, 41): made['loss'](i, 1.5 if i < 31 else math.nan)")
    wait_for_text(part, ".facts", "step 31: the loss is nan")
    assert len(curve(part)) == 30
    board.notebook.in_kernel("made['loss'].note('stopped at <b>step</b> 40')")
    wait_for_text(part, ".note", "stopped at <b>step</b> 40")
    board.notebook.in_kernel("made['loss'].held_out(20, 1.6); made['loss'].held_out(40, 1.7)")
    part.locator(".held-out").wait_for(state="attached")
    assert len(part.locator(".held-out").get_attribute("points").split()) == 2
    assert part.get_by_text("held-out", exact=True).count() == 1
    board.notebook.in_kernel("for i in range(1, 201): made['loss'](i, 0.0)")
    wait_for_text(part, ".facts", "step 200 of 200, loss 0.0000")
    assert part.locator(".note").text_content() == ""
    assert all(x == x and y == y for x, y in curve(part))


def test_a_training_longer_than_was_said_stays_in_the_picture(board):
    part = board.part("loss")
    board.notebook.in_kernel("for i in range(1, 301): made['loss'](i, 1 / i)")
    wait_for_text(part, ".facts", "step 300 of 200, loss 0.0033")
    width = part.locator("svg").evaluate("svg => svg.viewBox.baseVal.width")
    assert len(curve(part)) == 300 and curve(part)[-1][0] < 0.9 * width
