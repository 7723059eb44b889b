"""The live distribution picture in a real JupyterLab, against mygpt_helpers.sampling."""

from __future__ import annotations

import re
from textwrap import indent

import pytest
from cases import ALL_KNOBS, HOSTILE, LOGITS, previous_ids, settings
from lab import rows_of, set_by_keyboard, settle

from mygpt_helpers.pictures.tables import visible
from mygpt_helpers.sampling import entropy, next_token_probs
from mygpt_helpers.widgets.inputs import slider_stops

TOLERANCE = 0.0006  # three decimals, and a rounding edge
MAIN = next(iter(LOGITS))
NEUTRAL = {"temperature": 1, "top_k": 49_152, "top_p": 1, "min_p": 0, "repetition_penalty": 1}

SET_UP = """
import sys, time, torch
sys.path.append({folder!r})
from cases import ALL_KNOBS, HOSTILE, LOGITS, previous_ids
from mygpt_helpers import DistributionWidget
made = {{}}
def show(name, logits, labels=str, **options):
    made[name] = DistributionWidget(logits, labels, title=name, **options)
    return made[name]
def squared(logits, temperature):
    return torch.softmax(logits / temperature**2, dim=-1)
def moody(logits, temperature):
    if temperature > 1.5:
        raise RuntimeError("<b>too hot</b> $x$")
    return torch.softmax(logits / temperature, dim=-1)
pause = 0.0
def slow(logits, temperature):
    time.sleep(pause)
    return torch.softmax(logits / temperature, dim=-1)
"""


class Board:
    """The notebook that holds every widget of these tests, and how to find one."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page

    def widget(self, name, view=0):
        return self.page.locator(f'.mygpt-distribution[aria-label="{name}"]').nth(view)

    def slider(self, name, knob="temperature", view=0):
        return self.widget(name, view).locator(f'input[data-knob="{knob}"]')

    def value(self, name, knob="temperature"):
        """Return what the slider says, once the kernel's attribute has the same value."""
        text = self.slider(name, knob).get_attribute("aria-valuetext")
        value = float(text.split()[0].replace(",", ""))
        self.notebook.wait_for_kernel(f"made[{name!r}].{knob} == {value!r}")
        return value

    def move(self, name, knobs, done=True):
        """Move sliders as a pointer does: input events, and one change at the end of the drag."""
        logits = LOGITS.get(name, LOGITS[MAIN]).float()
        places = {knob: slider_stops(knob, logits).index(value) for knob, value in knobs.items()}
        self.widget(name).evaluate(
            """(widget, [places, done]) => new Promise(painted => {
              for (const [knob, place] of Object.entries(places)) {
                const slider = widget.querySelector(`input[data-knob=${knob}]`);
                slider.valueAsNumber = place;
                slider.dispatchEvent(new Event('input', { bubbles: true }));
                if (done) slider.dispatchEvent(new Event('change', { bubbles: true }));
              }
              requestAnimationFrame(() => setTimeout(painted, 0)); })""",
            [places, done],
        )

    def numbers(self, name, view=0):
        rows = rows_of(self.widget(name, view))
        return [float(row["number"]) for row in rows if not row["label"].endswith("others")]

    def wait_for_numbers(self, name, want):
        """Wait until Python has answered with these numbers."""
        self.page.wait_for_function(
            """([name, want]) => {
              const widget = document.querySelector(`.mygpt-distribution[aria-label="${name}"]`);
              const said = [...widget.querySelectorAll('tbody .number')].map(n => n.textContent);
              return said.every((text, i) => Math.abs(Number(text) - want[i]) <= 0.0006); }""",
            arg=[name, want],
        )

    def facts(self, name, vocab_size):
        """Return how many tokens are kept, the entropy, and the equal choices, as the page says."""
        text = self.widget(name).locator(".facts").text_content()
        found = re.fullmatch(
            r"(?:([\d,]+) of ([\d,]+) tokens kept\. )?Entropy ([\d.]+) nats: "
            r"as unsure as between ([\d.,]+) equal choices\.",
            text,
        )
        kept, of, *others = (n and float(n.replace(",", "")) for n in found.groups())
        assert of in (None, vocab_size)
        # Where nothing is cut, the sentence on it is left out, and so is its key in the legend.
        assert self.widget(name).locator(".legend .cut").first.is_visible() == (kept is not None)
        return [vocab_size if kept is None else kept, *others]


