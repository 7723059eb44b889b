"""A tree in the browser: its nodes by mouse and by keyboard, and a Python that is slow."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from boards import SET_UP, board_of
from lab import Notebook, settle, write_notebook
from pages import IN_KERNEL, check
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


def test_one_goes_on_from_node_to_node_and_back(board):
    part, widget = board.part("tree"), "made['tree']"
    board.slider("tree", "level").press("End")
    part.get_by_role("button", name="to the prompt").click()
    check(board.notebook, part, widget)
    board.notebook.in_kernel(f"{widget}.chosen = ''")
    leaf = part.locator(".branches button.pruned").first
    for depth in (1, 2, 3):
        key = leaf.get_attribute("data-key")
        leaf.click()
        part.locator(f'.branches button[data-key^="{key},"]').first.wait_for()
        assert check(board.notebook, part, widget)["note"] == ""
        leaf = part.locator(f'.branches button[data-key^="{key},"]').nth(2 % depth)
    levels = part.locator(".level")
    assert levels.last.is_visible() and levels.last.inner_text() != "level 1"
    bounds = [x.bounding_box() for x in (levels.last, part.locator(".branches button").first)]
    assert bounds[0]["y"] + bounds[0]["height"] <= bounds[1]["y"] + 40  # above the tiles
    board.slider("tree", "level").press("Home")  # back in the search, wherever one has gone
    check(board.notebook, part, widget)
    assert levels.all_inner_texts() == ["level 1"]
    board.slider("tree", "level").press("End")
    check(board.notebook, part, widget)
    before = board.notebook.in_kernel(f"print({widget}.chosen)").strip()
    part.get_by_role("button", name="one token back").click()
    check(board.notebook, part, widget)
    after = board.notebook.in_kernel(f"print({widget}.chosen)").strip()
    assert after == before.rpartition(",")[0]
    assert board.notebook.errors == []


def test_arrows_move_and_enter_chooses(board):
    part, widget = board.part("tree"), "made['tree']"
    part.get_by_role("button", name="to the prompt").press("Enter")
    settle(board.page)
    assert part.locator(".branches [tabindex='0']").count() == 1
    tile = part.locator(".branches button").first
    tile.focus()
    for key, column in (("ArrowDown", 1), ("ArrowUp", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        board.page.keyboard.press(key)
        here = board.page.evaluate("() => document.activeElement.dataset.key")
        assert len(here.split(",")) == column
    board.page.keyboard.press("Enter")
    check(board.notebook, part, widget)
    assert board.notebook.in_kernel(f"print({widget}.chosen)").strip() == here


def test_in_a_narrow_window_it_scrolls_to_the_level_and_to_what_is_chosen(board):
    part, size = board.part("tree"), board.page.viewport_size
    scroller, levels = part.locator(".scroller"), part.locator(".level")
    part.get_by_role("button", name="to the prompt").click()
    board.page.set_viewport_size({"width": 560, "height": 900})
    board.slider("tree", "level").press("Home")
    settle(board.page)
    board.slider("tree", "level").press("End")
    settle(board.page)
    edges = "node => [node.getBoundingClientRect().left, node.getBoundingClientRect().right]"
    room = scroller.evaluate("node => node.clientWidth")
    assert levels.count() * 130 > room, "not narrow enough"
    right = scroller.evaluate(edges)[1]
    assert levels.last.evaluate(edges)[1] <= right + 1
    expect(scroller).to_have_class("scroller more-before")
    part.get_by_role("button", name="to the prompt").press("Enter")
    part.locator(".branches button").first.press("Enter")
    settle(board.page)
    assert levels.first.evaluate(edges)[0] >= scroller.evaluate(edges)[0]
    expect(scroller).to_have_class("scroller more-after")
    board.page.set_viewport_size(size)


def test_a_slow_function_gives_a_sign_at_once_and_a_second_click_is_kept(board):
    part, widget = board.part("tree, hostile"), "made['tree, hostile']"
    board.slider("tree, hostile", "level").press("Home")
    settle(board.page)
    board.notebook.in_kernel("pause = 1.5")
    leaves = part.locator(".branches button.pruned")
    keys = [leaves.nth(i).get_attribute("data-key") for i in (0, 1)]
    took = part.evaluate(
        """(part, key) => new Promise(resolve => {
          const start = performance.now();
          const look = () => part.textContent.includes('waiting…')
            ? resolve(performance.now() - start) : requestAnimationFrame(look);
          part.querySelector(`[data-key="${key}"]`).click();
          look(); })""",
        keys[0],
    )
    assert took < 100
    part.locator(f'.branches button[data-key="{keys[1]}"]').click()
    expect(part.locator(".note")).to_have_text("Waiting for Python…", timeout=3000)
    started = time.perf_counter()
    for key in keys:
        part.locator(f'.branches button[data-key="{key}"]').click()
        part.locator(f'.branches button[data-key^="{key},"]').first.wait_for(timeout=9000)
    assert time.perf_counter() - started < 9
    board.notebook.in_kernel("pause = 0.0")
    assert check(board.notebook, part, widget)["note"] == ""
    assert board.notebook.errors == []


@pytest.fixture
def own(lab, browser):
    """A notebook of one's own, whose kernel may end: a tree, and one that has its prompt alone."""
    url, root = lab
    trees = """
from mygpt_helpers.search import Found
toy, prompt = Toy(40), torch.tensor([[0, 1]])
pause = 1.5
live = TreeWidget(beam_search(toy, prompt, 3, 2), str, grown_by(toy))
live"""
    empty = "bare = TreeWidget(Found(prompt, prompt, 0.0, (), ()), str, grown_by(toy))\nbare"
    set_up = IN_KERNEL + SET_UP.format(folder=str(Path(__file__).parent))
    write_notebook(root / "tree.ipynb", [set_up + trees, empty])
    opened = Notebook(browser, url, "tree.ipynb")
    opened.run_all()
    opened.widgets().nth(1).wait_for()
    yield opened
    opened.close()


