"""The playground in the browser: write, choose another token by mouse and keyboard, and go back."""

from __future__ import annotations

import json

import pytest
from boards import board_of
from lab import settle
from pages import check
from playwright.sync_api import expect

NAME, WIDGET = "playground", "made['playground']"
# What the line on the screen gives, beside the text that it is to give.
AGAIN = f"""
def _again():
    import json
    names = {{"model": Toy(40), "tokenizer": numbers}}
    exec({WIDGET}._data["needs"], names)
    print(json.dumps([eval({WIDGET}.code, names), {WIDGET}.text]))
"""


@pytest.fixture(scope="module")
def board(lab, browser):
    board = board_of(lab, browser)
    board.notebook.in_kernel(AGAIN)
    return board


def written(board):
    """Return the ids on the screen, once the line on it was seen to give them again."""
    part = board.part(NAME)
    part.get_by_role("button", name="write").wait_for(timeout=20_000)
    expect(part.locator(".note")).to_have_text(
        "", timeout=20_000
    )  # a refusal stays till the answer
    assert check(board.notebook, part, WIDGET)["note"] == ""
    again, text = json.loads(board.notebook.in_kernel("_again()"))
    tiles = part.locator(".flow bdi").all_text_contents()
    assert again == text == " ".join(tiles)
    return tiles


def write(board, prompt):
    part = board.part(NAME)
    part.get_by_label("prompt").fill(prompt)
    part.get_by_role("button", name="write").press("Enter")
    return part


def test_one_writes_goes_on_from_another_token_and_goes_back(board):
    part = write(board, "7\n8 9")
    first = written(board)
    assert first[:3] == ["7", "8", "9"] and len(first) >= 4
    assert "encode('7\\n8 9')" in part.locator(".call bdi").first.text_content()
    tile = part.locator(".flow button").nth(2)
    tile.hover()
    settle(board.page)
    choice = part.locator(".tokens tbody tr:not([data-state=chosen]) th button").nth(1)
    label = choice.locator("bdi").text_content()
    choice.click()
    expect(part.locator(".flow button").nth(2).locator("bdi")).to_have_text(label)
    second = written(board)
    assert second[:5] == first[:5] and second[5] == label != first[5]
    part.locator(".flow [aria-current]").press("ArrowRight")
    settle(board.page)
    choice = part.locator(".tokens tbody tr:not([data-state=chosen]) th button").first
    label = choice.locator("bdi").text_content()
    choice.press("Enter")
    expect(part.locator(".flow button").nth(3).locator("bdi")).to_have_text(label)
    third = written(board)
    assert third[:6] == second[:6] and third[6] == label
    for before in (second, first):
        part.get_by_role("button", name="back").click()
        assert written(board) == before
    assert board.notebook.errors == []


def test_a_moved_knob_is_said_and_a_prompt_that_cannot_be_taken_loses_nothing(board):
    part = write(board, "1 2")
    before = written(board)
    board.slider(NAME, "seed").press("ArrowRight")
    assert "press write" in check(board.notebook, part, WIDGET)["note"]
    for prompt, said in (("", "the prompt is empty"), ("x", "invalid literal")):
        write(board, prompt)
        expect(part.locator(".note")).to_contain_text(said)
        check(board.notebook, part, WIDGET)
        assert part.locator(".flow bdi").all_text_contents() == before
    write(board, "1 2")
    written(board)
    assert board.notebook.errors == []


def test_a_sign_comes_at_once_and_a_second_press_is_refused(board):
    part = write(board, "3")
    before = written(board)
    asked = int(board.notebook.in_kernel(f"print({WIDGET}.asked.split()[0])"))
    board.notebook.in_kernel("pause = 1.5")
    took = part.evaluate(
        """part => new Promise(resolve => {
          const start = performance.now();
          const write = [...part.querySelectorAll('button')].find(b => b.textContent === 'write');
          const look = () => write.textContent === 'writing…'
            ? resolve(performance.now() - start) : requestAnimationFrame(look);
          write.click();
          look(); })"""
    )
    assert took < 100
    button = part.get_by_role("button", name="writing")
    assert button.get_attribute("aria-disabled") == "true"
    button.click(force=True)
    part.locator(".tokens th button").first.click()
    expect(part.locator(".note")).to_have_text("Waiting for Python…", timeout=3000)
    assert written(board) == before
    board.notebook.in_kernel("pause = 0.0")
    assert int(board.notebook.in_kernel(f"print({WIDGET}.asked.split()[0])")) == asked + 1
    assert board.notebook.errors == []