@pytest.fixture(scope="module")
def board(open_notebook, request):
    show = "show({name!r}, LOGITS[{name!r}], knobs=ALL_KNOBS, previous_ids=previous_ids({name!r}))"
    main = f"LOGITS[{MAIN!r}], num_bars=6"
    cells = [SET_UP.format(folder=str(request.path.parent))]
    cells += [show.format(name=name) for name in LOGITS]
    cells += [
        f"show('hostile', torch.arange({len(HOSTILE)}) * -0.5, HOSTILE, num_bars=20)",
        f"show('twice', {main}); display(made['twice']); made['twice']",
        f"show('squared', {main}, probs_function=squared)",
        f"show('moody', {main}, probs_function=moody)",
        f"show('slow', {main}, probs_function=slow)",
        f"show('broken', {main}, probs_function=lambda logits, temperature: None)",
        "time.sleep(2.5)  # busy: asleep",
        "until = time.time() + 2.5  # busy: pure Python\nwhile time.time() < until: pass",
    ]
    # The last two cells wait for `go`, until a test starts them.
    cells[-2:] = ["if 'go' in dir():\n" + indent(cell, "    ") for cell in cells[-2:]]
    notebook = open_notebook("widgets.ipynb", cells)
    notebook.in_kernel("go = True")
    made = Board(notebook)
    made.busy_cells = [len(cells) - 2, len(cells) - 1]
    made.widget("broken").wait_for()
    assert notebook.errors == []
    return made


@pytest.fixture(autouse=True)
def no_console_errors(board):
    board.notebook.errors.clear()
    yield
    assert board.notebook.errors == []


def expected(name, knobs):
    logits = LOGITS.get(name, LOGITS[MAIN]).float()
    return next_token_probs(logits, **knobs, previous_ids=previous_ids(name))


@pytest.mark.parametrize("name", LOGITS)
def test_numbers_are_those_of_python(board, name):
    logits = LOGITS[name].float()
    shown = logits.argsort(descending=True, stable=True)[:12]
    for knobs in settings(name, 14):
        board.move(name, knobs)
        probs = expected(name, knobs)
        rows = rows_of(board.widget(name))
        others = rows.pop() if len(logits) > 12 else None
        assert [row["label"] for row in rows] == [f'"{int(i)}"' for i in shown]
        numbers = [float(row["number"]) for row in rows]
        # Where logits tie at top-p's edge, which of them stay is open: compare how much stays.
        tied = len(logits.unique()) < len(logits) and knobs["top_p"] < 1
        want = probs[shown].tolist()
        if not tied:
            assert numbers == pytest.approx(want, abs=TOLERANCE), knobs
        kept, nats, choices = board.facts(name, len(logits))
        # A temperature of 0.01 underflows to 0 in float32; nothing was cut by that.
        if knobs["temperature"] >= 0.3:
            num_kept = int((probs > 0).sum())
            assert kept == pytest.approx(num_kept, abs=1 + 0.002 * num_kept), knobs
        assert nats == pytest.approx(float(entropy(probs)), abs=0.002), knobs
        assert choices == pytest.approx(float(entropy(probs).exp()), rel=0.003, abs=0.06)
        if others:
            assert others["label"] == f"{len(logits) - 12:,} others"
            if not tied:
                assert float(others["number"]) == pytest.approx(1 - sum(want), abs=TOLERANCE), knobs
        for row, number in zip(rows, numbers, strict=True):
            assert row["state"] in ("", "▲ top", "✕ cut")
            if row["state"] == "✕ cut":
                assert number == 0
            if row["state"] == "▲ top":
                assert number == pytest.approx(float(probs.max()), abs=TOLERANCE)
        if not tied and float(probs[shown].max()) == float(probs.max()):
            assert "▲ top" in [row["state"] for row in rows]