def test_an_interrupt_is_said_and_the_tree_grows_later(own):
    part, note = own.widgets().first, own.widgets().first.locator(".note")
    leaf = part.locator(".branches button.pruned").last
    key = leaf.get_attribute("data-key")
    children = part.locator(f'.branches button[data-key^="{key},"]')
    leaf.click()
    expect(note).to_have_text("Waiting for Python…")
    own.interrupt_kernel()
    expect(note).to_have_text("Interrupted before your function returned.")
    own.page.wait_for_timeout(2000)  # it returns all the same: nobody waits for that any more
    assert children.count() == 0
    assert "Interrupted" in check(own, part, "live")["note"]
    leaf.click()
    expect(children).to_have_count(3)
    assert check(own, part, "live")["note"] == ""
    assert own.errors == []


def test_a_kernel_that_is_started_anew_is_said_and_the_tree_stays(own):
    part, note = own.widgets().first, own.widgets().first.locator(".note")
    leaf = part.locator(".branches button.pruned").last
    count = part.locator(".branches button").count()
    leaf.click()
    expect(note).to_have_text("Waiting for Python…")
    own.restart_kernel()
    expect(note).to_contain_text("has ended: run this cell again")
    expect(part).not_to_contain_text("waiting…")
    part.get_by_role("button", name="one token back").click()
    expect(part.locator(".facts")).to_contain_text("chosen: 2 tokens")
    expect(part.locator(".branches button")).to_have_count(count)
    assert own.errors == []


def test_a_tree_of_its_prompt_alone_grows_from_it(own):
    own.in_kernel("pause = 0.0")
    part = own.widgets().nth(1)
    expect(part.locator(".title")).to_contain_text("the prompt alone")
    part.get_by_role("button", name="grow from the prompt").press("Enter")
    expect(part.locator(".branches button")).to_have_count(3)
    expect(part.get_by_role("button", name="to the prompt")).to_have_attribute(
        "aria-disabled", "true"
    )
    check(own, part, "bare")
    assert own.errors == []
