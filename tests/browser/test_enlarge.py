"""Every live picture alone in the window, as a teacher shows it: by the button below it."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from boards import CASES, board_of
from lab import settle
from pages import LEGIBLE, READ
from playwright.sync_api import expect

from mygpt_helpers.widgets.base import HERE as WIDGETS
from mygpt_helpers.widgets.question import Choice, Question, QuestionWidget

# The texts that a class has to read, and the others: [what, its size on the screen in pixels].
SIZES = """part => [...part.querySelectorAll('*')]
  .filter(node => [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .filter(node => node.getClientRects().length && !node.closest('caption, .unseen, .skipped'))
  .map(node => [
    `${node.tagName}.${node.className.baseVal ?? node.className}: ${node.textContent}`,
    parseFloat(getComputedStyle(node).fontSize) * node.currentCSSZoom,
    !node.closest('thead, .legend, svg, small, .edge, .level, .fine, .tiles, .laid, button')])"""
# What leaves the window at a side, or can be seen by scrolling sideways alone. A long text that is
# cut, as in the page, is left out.
OUTSIDE = """part => [part, ...part.querySelectorAll('*')]
  .filter(node => !node.closest('caption, .unseen, .skipped, table.fine'))
  .filter(node => {
    for (let up = node.parentElement; node !== part && up !== part; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== 'visible') return false;
    const { left, right, width } = node.getBoundingClientRect();
    const scrolls = ['auto', 'scroll'].includes(getComputedStyle(node).overflowX)
      && node.scrollWidth > node.clientWidth + 1;
    return width && (left < -1 || right > innerWidth + 1 || scrolls); })
  .map(node => node.outerHTML.slice(0, 120))"""
# Its zoom, as a part of what fills the window's width; how wide it is then; is all of it in sight?
ZOOM = """part => {
  const room = parseFloat(getComputedStyle(part).getPropertyValue('--room'));
  const whole = part.scrollHeight <= part.clientHeight + 1;
  return [part.currentCSSZoom * room / innerWidth, room, whole]; }"""
IS_LARGE = "large => !!document.querySelector('.mygpt-live.large') === large"


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


@pytest.fixture(scope="module")
def projector(board):
    """The page at 1920 by 1080."""
    size = board.page.viewport_size
    board.page.set_viewport_size({"width": 1920, "height": 1080})
    yield board
    board.page.set_viewport_size(size)


@pytest.fixture
def wall(projector):
    projector.notebook.errors.clear()
    yield projector
    projector.page.keyboard.press("Escape")
    assert projector.notebook.errors == []


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
    leads_back = part.get_by_role("button", name="back to the page").bounding_box()
    assert 0 <= leads_back["y"] <= 1080 - leads_back["height"]
    # It can be seen whole, or is as small as it may be.
    share, room, whole = part.evaluate(ZOOM)
    assert whole or share == pytest.approx(0.7)
    assert 0.7 <= share + 1e-6 <= 1 + 1e-5
    sizes = part.evaluate(SIZES)
    least = share * 820 / room
    assert [s for s in sizes if s[1] < least * (28 if s[2] else 21)] == []
    assert part.evaluate(OUTSIDE) == []
    assert min(part.evaluate(LEGIBLE).values()) >= 4.5
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


# Another page than JupyterLab's: a picture at its end, and a model that nobody answers.
PLAIN = """async ([code, style, state]) => {
  document.head.append(Object.assign(document.createElement('style'), { textContent: style }));
  const blob = new Blob([code], { type: 'text/javascript' });
  const { default: picture } = await import(URL.createObjectURL(blob));
  const model = { get: name => state[name], set() {}, on() {}, off() {}, save_changes() {} };
  const el = document.querySelector('main').appendChild(document.createElement('div'));
  picture.render({ model, el }); }"""


@pytest.mark.parametrize("ground", ["rgb(255, 255, 255)", "rgb(20, 24, 0)"])
@pytest.mark.parametrize("refused", [False, True])
def test_on_a_plain_page_it_has_the_page_s_ground_and_leaves_its_place_alone(
    browser, ground, refused
):
    choices = [Choice("yes", "It is.", right=True), Choice("no", "It is not.")]
    picture = QuestionWidget(Question("77.x", "Is it?", choices))
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    page.set_content(f"<main style='padding-top: 3000px; background: {ground}'></main>")
    if refused:
        page.evaluate("() => { Element.prototype.requestFullscreen = undefined; }")
    state = {name: value for name, value in picture.get_state().items() if name != "layout"}
    page.evaluate(PLAIN, [picture._esm, (WIDGETS / "live.css").read_text("utf-8"), state])
    part, button = page.locator(".mygpt-live"), page.get_by_role("button", name="enlarge")
    button.focus()
    page.evaluate("() => scrollTo(0, 1e6)")  # to the end, where a shorter page would move
    settle(page)
    place = part.bounding_box()
    button.press("Enter")
    page.wait_for_function(IS_LARGE, arg=True)
    settle(page)
    assert part.evaluate("part => getComputedStyle(part).backgroundColor") == ground
    assert part.bounding_box() == {"x": 0, "y": 0, "width": 1920, "height": 1080}
    page.keyboard.press("Escape")
    page.wait_for_function(IS_LARGE, arg=False)
    settle(page)
    assert part.bounding_box() == place
    page.close()