@pytest.mark.parametrize("knob", ALL_KNOBS)
def test_each_slider_by_keyboard(board, knob):
    board.move(MAIN, NEUTRAL)
    stops = slider_stops(knob, LOGITS[MAIN])
    steps = -3 if knob in ("temperature", "top_k", "top_p") else 3
    value = stops[stops.index(NEUTRAL[knob]) + steps]
    set_by_keyboard(board.slider(MAIN, knob), steps)
    settle(board.page)
    want = expected(MAIN, NEUTRAL | {knob: value})
    shown = LOGITS[MAIN].argsort(descending=True)[:12]
    assert board.numbers(MAIN) == pytest.approx(want[shown].tolist(), abs=TOLERANCE)
    assert board.value(MAIN, knob) == value
    assert str(value) in board.slider(MAIN, knob).get_attribute("aria-valuetext").replace(",", "")


@pytest.mark.parametrize("knob", ALL_KNOBS)
def test_each_slider_by_mouse(board, knob):
    board.move(MAIN, NEUTRAL)
    slider = board.slider(MAIN, knob)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    sent = board.notebook.comm_messages
    board.page.mouse.move(box["x"] + box["width"] * 0.5, y)
    board.page.mouse.down()
    for i in range(12):
        board.page.mouse.move(box["x"] + box["width"] * (0.5 - 0.03 * i), y)
    settle(board.page)
    assert board.notebook.comm_messages == sent, "a message before the drag has ended"
    board.page.mouse.up()
    settle(board.page)
    value = board.value(MAIN, knob)
    assert board.notebook.comm_messages == sent + 1
    assert value in slider_stops(knob, LOGITS[MAIN]) and value != NEUTRAL[knob]
    want = expected(MAIN, NEUTRAL | {knob: int(value) if knob == "top_k" else value})
    shown = LOGITS[MAIN].argsort(descending=True)[:12]
    assert board.numbers(MAIN) == pytest.approx(want[shown].tolist(), abs=TOLERANCE)


def test_keyboard_alone(board):
    board.move(MAIN, NEUTRAL)
    # From the text of the cell: Escape leaves it, Tab goes on to the slider.
    board.page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-content").click()
    board.page.keyboard.press("Escape")
    for _ in range(30):
        board.page.keyboard.press("Tab")
        if board.slider(MAIN).evaluate("slider => slider === document.activeElement"):
            break
    else:
        pytest.fail("Tab does not reach the slider")
    ring = board.slider(MAIN).evaluate("slider => getComputedStyle(slider).outlineStyle")
    assert ring == "solid"
    first = board.numbers(MAIN)
    board.page.keyboard.press("ArrowLeft")
    board.page.keyboard.press("Tab")
    board.page.keyboard.press("Home")
    settle(board.page)
    assert board.value(MAIN) == 0.95 and board.value(MAIN, "top_k") == 1
    assert board.numbers(MAIN)[0] == 1
    for _ in range(4):
        board.page.keyboard.press("Tab")
    board.page.keyboard.press("Enter")  # reset
    settle(board.page)
    assert board.value(MAIN) == 1 and board.value(MAIN, "top_k") == 49_152
    assert board.numbers(MAIN) == first


def test_sliders_are_named_and_the_table_is_one(board):
    widget = board.widget(MAIN)
    for knob in ALL_KNOBS:
        assert widget.get_by_role("slider", name=knob, exact=True).count() == 1
    table = widget.get_by_role("table")
    assert MAIN in table.locator("caption").text_content()
    assert table.get_by_role("rowheader").count() == 13
    assert widget.locator(".bars > div:not([aria-hidden=true])").count() == 0


def test_set_from_python(board):
    board.notebook.in_kernel("made['twice'].temperature = 0.333")
    settle(board.page)
    board.page.wait_for_timeout(50)
    want = next_token_probs(LOGITS[MAIN], temperature=0.333)
    shown = LOGITS[MAIN].argsort(descending=True)[:6]
    for view in range(2):
        assert board.slider("twice", view=view).get_attribute("aria-valuetext") == "0.333"
        assert board.numbers("twice", view) == pytest.approx(want[shown].tolist(), abs=TOLERANCE)
    board.notebook.in_kernel("made['twice'].temperature = 1.0")


