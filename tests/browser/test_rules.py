"""Lesson 06's live pictures in a real JupyterLab: their arithmetic is that of sampling.py."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from boards import SET_UP
from lab import Notebook, settle, write_notebook
from pages import IN_KERNEL, READ, agree

ORDERS = (
    "temperature top_k",
    "temperature top_p",
    "min_p temperature",
    "top_k top_p",
    "top_p min_p",
)
NAMES = ("like a model's", "tied", "minus infinity", "float16", "three")
MOVE = """(part, places) => [...part.querySelectorAll('input[type=range]')].map((slider, i) => {
  slider.valueAsNumber = Math.round(places[i] * slider.max);
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  slider.dispatchEvent(new Event('change', { bubbles: true })); })"""


@pytest.fixture(scope="module")
def notebook(lab, browser):
    url, root = lab
    cells = [SET_UP.format(folder=str(Path(__file__).parent)) + IN_KERNEL + f"ORDERS = {ORDERS}"]
    for name in NAMES:
        cells.append(
            f"step = ranked_step({name!r})\n"
            f"made[{name!r}] = [RulesWidget(step, str)]\n"
            "for order in ORDERS:\n"
            "    first, second = order.split()\n"
            f"    made[{name!r}].append(OrderWidget(step, str, first=first, second=second))\n"
            f"display(*made[{name!r}])"
        )
    write_notebook(root / "rules.ipynb", cells)
    notebook = Notebook(browser, url, "rules.ipynb")
    notebook.run_all()
    notebook.widgets().nth(len(NAMES) * (1 + len(ORDERS)) - 1).wait_for()
    yield notebook
    notebook.close()


@pytest.mark.parametrize("kind", [*range(1 + len(ORDERS))], ids=["rules", *ORDERS])
@pytest.mark.parametrize("name", NAMES)
def test_the_browser_keeps_what_sampling_keeps(notebook, name, kind):
    part = notebook.widgets().nth(NAMES.index(name) * (1 + len(ORDERS)) + kind)
    numbers, different = random.Random(f"{name} {kind}"), []
    for _ in range(6):
        places = [numbers.choice([0, 1, numbers.random(), numbers.random()]) for _ in range(5)]
        part.evaluate(MOVE, places)
        settle(notebook.page)
        wanted = {}
        for _ in range(20):  # Python hears of it a bit later
            wanted = json.loads(notebook.in_kernel(f"_said(made[{name!r}][{kind}])"))
            shown = part.evaluate(READ)
            if agree(shown["sliders"], wanted["sliders"]):
                break
            notebook.page.wait_for_timeout(50)
        different += [(k, shown[k], wanted[k]) for k in shown if not agree(shown[k], wanted[k])]
    assert not different
    assert notebook.errors == []


def test_the_order_is_numbered_and_its_bars_outlined(notebook):
    part = notebook.widgets().nth(2)  # temperature top_p
    part.evaluate(MOVE, [0.7, 0.5])
    look = """part => [[...part.querySelectorAll('label')].map(label => label.dataset.place),
      [...part.querySelectorAll('tbody tr')].map(row => [
        parseFloat(row.querySelector('.outline').style.width), 100 * row.lastChild.textContent])]"""
    for places in ("12", "21"):
        settle(notebook.page)
        numbers, bars = part.evaluate(look)
        assert numbers == [*places]
        assert all(outline == pytest.approx(other, abs=0.06) for outline, other in bars)
        part.get_by_role("button", name="swap the order").click()
    assert notebook.errors == []
