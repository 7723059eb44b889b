"""A text that streams, in a real JupyterLab: what its two buttons do, and how soon."""

from __future__ import annotations

import pytest
from boards import board_of
from lab import Notebook, settle, write_notebook
from pages import IN_KERNEL, check
from playwright.sync_api import expect

SOURCE = """
import threading, time
from mygpt_helpers import StreamWidget
written = []
def stream(prompt, stop):
    for number in range(400):
        if stop.is_set():
            return
        time.sleep(0.05)
        written.append(number)
        yield f"{number} "
live = StreamWidget(stream, prompt="count")
live
"""


@pytest.fixture(scope="module")
def notebook(lab, browser):
    url, root = lab
    write_notebook(root / "stream.ipynb", [IN_KERNEL + SOURCE])
    opened = Notebook(browser, url, "stream.ipynb")
    opened.start_cell(0)
    opened.widgets().first.wait_for()
    yield opened
    opened.close()


def parts(notebook):
    part = notebook.widgets().first
    write, stop = (part.get_by_role("button", name=name) for name in ("write", "stop"))
    return part, write, stop, part.locator("td")


def test_it_comes_piece_by_piece_and_the_button_stops_it(notebook):
    part, write, stop, text = parts(notebook)
    write.click()
    expect(text).to_contain_text("0 1 2 ")
    stop.click()
    expect(part.locator(".note")).to_have_text("Stopped.")
    written = notebook.in_kernel("print(''.join(f'{n} ' for n in written))")
    assert text.text_content() == written.rstrip("\n")
    check(notebook, part, "live")


def test_the_first_piece_is_on_the_page_soon(notebook):
    part, _, stop, _ = parts(notebook)
    notebook.wait_until_idle()
    notebook.in_kernel("written.clear()")
    took = notebook.page.evaluate(
        """async part => {
          const [write] = part.querySelectorAll('button');
          const cell = part.querySelector('td');
          const start = performance.now();
          write.click();
          while (!cell.textContent.startsWith('0 ') || cell.textContent.includes('9'))
            await new Promise(requestAnimationFrame);
          return performance.now() - start; }""",
        part.element_handle(),
    )
    assert took < 1000  # a busy machine; a quiet one needs a tenth of that
    stop.click()
    expect(part.locator(".note")).to_have_text("Stopped.")


def test_a_second_press_is_told_and_loses_nothing(notebook):
    part, write, stop, text = parts(notebook)
    write.click()
    expect(text).to_contain_text("1 ")
    write.press("Enter")
    expect(part.locator(".note")).to_have_text("One text at a time: press stop first.")
    expect(text).to_contain_text("0 1 2 3 4 ")
    stop.click()
    expect(part.locator(".note")).to_have_text("Stopped.")


def test_enter_in_the_box_writes_what_stands_there(notebook):
    part, _, stop, text = parts(notebook)
    box = part.get_by_role("textbox", name="prompt")
    box.fill("another")
    box.press("Enter")
    expect(text).to_contain_text("0 1 ")
    notebook.wait_for_kernel("live.prompt == 'another'")
    assert box.input_value() == "another"
    stop.click()
    expect(part.locator(".note")).to_have_text("Stopped.")


def test_an_interrupt_is_a_stop_that_says_so(notebook):
    part, write, _, text = parts(notebook)
    for _ in range(2):  # it can be written again, and interrupted again
        notebook.wait_until_idle()
        notebook.in_kernel("written.clear()")
        write.click()
        expect(part.locator(".note")).to_have_text("")  # the text before is gone
        expect(text).to_contain_text("0 1 ")
        notebook.interrupt_kernel()
        expect(part.locator(".note")).to_have_text("Interrupted.")
        written = notebook.in_kernel("print(''.join(f'{n} ' for n in written))")
        assert text.text_content() == written.rstrip("\n")
    check(notebook, part, "live")


def test_a_kernel_that_is_started_anew_loses_no_text(notebook):
    part, write, _, text = parts(notebook)
    write.click()
    expect(part.locator(".note")).to_have_text("")
    expect(text).to_contain_text("5 6 7 ")
    notebook.restart_kernel()
    expect(part.locator(".note")).to_contain_text("has ended: run this cell again")
    before = text.text_content()
    assert "5 6 7 " in before
    write.press("Enter")
    settle(notebook.page)
    expect(part.locator(".note")).to_contain_text("has ended: run this cell again")
    assert text.text_content() == before
    assert notebook.errors == []


def test_an_empty_prompt_is_one_message(lab, browser):
    board = board_of(lab, browser)
    part = board.part("stream")
    part.get_by_role("textbox").fill(" ")
    part.get_by_role("button", name="write").click()
    expect(part.locator(".note")).to_have_text("the prompt is empty.")
    part.get_by_role("textbox").fill("I love AI")
    part.get_by_role("button", name="write").click()
    expect(part.locator(".note")).to_have_text("All words are there.")
    check(board.notebook, part, "made['stream']")


def test_a_call_waits_for_its_press(lab, browser):
    board = board_of(lab, browser)
    part = board.part("call")
    board.notebook.in_kernel("made['call'].chosen = (2, 0); made['call'].asked = '7 2,0'")
    check(board.notebook, part, "made['call']")
    sent = board.notebook.comm_messages
    part.locator("input").first.press("ArrowLeft")
    expect(part.get_by_role("row")).to_have_text(
        ["callmodel.generate(**inputs, temperature=0.0)", "press run"]
    )
    assert board.notebook.comm_messages <= sent + 1
    part.get_by_role("button", name="run").press("Enter")
    expect(part).to_contain_text("ValueError: <b>not</b> zero")
    assert part.locator("b").count() == 0
    check(board.notebook, part, "made['call']")
    board.notebook.in_kernel("wait = 3.0")
    part.locator("input").first.press("ArrowRight")
    part.get_by_role("button", name="run").press("Enter")
    expect(part.locator(".note")).to_have_text("Waiting for Python…")
    expect(part).to_contain_text("no error, no warning")
    board.notebook.in_kernel("wait, runs = 2.0, []")
    part.get_by_role("button", name="run").press("Enter")  # once more, for another text
    part.get_by_role("button", name="run").press("Enter")
    expect(part.locator(".note")).to_have_text("Waiting for Python…")
    board.notebook.interrupt_kernel()
    expect(part.locator(".note")).to_contain_text("Interrupted before")
    expect(part).to_contain_text("no error, no warning")  # what came before stays
    check(board.notebook, part, "made['call']")
    board.notebook.in_kernel("wait = 0.0")
    part.get_by_role("button", name="run").press("Enter")
    board.notebook.wait_for_kernel("len(runs) == 2")
    expect(part.locator(".note")).to_have_text("")
    check(board.notebook, part, "made['call']")
    assert board.notebook.errors == []
