"""The draw in a real JupyterLab: where a moved number lands, and a seed that is replayed.

What it has in common with all live pictures is in test_widgets.py.
"""

from __future__ import annotations

import random

import pytest
import torch
from boards import board_of
from cases import LOGITS
from lab import set_by_keyboard, settle

from mygpt_helpers import draw

MAIN = next(iter(LOGITS))
PROBS = {
    "draw": [0.5, 0.3, 0.15, 0.05],
    "draw, zeros": [0, 0.25, 0, 0.25, 0.4995, 0],
    "draw, many": LOGITS[MAIN].softmax(-1),
}
# Go to each stop as a pointer does, and read what the page says after the next frame.
LANDINGS = """async (part, stops) => {
  const slider = part.querySelector('input[data-knob=u]'), found = [];
  for (const stop of stops) {
    slider.valueAsNumber = stop;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise(requestAnimationFrame);
    const row = [...part.querySelectorAll('tr')].find(r => r.cells[6].textContent.includes('u'));
    found.push([slider.getAttribute('aria-valuetext'), row.cells[0].textContent,
      part.querySelector('.landing').textContent]);
  }
  slider.dispatchEvent(new Event('change', { bubbles: true }));
  return found; }"""


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


@pytest.mark.parametrize("name", PROBS)
def test_every_stop_lands_where_draw_lands(board, name):
    probs, part = torch.as_tensor(PROBS[name]), board.part(name)
    stops = sorted({*range(0, 1000, 9), *range(240, 260), 499, 500, 501, 800, 949, 950, 999})
    places = part.locator("input[data-knob=u]").get_attribute("max")
    stops = [stop for stop in stops if stop <= int(places)]
    shown = {row.split('"')[1] for row in part.locator("tbody th").all_text_contents()}
    texts = ["I", "love", "some", "beer"] if name == "draw" else range(len(probs))
    for said, row, landing in part.evaluate(LANDINGS, stops):
        chosen = int(draw(probs, float(said)))
        text = str(texts[chosen])
        assert landing.startswith(f'u lands on "{text}" (id {chosen:,}), of'), said
        assert row == f'"{text}"' if text in shown else row.endswith("others"), said
        assert ("one of the" in landing) == (text not in shown)
    settle(board.page)
    assert board.notebook.errors == []


def test_a_seed_is_replayed_and_the_button_draws_again(board):
    part = board.part("draw")
    set_by_keyboard(board.slider("draw", "seed"), -20)
    set_by_keyboard(board.slider("draw", "seed"), 3)
    first = random.Random(3).random()
    board.notebook.wait_for_kernel(f"(made['draw'].seed, made['draw'].u) == (3, {first!r})")
    part.get_by_role("button", name="draw again").click()
    first = random.Random(4).random()
    board.notebook.wait_for_kernel(f"(made['draw'].seed, made['draw'].u) == (4, {first!r})")
    thumb, pointer, line = (
        part.locator(where).bounding_box() for where in ("input[data-knob=u]", ".pointer", ".laid")
    )
    at = thumb["x"] + 8 + first * (thumb["width"] - 16)  # where Chromium has the thumb's middle
    mark = pointer["x"] + pointer["width"] / 2
    assert mark == pytest.approx(at, abs=3)
    assert (mark - line["x"]) / line["width"] == pytest.approx(first, abs=0.01)


def test_a_click_on_the_line_moves_u(board):
    line, part = board.part("draw").locator(".laid").bounding_box(), board.part("draw")
    for share, text in [(0.3, "I"), (0.9, "some"), (1.0, "beer")]:
        part.locator(".laid").click(position={"x": share * (line["width"] - 2), "y": 12})
        board.notebook.wait_for_kernel(f"abs(made['draw'].u - {min(share, 0.999)}) < 0.005")
        settle(board.page)
        assert part.locator(".landing").text_content().startswith(f'u lands on "{text}"')
    assert "Your u moves only the mark." in part.locator(".facts").text_content()
    board.notebook.in_kernel("made['draw'].u = 0.12345")
    settle(board.page)
    assert board.slider("draw", "u").get_attribute("aria-valuetext") == "0.123"


def test_a_number_between_two_stops_may_land_on_a_token_without_a_name(board):
    board.notebook.in_kernel("made['draw, many'].u = 0.7 + 1e-7")
    settle(board.page)
    said = board.part("draw, many").locator(".landing").text_content()
    assert said.startswith("u lands on ") and board.notebook.errors == []
