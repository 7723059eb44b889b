"""Every live picture alone in the window, as a teacher shows it: by the button below it."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from boards import CASES, board_of
from lab import settle
from pages import READ
from playwright.sync_api import expect

# The texts that a class has to read, and the others: [what, its size on the screen in pixels].
SIZES = """part => [...part.querySelectorAll('*')]
  .filter(node => [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .filter(node => node.getClientRects().length && !node.closest('caption, .unseen, .skipped'))
  .map(node => [
    `${node.tagName}.${node.className.baseVal ?? node.className}: ${node.textContent}`,
    parseFloat(getComputedStyle(node).fontSize) * node.currentCSSZoom,
    !node.closest('thead, .legend, svg, small, .edge, .level, .fine, .tiles, .laid, button')])"""
# What leaves the window at a side, or can be seen by scrolling sideways alone.
OUTSIDE = """part => [part, ...part.querySelectorAll('*')]
  .filter(node => !node.closest('caption, .unseen, .skipped, table.fine'))
  .filter(node => {
    const { left, right, width } = node.getBoundingClientRect();
    const scrolls = ['auto', 'scroll'].includes(getComputedStyle(node).overflowX)
      && node.scrollWidth > node.clientWidth + 1;
    return width && (left < -1 || right > innerWidth + 1 || scrolls); })
  .map(node => node.outerHTML.slice(0, 120))"""
IS_LARGE = "large => !!document.querySelector('.mygpt-live.large') === large"


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


@pytest.fixture
def wall(board):
    """The page on a projector: 1920 by 1080."""
    size = board.page.viewport_size
    board.page.set_viewport_size({"width": 1920, "height": 1080})
    board.notebook.errors.clear()
    yield board
    board.page.keyboard.press("Escape")
    board.page.set_viewport_size(size)
    assert board.notebook.errors == []


def press(wall, part, name):
    part.get_by_role("button", name=name).press("Enter")
    wall.page.wait_for_function(IS_LARGE, arg=name == "enlarge")
    settle(wall.page)


@pytest.mark.parametrize("name", CASES)
def test_a_picture_fills_the_window_in_large_type(wall, name):
    part = wall.part(name)
    before = part.evaluate(READ)
    press(wall, part, "enlarge")
    box = part.bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1920, 1080)
    sizes = part.evaluate(SIZES)
    assert [s for s in sizes if s[1] < (28 if s[2] else 21)] == []
    assert part.evaluate(OUTSIDE) == []
    faults = Axe().run(wall.page, ".mygpt-live.large").response["violations"]
    assert [f["help"] for f in faults if f["impact"] in ("serious", "critical")] == []
    assert part.evaluate(READ) == before
    press(wall, part, "back to the page")
    expect(part.get_by_role("button", name="enlarge")).to_be_focused()
    assert part.evaluate(READ) == before
    assert part.evaluate("part => part.getAttribute('style')") in (None, "")


@pytest.mark.parametrize("refused", [False, True])
def test_sliders_move_and_escape_leads_back(wall, refused):
    part, slider = wall.part("distribution"), wall.slider("distribution")
    if refused:
        part.evaluate("part => { part.requestFullscreen = async () => { throw Error(); }; }")
    part.get_by_role("button", name="enlarge").focus()  # which scrolls to it
    wall.page.wait_for_timeout(300)
    place = part.bounding_box()
    press(wall, part, "enlarge")
    assert wall.page.evaluate("() => !document.fullscreenElement") == refused
    assert part.evaluate("p => p === document.elementFromPoint(1900, 1060)?.closest('.large')")
    before = part.evaluate(READ)
    slider.press("ArrowRight")
    settle(wall.page)
    moved = part.evaluate(READ)
    assert moved != before
    slider.press("Escape")
    wall.page.wait_for_function(IS_LARGE, arg=False)
    settle(wall.page)
    expect(slider).to_be_focused()
    assert part.evaluate(READ) == moved and part.bounding_box() == place


def test_a_key_beside_the_sliders_is_none_for_the_notebook(wall):
    cells = wall.page.locator(".jp-Notebook .jp-CodeCell")
    count, part = cells.count(), wall.part("question, new")
    press(wall, part, "enlarge")
    wall.page.mouse.click(1700, 1000)  # the ground of the picture
    wall.page.keyboard.press("b")  # in a notebook: a new cell below
    wall.page.keyboard.press("Escape")
    wall.page.wait_for_function(IS_LARGE, arg=False)
    assert cells.count() == count
