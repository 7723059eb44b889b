"""The course's pages on a phone, a laptop and a wall: nothing is cut, and all can be reached."""

from __future__ import annotations

import pytest
from lab import settle
from visits import Visit

from tools.refresh import LESSONS

WIDE = ".cell_input pre, .text_html > pre, .table-wrapper, .math-wrapper, article .wide"
MOST_COLUMNS = 97  # of a printed table: lesson 00's; a tiny model may write a line that is longer
IS_CUT = "it => it.scrollWidth > it.clientWidth"


@pytest.mark.parametrize("width", [375, 1920])
def test_it_fits_a_phone_and_a_wall(visit, width):
    visit.page.set_viewport_size({"width": width, "height": 900})
    settle(visit.page)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width


# On a phone: what is not there in full, what is in small letters, what a thumb would miss.
CUT = """parts => {
  const all = selector => parts.flatMap(part => [...part.querySelectorAll(selector)])
    .filter(node => node.checkVisibility() && !node.closest('caption'));
  const range = document.createRange();
  const isCut = node => {
    range.selectNodeContents(node);
    return range.getBoundingClientRect().width > node.getBoundingClientRect().width + 0.5; };
  return [
    ...all('.state, .range, .tokens :is(thead, tfoot) th, .mygpt-trace .tiles th').filter(isCut),
    ...all('.mygpt-walk td').filter(isCut),
    ...all('.mygpt-trace .tiles td:has(bdi:not(:empty))').filter(cell => cell.offsetWidth < 62),
    ...all('textarea[rows="1"]').filter(box => box.scrollHeight > box.clientHeight + 1),
  ].map(node => node.outerHTML); }"""
SMALL = """parts => parts.flatMap(part => [...part.querySelectorAll('svg text')])
  .filter(text => text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize) < 11)
  .map(text => text.outerHTML)"""
MISSED = """parts => parts.flatMap(part => [...part.querySelectorAll(
    'button, .choice label, textarea, [type=range], summary')])
  .map(node => [node.outerHTML, node.getBoundingClientRect()])
  .filter(([, { width, height }]) => width && (width < 24 || height < 28))
  .map(([html]) => html)"""


def test_a_phone_shows_it_in_full_and_a_thumb_hits_it(browser, site):
    phone = {"viewport": {"width": 375, "height": 812}, "is_mobile": True, "has_touch": True}
    for lesson in LESSONS:
        visit = Visit(browser, site[1], lesson.stem, **phone)
        for place in visit.places.all():
            visit.live(place)
        settle(visit.page)
        faults = [visit.places.evaluate_all(rule) for rule in (CUT, SMALL, MISSED)]
        assert faults == [[], [], []], lesson.stem
        visit.page.close()


# The cells of tables that cannot be read: they lie outside of the picture, where nothing scrolls,
# or over a neighbour, or fewer than four of their characters show. Not those whose text stands
# upright, and not a fine grid's, where labels are left out.
UNREADABLE = """part => [...part.querySelectorAll('th, td')].filter(cell => {
  const skipped = '.bars, .unseen, .upright, .fine *';
  if (cell.matches(skipped) || !cell.checkVisibility({ visibilityProperty: true })) return false;
  if (getComputedStyle(cell).whiteSpace === 'pre-wrap') return false; // spaces hang over
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), nodes = [];
  for (let text; (text = texts.nextNode()); )
    if (text.length && !text.parentElement.matches('.unseen, .skipped')) nodes.push(text);
  if (!nodes.length) return false;
  const fits = (range, node, room = 0) => {
    const [inner, outer] = [range.getBoundingClientRect(), node.getBoundingClientRect()];
    return inner.left >= outer.left - 1 && inner.right + room <= outer.right + 1; };
  if (!cell.closest('.scroller') && !fits(cell, part)) return true;
  const range = document.createRange();
  range.setStart(nodes[0], 0);
  range.setEnd(nodes.at(-1), nodes.at(-1).length);
  if (fits(range, cell)) return false;
  const text = nodes.find(node => node.length > 1) ?? nodes[0]; // after a quotation mark
  const clips = node => getComputedStyle(node).overflowX !== 'visible';
  let box = text.parentElement;
  while (box !== cell && !clips(box)) box = box.parentElement;
  range.setStart(text, 0);
  range.setEnd(text, Math.min(4, text.length));
  const ellipsis = text.length > 4 ? 8 : 0;
  return !clips(box) || !fits(range, box, ellipsis);
}).map(cell => cell.textContent)"""


def test_what_a_table_says_can_be_read_on_a_phone(visit):
    visit.page.set_viewport_size({"width": 375, "height": 812})
    found = {}
    for place in visit.places.all():
        part = visit.live(place)
        settle(visit.page)
        found[part.get_attribute("class")] = part.evaluate(UNREADABLE)
    assert {kind: cells for kind, cells in found.items() if cells} == {}


def test_tiles_to_come_take_no_place(browser, site):
    visit = Visit(browser, site[1], "12_beyond_the_context")
    for place in visit.places.all():
        visit.live(place)
    gap = """part => part.querySelector('table').getBoundingClientRect().bottom
      - [...part.querySelectorAll('tr')].findLast(row => row.checkVisibility(
          { visibilityProperty: true })).getBoundingClientRect().bottom"""
    assert visit.page.locator(".mygpt-strips").evaluate(gap) == pytest.approx(0, abs=1)
    visit.page.close()


@pytest.mark.parametrize("width", [1280, 1920])
def test_no_printed_table_is_cut(visit, width):
    visit.page.set_viewport_size({"width": width, "height": 900})
    settle(visit.page)
    for table in visit.page.locator(".cell_output .text_html > pre:visible").all():
        columns = max(map(len, table.inner_text().splitlines()))
        assert columns > MOST_COLUMNS or not table.evaluate(IS_CUT)


def test_on_a_phone_what_is_wide_is_scrolled_and_says_so(visit):
    visit.page.set_viewport_size({"width": 375, "height": 800})
    settle(visit.page)
    parts = visit.page.locator(WIDE).filter(visible=True).all()
    wide = [part for part in parts if part.evaluate(IS_CUT)]
    for part in wide:
        assert part.get_attribute("tabindex") == "0"
        assert part.evaluate("it => getComputedStyle(it).backgroundAttachment").startswith("local")
    for part in visit.page.locator(".cell_output .text_html > pre:visible").all():
        assert part.evaluate("it => parseFloat(getComputedStyle(it).fontSize)") >= 11
    for image in visit.page.locator(".wide img:visible").all():
        natural = image.locator("..").get_attribute("style").split()[-1].removesuffix("px")
        assert image.evaluate("it => it.clientWidth") / float(natural) > 0.74


def test_a_heading_chosen_on_a_phone_is_not_covered(browser, site):
    visit = Visit(
        browser, site[1], "04_temperature", viewport={"width": 375, "height": 800}, has_touch=True
    )
    visit.page.locator(".header-right .toc-overlay-icon").tap()
    chosen = visit.page.locator(".toc-drawer a").nth(3)
    assert chosen.bounding_box()["height"] >= 28
    chosen.tap()
    visit.page.wait_for_function("scrollY > 100")
    visit.page.wait_for_function(
        "document.querySelector('.toc-drawer').getBoundingClientRect().left >= innerWidth"
    )
    assert not visit.page.locator(".back-to-top").is_visible()
    visit.page.close()
