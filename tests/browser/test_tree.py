"""A tree in the browser: its nodes by mouse and by keyboard, and a Python that is slow."""

from __future__ import annotations

import time

import pytest
from boards import board_of
from lab import settle
from pages import check
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
