"""A token's walk, without a browser: what is shown of which part and position."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from mygpt_helpers import GPT, Part, WalkWidget, walk
from tests.pictures.test_tables import HOSTILE
from tests.widgets.wire import from_browser, twin_of

TOKENS = ["I", "love", "AI", "!", "I"]
VOCAB = TOKENS[:4]


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    return walk(GPT(4, 8, num_heads=2, num_layers=2), torch.tensor([[0, 1, 2, 3, 0]]))


def rows_of(widget):
    """Return the rows of numbers: {label: numbers}."""
    return {label: cells for label, *cells in widget.numbers()["rows"] if label}


def test_every_part_at_every_position_is_shown_with_the_one_before(parts):
    widget = WalkWidget(parts, TOKENS)
    assert widget.position == 4
    for place, part in enumerate(parts):
        for position in range(5):
            from_browser(widget, part=place, position=position)
            rows = rows_of(widget)
            assert rows[part.name] == part.after[position].tolist()
            before = parts[place - 1]
            same = place > 0 and before.after.shape == part.after.shape
            assert len(rows) == 1 + same
            if same:
                assert rows[before.name] == before.after[position].tolist()
            said = widget.numbers()
            assert said["title"] == f"{part.name}, at position {position}"
            assert said["facts"] == part.formula


def test_an_opened_part_shows_its_steps_and_masks_later_positions(parts):
    widget = WalkWidget(parts, TOKENS, part=3, position=1, opened=True)
    rows = rows_of(widget)
    assert [*rows][2:5] == ["head 0: query", "head 0: weights", "head 0: mixture"]
    weights = rows["head 0: weights"]
    assert weights[:2] == parts[3].inside["head 0: weights"][1, :2].tolist()
    assert all(map(math.isnan, weights[2:])) and len(weights) == 5
    assert ["", *TOKENS] in widget.numbers()["rows"]
    twin = twin_of(widget)
    from_browser(widget, opened=False)
    assert len(rows_of(widget)) == 2
    assert twin_of(widget) == twin, "the text twin says all in both states"
    lines = twin.splitlines()
    assert "inside:" in lines and lines[lines.index("inside:") + 1].startswith("  head 0: query ")
    assert any(line.endswith("-      -      -") for line in lines if "weights" in line)


def test_many_numbers_take_rows_of_eight(parts):
    widget = WalkWidget(parts, TOKENS, part=6, opened=True)
    rows = [row for row in widget.numbers()["rows"][2:] if row[0]]
    more = ["from 8", "from 16", "from 24"]
    assert [row[0] for row in rows] == ["before GELU", *more, "after GELU", *more]
    numbers = [number for row in rows[:4] for number in row[1:]]
    assert numbers == parts[6].inside["before GELU"][4].tolist()


def test_scores_stand_below_the_vocabulary(parts):
    widget = WalkWidget(parts, TOKENS, part=len(parts) - 1, vocab=VOCAB)
    names, before, after = widget.numbers()["rows"]
    assert names == ["", *VOCAB]
    assert (before[0], after[0]) == ("logits", "probabilities")
    assert sum(after[1:]) == pytest.approx(1)
    plain = WalkWidget(parts, TOKENS, part=len(parts) - 2)
    assert plain.numbers()["rows"][0] == ["", "0", "1", "2", "3"]
    assert len(plain.numbers()["rows"]) == 2, "the final norm has more numbers"


def test_the_browser_has_the_same_numbers(parts):
    widget = WalkWidget(parts, TOKENS, opened=True)
    for place, sent in enumerate(widget._data["parts"]):
        counts = [row["count"] for row in sent["rows"]]
        values = np.frombuffer(sent["values"], "<f4").reshape(5, sum(counts))
        for position in range(5):
            widget.part, widget.position = place, position
            wanted = [n for label, *row in widget.numbers()["rows"] if label for n in row]
            assert np.array_equal(values[position], np.float32(wanted), equal_nan=True)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_text_and_any_number_is_drawn(text):
    odd = torch.tensor([[math.nan, math.inf, -math.inf, -0.0, 1e30, -1e-30, 7, 8, 9]])
    part = Part(text, text, odd, {text: odd.double(), f"{text}: weights": torch.ones(1, 1)})
    widget = WalkWidget([part, part], [text], part=1, opened=True)
    assert re.search(r" -  +∞  +−∞  +0.00 ", twin_of(widget))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"parts": []}, "parts must hold at least one, each made by walk"),
        ({"parts": [torch.zeros(5, 8)]}, "parts must hold at least one, each made by walk"),
        ({"tokens": "I love"}, "tokens must be a list of strings"),
        ({"tokens": TOKENS[:4]}, r"token embedding must have shape \(4, n\), a row for each of"),
        ({"tokens": ["t"] * 9}, "tokens must be 1 to 8 texts, got 9"),
        ({"tokens": []}, "tokens must be 1 to 8 texts, got 0"),
        ({"vocab": VOCAB[:3]}, "vocab must be 4 texts, one for each logit; got 3"),
        ({"vocab": "abcd"}, "vocab must be a list of strings"),
        ({"part": 17}, "part must be a whole number from 0 to 16, got 17"),
        ({"position": 5}, "position must be a whole number from 0 to 4, got 5"),
        ({"position": -1}, "position must be a whole number"),
        ({"parts": [Part("p", "f", torch.zeros(5, 65))]}, r"p must .* n from 1 to 64; got shape"),
        ({"parts": [Part("p", "f", torch.zeros(5, 1), {"q": [1]})]}, r"q must .* got list"),
    ],
)
def test_what_does_not_fit_is_one_message(parts, given, says):
    arguments = {"parts": parts, "tokens": TOKENS} | given
    with pytest.raises(ValueError, match=says):
        WalkWidget(**arguments)