def test_two_views_follow_and_a_removed_one_leaves_nothing(board):
    set_by_keyboard(board.slider("twice", view=1), -2)
    settle(board.page)
    assert board.numbers("twice", 0) == board.numbers("twice", 1)
    assert board.slider("twice", view=0).get_attribute("aria-valuetext") == "0.90"
    count_paints = """slider => new Promise(done => {
      let asked = 0; const real = window.requestAnimationFrame;
      window.requestAnimationFrame = call => { asked++; return real(call); };
      slider.valueAsNumber -= 1; slider.dispatchEvent(new Event('input', { bubbles: true }));
      window.requestAnimationFrame = real; done(asked); })"""
    assert board.slider("twice").evaluate(count_paints) == 2  # one for each view
    cell = len(LOGITS) + 2
    board.notebook.in_kernel("show = lambda name, *args, **options: made[name]")  # the same model
    for _ in range(3):
        board.notebook.start_cell(cell)
        board.notebook.wait_until_idle()
    board.widget("twice", 1).wait_for()
    assert board.slider("twice").evaluate(count_paints) == 2


def test_hostile_labels_are_shown_as_they_are(board):
    rows = rows_of(board.widget("hostile"))
    assert [row["label"] for row in rows] == [f'"{visible(text, 24)}"' for text in HOSTILE]
    assert [row["whole"] for row in rows] == [visible(text) for text in HOSTILE]
    widget = board.widget("hostile")
    assert widget.locator("b, img, script, mjx-container, .MathJax").count() == 0
    assert board.page.evaluate("() => window.hacked") is None
    heights = widget.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => row.getBoundingClientRect().height)"
    )
    assert max(heights) - min(heights) < 1.5, heights
    edges = widget.locator("tbody .bars").evaluate_all(
        "cells => cells.map(cell => cell.getBoundingClientRect().left)"
    )
    # However long the labels, bars and slider begin on one line.
    slider = board.slider("hostile").evaluate("slider => slider.getBoundingClientRect().left")
    assert edges == pytest.approx([slider] * len(HOSTILE), abs=2)


def test_own_function_changes_the_picture(board):
    set_by_keyboard(board.slider("squared"), -6)
    want = next_token_probs(LOGITS[MAIN], temperature=0.7**2)
    shown = LOGITS[MAIN].argsort(descending=True)[:6]
    board.wait_for_numbers("squared", want[shown].tolist())
    # It follows a drag, too, before the pointer lets go.
    board.move("squared", {"temperature": 1.5}, done=False)
    want = next_token_probs(LOGITS[MAIN], temperature=1.5**2)
    board.wait_for_numbers("squared", want[shown].tolist())
    assert board.widget("squared").locator(".note").text_content() == ""


def test_own_function_that_fails_says_why_and_keeps_the_picture(board):
    before = board.numbers("moody")
    slider = board.slider("moody")
    set_by_keyboard(slider, 1)
    board.page.wait_for_function(
        "([slider, was]) => slider.closest('.mygpt-distribution')"
        ".querySelector('.number').textContent !== was",
        arg=[slider.element_handle(), f"{before[0]:.3f}"],
    )
    slider.press("End")
    note = board.widget("moody").locator(".note")
    note.filter(has_text="too hot").wait_for()
    assert "RuntimeError: <b>too hot</b> $x$ (line" in note.text_content()
    assert all(row["number"] != "–" for row in rows_of(board.widget("moody")))
    errors = board.page.locator(
        ".jp-OutputArea-output[data-mime-type*='error'], [data-mime-type*='stderr']"
    )
    assert errors.count() == 0
    slider.press("Home")
    note.filter(has_text="too hot").wait_for(state="hidden")
    assert "returned None" in board.widget("broken").locator(".note").text_content()


