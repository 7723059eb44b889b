"""The course's pages in a real browser, with no server but one of files and no kernel.

test_site_widths.py looks at them on a phone and on a wall.
"""

from __future__ import annotations

import json
import re

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import settle
from pages import READ, agree
from visits import OTHERS, Visit

from tools.refresh import WIDGET_VIEW


def notes(runs, name):
    """Return what Python noted of a page's pictures, from top to bottom."""
    notebook = nbformat.read(runs / f"{name}.ipynb", as_version=4)
    kept = json.loads((runs / f"{name}.json").read_text("utf-8"))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    views = [o.data[WIDGET_VIEW] for o in outputs if WIDGET_VIEW in o.get("data", {})]
    return [kept[view["model_id"]] for view in views]


def wait_for(part, wanted):
    """Wait until a picture's page says what Python said."""
    for _ in range(30):
        settle(part.page)
        shown = part.evaluate(READ)
        if agree(shown, wanted):
            return
    pytest.fail(f"{[(k, shown[k], v) for k, v in wanted.items() if not agree(shown[k], v)]}")


def test_every_slider_of_every_picture_says_what_python_said(visit, runs):
    pictures = [] if visit.name in OTHERS else notes(runs, visit.name)
    assert visit.places.count() == len(pictures)
    for place, picture in zip(visit.places.all(), pictures, strict=True):
        part = visit.live(place)
        sliders = part.locator("input[type=range]")
        assert sliders.count() == len(picture["live"]["state"]["_sliders"])
        for move in picture["moves"]:
            sliders.nth(move["slider"]).fill(str(move["place"]))
            wait_for(part, move["says"])


def test_what_needs_python_says_so_and_nothing_waits(visit):
    for place in visit.places.all():
        part = visit.live(place)
        for choice in part.get_by_role("radio").all():
            choice.check()
        for button in part.locator("button:not(.enlarge)").all():
            button.press("Enter")
        for slider in part.locator("input[type=range]:visible").all():
            slider.press("Home")
        for box in part.locator("textarea").all():
            box.fill(f"{box.input_value()} x")
            box.press("Tab")
        visit.page.wait_for_timeout(200)
        assert "aiting" not in part.inner_text()


def test_nothing_comes_from_another_host(visit):
    assert visit.foreign == []


def test_no_file_names_another_host(site):
    loads = r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=.https?:|@import|url\(.?https?:"
    loads += r"|(?:import|fetch)\(?.https?:"
    for path in site[0].rglob("*"):
        if path.suffix in (".html", ".css", ".js", ".svg", ".json"):
            assert not re.findall(loads, path.read_text("utf-8")), path


def test_nobody_complains(visit):
    assert visit.said == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_read_it(visit, theme):
    visit.page.evaluate("theme => { document.body.dataset.theme = theme; }", theme)
    visit.page.wait_for_selector(f"body[data-jp-theme-light={str(theme == 'light').lower()}]")
    rules = {"runOnly": ["color-contrast"]} if theme == "dark" else {}  # the others see no colours
    found = Axe().run(visit.page, None, {"resultTypes": ["violations"]} | rules)
    found = found.response["violations"]
    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    assert [(f["help"], [node["html"][:200] for node in f["nodes"]]) for f in grave] == []


DAMAGES = {  # the files, and what becomes of them
    "state cut off": ("json", lambda body: body[: len(body) // 2]),
    "state changed": ("json", lambda body: body.replace('"_label":"', '"_label":"x')),
    "state empty": ("json", lambda body: ""),
    "module cut off": ("js", lambda body: body[: len(body) // 2]),
    "module empty": ("js", lambda body: ""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_picture_that_is_damaged_stays_still(browser, site, damage):
    ending, spoil_it = DAMAGES[damage]
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def spoil(route):
        response = route.fetch()
        route.fulfill(response=response, body=spoil_it(response.text()))

    page.route(f"**/live/*.{ending}", spoil)
    page.goto(f"{site[1]}/00_start_here.html")
    places = page.locator(".live-picture:has(img)")
    for place in places.all():
        place.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert page.locator(".mygpt-live").count() == 0
    assert places.locator("img:visible").count() == places.count() > 0
    assert errors == []
    page.close()


@pytest.mark.parametrize("shade", ["light", "dark"])
def test_without_javascript_there_are_stills_and_text(browser, site, shade):
    context = browser.new_context(java_script_enabled=False, color_scheme=shade)
    page = context.new_page()
    page.goto(f"{site[1]}/00_start_here.html")
    assert page.locator(".live-picture").count() > 1
    for place in page.locator(".live-picture").all():
        still = place.locator("img:visible, pre")
        assert still.count() == 1
        text = still.get_attribute("alt") or still.inner_text()
        assert len(text) > 20
    assert page.locator(f".live-picture img.only-{shade}:visible").count() >= 1
    context.close()


def test_a_question_is_answered_on_the_page(browser, site):
    visit = Visit(browser, site[1], "04_temperature")
    part = visit.live(visit.places.first)
    part.get_by_role("radio").first.check()
    part.get_by_role("button").first.click()
    settle(visit.page)
    assert "not right" in part.inner_text() and "✔" in part.inner_text()
    visit.page.close()


def test_what_was_answered_before_needs_no_python(browser, site, runs):
    visit = Visit(browser, site[1], "04_temperature")
    pictures = notes(runs, "04_temperature")
    own = [i for i, picture in enumerate(pictures) if picture["live"]["answers"]]
    assert own, "the lesson's own function under a slider"
    part = visit.live(visit.places.nth(own[0]))
    slider = part.locator("input[type=range]")
    for key in ("Home", "End"):
        slider.press(key)
        settle(visit.page)
        assert part.locator(".note").inner_text() == ""
    visit.page.close()


@pytest.mark.parametrize("width", [375, 1280])
def test_what_needs_python_says_where_it_is(browser, site, width):
    about = {"viewport": {"width": width, "height": 700}}
    visit = Visit(browser, site[1], "14_playground", **about)
    box = visit.page.locator(".mygpt-playground textarea").first
    box.scroll_into_view_if_needed()
    part = visit.page.locator(".mygpt-playground").first
    part.wait_for()
    part.get_by_role("button", name="write").click()
    settle(visit.page)
    assert part.locator(".note").inner_text() == (
        "This needs Python: open the lesson in JupyterLab."
    )
    note = part.locator(".note").bounding_box()
    assert 0 <= note["y"] <= 700 - note["height"]  # in sight, though the picture is taller
    assert part.get_by_role("button", name="write").is_visible()
    visit.page.close()


def test_the_search_page_has_a_field(browser, site):
    visit = Visit(browser, site[1], "search", viewport={"width": 375, "height": 800})
    visit.page.get_by_role("main").get_by_role("searchbox").fill("temperature")
    visit.page.get_by_role("main").get_by_role("button").click()
    visit.page.locator("#search-results").get_by_role("link", name="Temperature").first.wait_for()
    assert visit.said == []
    visit.page.close()


def test_formulas_say_names_and_need_no_font_of_their_own(browser, site):
    visit = Visit(browser, site[1], "07_searching")
    assert "length_penalty" in visit.page.locator(".math-wrapper mtext").all_text_contents()
    visit.page.add_style_tag(content="math { font-family: serif !important; }")
    gaps = visit.page.evaluate(
        """() => [...document.querySelectorAll(".math-wrapper munderover")].map((part) =>
            part.children[1].firstElementChild.getBoundingClientRect().top
            - part.children[0].getBoundingClientRect().bottom)"""
    )
    assert gaps and min(gaps) > 2
    visit.page.close()
