"""The pictures of a trace, by keyboard and by mouse: the two buttons, and a text's tiles."""

from __future__ import annotations

import json

import pytest
from boards import board_of
from lab import settle
from pages import check

TILES = "tiles => tiles.map(tile => [...tile.children].map(part => part.textContent))"


@pytest.fixture(scope="module")
def board(lab, browser):
    return board_of(lab, browser)


def test_two_buttons_go_through_the_loop_and_stop_at_its_ends(board):
    part, widget = board.part("trace"), "made['trace']"
    slider = board.slider("trace", "step")
    for key, name, ends in (("End", "back", (24, 23)), ("Home", "forward", (0, 1))):
        slider.press(key)
        button = part.get_by_role("button", name=name)
        button.press("Enter")
        settle(board.page)
        button.press(" ")
        settle(board.page)
        button.click()
        check(board.notebook, part, widget)
        step = int(board.notebook.in_kernel(f"print({widget}.step)"))
        assert step == ends[0] + 3 * (ends[1] - ends[0])
    slider.press("Home")
    part.get_by_role("button", name="back").press("Enter")
    check(board.notebook, part, widget)
    assert board.notebook.in_kernel(f"print({widget}.step)") == "0\n"


def test_what_was_chosen_stands_at_the_end_of_the_text(board):
    part = board.part("trace")
    board.slider("trace", "step").press("Home")
    for _ in range(24):
        settle(board.page)
        chosen = part.locator(".next bdi").text_content()
        part.get_by_role("button", name="forward").click()
        settle(board.page)
        assert part.locator(".tiles .written bdi").last.text_content() == chosen


def test_a_text_is_one_stop_of_tab_and_arrows_move_along_it(board):
    part, widget = board.part("likelihood"), "made['likelihood']"
    tiles = part.locator(".flow button")
    assert part.locator(".flow [tabindex='0']").count() == 1
    box = part.bounding_box()
    tiles.first.click()
    keys = {"ArrowRight": 1, "End": 11, "ArrowDown": 11, "ArrowLeft": 10, "Home": 0}
    for key, token in keys.items():
        board.page.keyboard.press(key)
        check(board.notebook, part, widget)
        assert board.notebook.in_kernel(f"print({widget}.token)") == f"{token}\n"
        here = tiles.nth(token)
        assert here.evaluate("tile => tile === document.activeElement && tile.tabIndex === 0")
        assert part.locator("[aria-current]").count() == 1
    now = part.bounding_box()
    assert (now["width"], now["height"]) == (box["width"], box["height"]), "something has jumped"


def test_a_tile_that_is_pointed_at_is_told_of(board):
    part, widget = board.part("likelihood"), "made['likelihood']"
    for i in (3, 7):
        tile = part.locator(".flow button").nth(i)
        tile.hover()
        check(board.notebook, part, widget)
        token = tile.locator("bdi").text_content()
        assert f'token {i + 1}: "{token}", probability' in part.locator(".facts").text_content()
    assert board.notebook.errors == []


@pytest.mark.parametrize("name", ["likelihood", "likelihood, hostile"])
def test_every_token_is_there_with_its_percentage(board, name):
    sent = f"made[{name!r}]._data"
    said = f"import json; print(json.dumps([{sent}['tokens'], {sent}['percents']]))"
    labels, percents = json.loads(board.notebook.in_kernel(said))
    wanted = [[short, percent] for (short, _), percent in zip(labels, percents, strict=True)]
    assert board.part(name).locator(".flow button").evaluate_all(TILES) == wanted