def test_slow_function_says_that_it_waits_and_the_slider_moves_on(board):
    board.notebook.in_kernel("pause = 0.7")
    slider = board.slider("slow")
    sent = board.notebook.comm_messages
    set_by_keyboard(slider, -8)
    settle(board.page)
    assert slider.get_attribute("aria-valuetext") == "0.60"
    board.widget("slow").locator(".note").filter(has_text="Waiting for Python").wait_for()
    # Six seconds later, as the page's clock has it.
    board.page.evaluate(
        "() => { const now = performance.now.bind(performance);"
        " performance.now = () => now() + 6000;"
        " window.resetClock = () => { performance.now = now; }; }"
    )
    set_by_keyboard(slider, -1)
    settle(board.page)
    assert slider.get_attribute("aria-valuetext") == "0.55"
    note = board.widget("slow").locator(".note").text_content()
    board.page.evaluate("() => window.resetClock()")
    assert "Kernel > Restart" in note
    want = next_token_probs(LOGITS[MAIN], temperature=0.55)
    shown = LOGITS[MAIN].argsort(descending=True)[:6]
    board.wait_for_numbers("slow", want[shown].tolist())
    board.page.wait_for_timeout(50)
    assert slider.get_attribute("aria-valuetext") == "0.55"
    assert board.widget("slow").locator(".note").text_content() == ""
    # Nine moves; one message on its way at a time, and the latest of the others.
    assert board.notebook.comm_messages - sent <= 4
    board.notebook.in_kernel("pause = 0.0")


@pytest.mark.parametrize("kind", [0, 1], ids=["asleep", "pure Python"])
def test_a_busy_kernel_does_not_freeze_the_built_in_rule(board, kind):
    board.move(MAIN, NEUTRAL)
    board.notebook.start_cell(board.busy_cells[kind])
    board.notebook.wait_until_busy()
    shown = LOGITS[MAIN].argsort(descending=True)[:12]
    for temperature in (0.7, 1.5, 0.3):
        board.move(MAIN, {"temperature": temperature}, done=False)
        want = next_token_probs(LOGITS[MAIN], temperature=temperature)[shown]
        assert board.numbers(MAIN) == pytest.approx(want.tolist(), abs=TOLERANCE)
    assert board.notebook.is_busy(), "the cell ended before the slider had moved"
    board.notebook.wait_until_idle()
    board.move(MAIN, NEUTRAL)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_contrast(board, theme):
    board.notebook.theme(theme)
    board.move(MAIN, NEUTRAL | {"temperature": 0.7, "top_k": 4})
    board.page.wait_for_timeout(100)
    ratios = board.widget(MAIN).evaluate(CONTRAST)
    board.move(MAIN, NEUTRAL)
    assert {kind: ratio for kind, ratio in ratios["text"].items() if ratio < 4.5} == {}
    assert {kind: ratio for kind, ratio in ratios["shapes"].items() if ratio < 2.5} == {}


CONTRAST = """widget => {
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const parse = css => css.match(/[\\d.]+/g).map(Number);
  let ground = [255, 255, 255];
  for (let node = widget; node; node = node.parentElement) {
    const color = parse(getComputedStyle(node).backgroundColor);
    if (color.length === 3 || color[3] === 1) { ground = color; break; }
  }
  const over = ([r, g, b, a = 1]) => [r, g, b].map((c, i) => a * c + (1 - a) * ground[i]);
  const ratio = css => {
    const [a, b] = [luminance(over(parse(css))), luminance(ground)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05); };
  const of = (selector, property) =>
    ratio(getComputedStyle(widget.querySelector(selector))[property]);
  const text = {};
  for (const selector of ['label', 'output', 'button', '.title', 'thead th', 'tbody th',
      'tbody .number', 'tbody .state', 'tfoot th', 'tfoot .number', '.facts', '.legend'])
    text[selector] = of(selector, 'color');
  return { text, shapes: {
    kept: of('tbody .solid', 'backgroundColor'),
    outline: of('tbody .outline', 'borderTopColor'),
    cut: of('tr[data-state=cut] .outline', 'borderTopColor')} }; }"""
