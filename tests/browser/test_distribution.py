"""The live distribution in a real JupyterLab: its arithmetic, and the learner's own function.

What it has in common with all live pictures is in test_widgets.py.
"""

from __future__ import annotations

import pytest
from boards import Board, board_of
from cases import HOSTILE, LOGITS, previous_ids, settings
from lab import rows_of, set_by_keyboard, settle
from pages import CONTRAST, READ, numbers_in

from mygpt_helpers.sampling import RULES, apply_knobs, entropy, next_token_probs
from mygpt_helpers.widgets.inputs import slider_stops

TOLERANCE = 0.0006  # three decimals, and a rounding edge
MAIN = next(iter(LOGITS))
RULE = f"rule: {MAIN}"
NEUTRAL = {"temperature": 1, "top_k": 49_152, "top_p": 1, "min_p": 0, "repetition_penalty": 1}


class Distributions(Board):
    """The board, with what is a distribution's alone."""

    def value(self, name, knob="temperature"):
        """Return what the slider says, once the kernel's attribute has the same value."""
        text = self.slider(name, knob).get_attribute("aria-valuetext")
        value = float(text.split()[0].replace(",", ""))
        self.notebook.wait_for_kernel(f"made[{name!r}].{knob} == {value!r}")
        return value

    def move(self, name, knobs, done=True):
        """Move sliders as a pointer does: input events, and one change at the end of the drag."""
        logits = LOGITS.get(name.removeprefix("rule: "), LOGITS[MAIN]).float()
        places = {knob: slider_stops(knob, logits).index(value) for knob, value in knobs.items()}
        self.part(name).evaluate(
            """(part, [places, done]) => new Promise(painted => {
              for (const [knob, place] of Object.entries(places)) {
                const slider = part.querySelector(`input[data-knob=${knob}]`);
                slider.valueAsNumber = place;
                slider.dispatchEvent(new Event('input', { bubbles: true }));
                if (done) slider.dispatchEvent(new Event('change', { bubbles: true }));
              }
              requestAnimationFrame(() => setTimeout(painted, 0)); })""",
            [places, done],
        )

    def numbers(self, name, view=0):
        rows = rows_of(self.part(name, view))
        return [float(row["number"]) for row in rows if not row["label"].endswith("others")]

    def wait_for_numbers(self, name, want):
        """Wait until Python has answered with these numbers."""
        self.page.wait_for_function(
            """([part, want]) => [...part.querySelectorAll('tbody .number')].every(
                 (number, i) => Math.abs(Number(number.textContent) - want[i]) <= 0.0006)""",
            arg=[self.part(name).element_handle(), want],
        )


@pytest.fixture(scope="module")
def board(lab, browser):
    return Distributions(board_of(lab, browser).notebook)


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
        board.move(f"rule: {name}", knobs, done=False)  # Python need not hear of it
        probs = expected(name, knobs)
        page = board.part(f"rule: {name}").evaluate(READ)
        others = page["rows"].pop() if len(logits) > 12 else None
        labels, numbers, states = zip(*page["rows"], strict=True)
        numbers = [float(number) for number in numbers]
        assert list(labels) == [f'"{int(i)}"' for i in shown]
        # Where logits tie at top-p's edge, which of them stay is open: compare how much stays.
        tied = len(logits.unique()) < len(logits) and knobs["top_p"] < 1
        want = probs[shown].tolist()
        *kept, nats, choices = numbers_in(page["facts"])
        assert kept == [] or kept[1] == len(logits)
        # By the rules: a small temperature makes probabilities 0 in float32, and cuts nothing.
        in_order = {knob: knobs[knob] for knob in RULES if knob in knobs}
        num_kept = int(apply_knobs(logits, previous_ids(name), in_order).isfinite().sum())
        assert [*kept, len(logits)][0] == pytest.approx(num_kept, abs=1 + 0.002 * num_kept)
        assert nats == pytest.approx(float(entropy(probs)), abs=0.002), knobs
        assert choices == pytest.approx(float(entropy(probs).exp()), rel=0.006, abs=0.06)
        assert all(n == 0 for n, state in zip(numbers, states, strict=True) if state == "✕ cut")
        tops = [n for n, state in zip(numbers, states, strict=True) if state == "▲ top"]
        assert tops == pytest.approx([float(probs.max())] * len(tops), abs=TOLERANCE)
        if others:
            assert others[0] == f"{len(logits) - 12:,} others"
        if not tied:
            assert numbers == pytest.approx(want, abs=TOLERANCE), knobs
            assert tops or float(probs[shown].max()) < float(probs.max())
        if others and not tied:
            assert float(others[1]) == pytest.approx(1 - sum(want), abs=TOLERANCE), knobs


def test_keyboard_alone(board):
    board.move(RULE, NEUTRAL)
    # From the text of the cell: Escape leaves it, Tab goes on to the slider.
    board.cell(RULE).locator(".cm-content").click()
    board.page.keyboard.press("Escape")
    for _ in range(30):
        board.page.keyboard.press("Tab")
        if board.slider(RULE).evaluate("slider => slider === document.activeElement"):
            break
    else:
        pytest.fail("Tab does not reach the slider")
    ring = board.slider(RULE).evaluate("slider => getComputedStyle(slider).outlineStyle")
    assert ring == "solid"
    first = board.numbers(RULE)
    board.page.keyboard.press("ArrowLeft")
    board.page.keyboard.press("Tab")
    board.page.keyboard.press("Home")
    settle(board.page)
    assert board.value(RULE) == 0.95 and board.value(RULE, "top_k") == 1
    assert board.numbers(RULE)[0] == 1
    for _ in range(4):
        board.page.keyboard.press("Tab")
    board.page.keyboard.press("Enter")  # reset
    settle(board.page)
    assert board.value(RULE) == 1 and board.value(RULE, "top_k") == 49_152
    assert board.numbers(RULE) == first


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
    board.notebook.in_kernel("real, show = show, lambda name, widget: made[name]")  # no new model
    for _ in range(3):
        board.notebook.start_cell(board.cells["twice"])
        board.notebook.wait_until_idle()
    board.notebook.in_kernel("show = real")
    board.part("twice", 1).wait_for()
    assert board.slider("twice").evaluate(count_paints) == 2


