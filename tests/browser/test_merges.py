"""A text that the learner types is cut in the browser as the tokenizer cuts it."""

from __future__ import annotations

import random

import pytest
from boards import board_of
from cases import HOSTILE
from pages import check

ALPHABET = [
    *"the cat's 12,\t\n.ß",
    "é",
    "ï",
    "😊",
    "שׁ",
    "中",
    "\u00a0",
    "\u0085",
    "\ufeff",
    "\u0301",
    "½",
]


def random_text(seed):
    chosen = random.Random(seed)
    return "".join(chosen.choice(ALPHABET) for _ in range(chosen.randint(1, 300)))


TEXTS = {
    "empty": "",
    "words": "The cat's mat isn't    the\n\n  rat's 123 mats!?",
    "hostile": "".join(text[:40] for text in HOSTILE[:9]).replace("\r", ""),
    "long": "the mat " * 200,
} | {f"random {seed}": random_text(seed) for seed in range(6)}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_typed_text_is_cut_as_python_cuts_it(lab, browser, text):
    board = board_of(lab, browser)
    for name in ("merges", "merges, hostile"):
        part = board.part(name)
        box = part.get_by_label("text", exact=True)
        box.fill(text)
        box.blur()
        part.locator("input[type=range]").press("End")
        said = check(board.notebook, part, f"made[{name!r}]")
        assert said["facts"][1] == len(text) or 599 <= said["facts"][1] <= 600 < len(text)
    assert board.notebook.errors == []
