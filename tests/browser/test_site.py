"""The course's pages in a real browser, with no server but one of files and no kernel.

The lessons run on a tiny model, which writes in no time; only the first takes the real one. While
their kernels live, tools/page_kernel.py notes what every picture must say when it is moved.
"""

from __future__ import annotations

import functools
import http.server
import importlib.util
import json
import re
import threading

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import settle
from pages import READ, agree

from tests.tiny import make_checkpoint
from tools import pages
from tools.refresh import LESSONS, WIDGET_VIEW

OTHERS = ["index", "classroom", "teaching/index", "teaching/04_temperature"]
WIDE = ".cell_input pre, .text_html > pre, .table-wrapper, .math-wrapper, article .wide"
MOST_COLUMNS = 97  # of a printed table: lesson 00's; a tiny model may write a line that is longer
IS_CUT = "it => it.scrollWidth > it.clientWidth"
NAMES = [*OTHERS, *(lesson.stem for lesson in LESSONS)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    if missing := [name for name in pages.NEEDED if not importlib.util.find_spec(name)]:
        pytest.skip(f"no {', '.join(missing)}: pip install -r pages/requirements.txt")
    tiny = make_checkpoint("gpt2", tmp_path_factory.mktemp("tiny") / "gpt2")
    folder = tmp_path_factory.mktemp("runs")
    pages.run_all(LESSONS[:1], folder, {})
    pages.run_all(LESSONS[1:], folder, {"MYGPT_CHECKPOINT": str(tiny)})
    return folder


@pytest.fixture(scope="module")
def site(runs, tmp_path_factory):
    """The folder of the pages, and the address of a server of files."""
    folder = tmp_path_factory.mktemp("pages") / "site"
    pages.render(runs, folder, "https://example.org/somebody/course")
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Visit:
    """A page that was opened; `foreign` are its requests to other hosts, `said` its complaints."""

    def __init__(self, browser, address, name, **about):
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **about})
        self.page.set_default_timeout(15_000)
        self.foreign, self.said = [], []
        self.page.on("request", lambda request: self._note(request.url, address))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(f"{address}/{name}.html")
        self.places = self.page.locator(".live-picture")

    def _note(self, url, address):
        if not url.startswith((address, "data:")):
            self.foreign.append(url)

    def live(self, place):
        """Scroll to a picture, and return what has become of it."""
        place.scroll_into_view_if_needed()
        part = place.locator(".mygpt-live")
        part.wait_for()
        return part


@pytest.fixture(scope="module", params=NAMES)
def visit(request, browser, site):
    visit = Visit(browser, site[1], request.param)
    visit.name = request.param
    yield visit
    visit.page.close()


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
        for box in part.locator("input[type=text], textarea").all():
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


@pytest.mark.parametrize("width", [375, 1920])
def test_it_fits_a_phone_and_a_wall(visit, width):
    visit.page.set_viewport_size({"width": width, "height": 900})
    settle(visit.page)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width


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


def test_what_needs_python_says_where_it_is(browser, site, runs):
    visit = Visit(browser, site[1], "14_playground")
    box = visit.page.locator(".mygpt-playground textarea").first
    box.scroll_into_view_if_needed()
    part = visit.page.locator(".mygpt-playground").first
    part.wait_for()
    part.get_by_role("button", name="write").click()
    settle(visit.page)
    assert part.locator(".note").inner_text() == (
        "This needs Python: open the lesson in JupyterLab."
    )
    assert part.get_by_role("button", name="write").is_visible()
    visit.page.close()