def test_bars_and_sliders_begin_on_one_line_however_long_the_labels(board):
    lefts = "nodes => nodes.map(node => node.getBoundingClientRect().left)"
    edges = board.part("distribution, hostile").locator("tbody .bars, input").evaluate_all(lefts)
    assert edges == pytest.approx([edges[0]] * (1 + len(HOSTILE)), abs=2)


def test_own_function_changes_the_picture(board):
    set_by_keyboard(board.slider("squared"), -6)
    want = next_token_probs(LOGITS[MAIN], temperature=0.7**2)
    shown = LOGITS[MAIN].argsort(descending=True)[:6]
    board.wait_for_numbers("squared", want[shown].tolist())
    # It follows a drag, too, before the pointer lets go.
    board.move("squared", {"temperature": 1.5}, done=False)
    want = next_token_probs(LOGITS[MAIN], temperature=1.5**2)
    board.wait_for_numbers("squared", want[shown].tolist())
    assert board.part("squared").locator(".note").text_content() == ""


def test_own_function_that_fails_says_why_and_keeps_the_picture(board):
    before = board.numbers("moody")
    slider = board.slider("moody")
    set_by_keyboard(slider, 1)
    board.page.wait_for_function(
        "([slider, was]) => slider.closest('.mygpt-live')"
        ".querySelector('.number').textContent !== was",
        arg=[slider.element_handle(), f"{before[0]:.3f}"],
    )
    slider.press("End")
    note = board.part("moody").locator(".note")
    note.filter(has_text="too hot").wait_for()
    assert "RuntimeError: <b>too hot</b> $x$ (line" in note.text_content()
    assert all(row["number"] != "–" for row in rows_of(board.part("moody")))
    errors = board.page.locator(
        ".jp-OutputArea-output[data-mime-type*='error'], [data-mime-type*='stderr']"
    )
    assert errors.count() == 0
    slider.press("Home")
    note.filter(has_text="too hot").wait_for(state="hidden")
    assert "returned None" in board.part("broken").locator(".note").text_content()


def test_slow_function_says_that_it_waits_and_the_slider_moves_on(board):
    board.notebook.in_kernel("pause = 0.7")
    slider = board.slider("slow")
    sent = board.notebook.comm_messages
    set_by_keyboard(slider, -8)
    settle(board.page)
    assert slider.get_attribute("aria-valuetext") == "0.60"
    board.part("slow").locator(".note").filter(has_text="Waiting for Python").wait_for()
    # Six seconds later, as the page's clock has it.
    board.page.evaluate(
        "() => { const now = performance.now.bind(performance);"
        " performance.now = () => now() + 6000;"
        " window.resetClock = () => { performance.now = now; }; }"
    )
    set_by_keyboard(slider, -1)
    settle(board.page)
    assert slider.get_attribute("aria-valuetext") == "0.55"
    note = board.part("slow").locator(".note").text_content()
    board.page.evaluate("() => window.resetClock()")
    assert "Kernel > Restart" in note
    want = next_token_probs(LOGITS[MAIN], temperature=0.55)
    shown = LOGITS[MAIN].argsort(descending=True)[:6]
    board.wait_for_numbers("slow", want[shown].tolist())
    board.page.wait_for_timeout(50)
    assert slider.get_attribute("aria-valuetext") == "0.55"
    assert board.part("slow").locator(".note").text_content() == ""
    # Nine moves; one message on its way at a time, and the latest of the others.
    assert board.notebook.comm_messages - sent <= 4
    board.notebook.in_kernel("pause = 0.0")


def test_a_busy_kernel_does_not_freeze_the_built_in_rule(board):
    board.move(RULE, NEUTRAL)
    board.notebook.start_cell(board.busy_cell)
    board.notebook.wait_until_busy()
    shown = LOGITS[MAIN].argsort(descending=True)[:12]
    for temperature in (0.7, 1.5, 0.3):
        board.move(RULE, {"temperature": temperature}, done=False)
        want = next_token_probs(LOGITS[MAIN], temperature=temperature)[shown]
        assert board.numbers(RULE) == pytest.approx(want.tolist(), abs=TOLERANCE)
    assert board.notebook.is_busy(), "the cell ended before the slider had moved"
    board.notebook.wait_until_idle()
    board.move(RULE, NEUTRAL)


def test_shapes_stand_out_in_both_themes(board):
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        board.notebook.theme(theme)
        board.move(RULE, NEUTRAL | {"temperature": 0.7, "top_k": 4})
        assert board.part(RULE).locator(".key.cut").is_visible()
        ratios = board.part(RULE).evaluate(SHAPES)
        assert min(ratios) >= 2.5, (theme, ratios)
    board.move(RULE, NEUTRAL)
    assert board.part(RULE).locator(".key.cut").is_hidden()


# The contrast of a bar, of an outline and of a cut token's outline with what is behind.
SHAPES = (
    "part => {"
    + CONTRAST
    + """const shapes = [['tbody .solid', 'backgroundColor'], ['tbody .outline', 'borderTopColor'],
        ['tr[data-state=cut] .outline', 'borderTopColor']];
      return shapes.map(([selector, property]) => ratio(
        parse(getComputedStyle(part.querySelector(selector))[property]), groundOf(part))); }"""
)
