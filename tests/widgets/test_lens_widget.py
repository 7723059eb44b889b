"""LensWidget: what is said of each layer, and what cannot be shown."""

from __future__ import annotations

import math

import pytest
import torch

from mygpt_helpers import LensWidget, logit_lens
from mygpt_helpers.pictures.lenses import appears
from tests.test_lens import MADE
from tests.widgets.wire import from_browser, twin_of

WORDS = ["a", " b", "c\n", "<d>"]
# Layers 0 to 2, two positions, four tokens.
LOGITS = torch.tensor(
    [
        [[9.0, 0, 0, 0], [0, 1.0, 0, 2.0]],
        [[0, 0, 9.0, 0], [1.0, 2.0, 0, 2.0]],
        [[0, 9.0, 0, 0], [0, 5.0, 0, 2.0]],
    ]
)
IDS = torch.tensor([[0, 3]])


def test_each_layer_says_its_top_tokens_and_where_the_final_answer_is():
    widget = LensWidget(LOGITS, IDS, WORDS, num_bars=2, title="T")
    said = widget.numbers()
    assert said["title"] == "T: layer 0: the embedding" and said["sliders"] == {"layer": 0}
    assert said["rows"][:2] == [
        ['"a"', '"a"', pytest.approx(0.9996, abs=1e-4)],
        ['"<d>"', '"<d>"', pytest.approx(0.610, abs=1e-3)],
    ]
    assert 'the final answer "␣b": rank 2 of 4, probability 0.225' in said["facts"]
    from_browser(widget, layer=1)
    said = widget.numbers()
    assert said["title"] == "T: layer 1 of 2" and said["rows"][0][:2] == ['"a"', '"c⏎"']
    assert "rank 1 of 4, probability 0.39" in said["facts"]  # of a tie the lowest id is on top
    assert '"␣b" is first on top after layer 1, and it stays' in said["facts"]
    assert '"a"    then "c⏎"' in twin_of(widget) and said["rows"][-1] == ["3 points"]


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        ([9, 1, 1], "first on top after layer 1, and it stays"),
        ([1, 1, 1], "first on top after layer 0, and it stays"),
        ([9, 1, 3, 1], "first on top after layer 1; for good after layer 3"),
        ([9, 2, 1], "first on top after layer 2, and it stays"),
    ],
)
def test_when_the_answer_appears(ranks, said):
    assert appears(ranks) == said


@pytest.mark.parametrize("name", MADE)
def test_the_last_layer_is_what_the_model_says(name):
    torch.manual_seed(0)
    model, ids = MADE[name](), torch.tensor([[3, 1, 4]])
    lens = logit_lens(model, ids)
    widget = LensWidget(lens, ids, str, layer=len(lens) - 1)
    probs = lens[-1].softmax(-1)
    rows = widget.numbers()["rows"]
    assert [row[1] for row in rows[:3]] == [f'"{i}"' for i in probs.argmax(-1).tolist()]
    assert "rank 1 of" in widget.numbers()["facts"]


def test_what_is_sent_is_bounded():
    logits = torch.randn(31, 32, 5000, generator=torch.Generator().manual_seed(0))
    widget = LensWidget(logits, torch.arange(32)[None], str)
    assert len(repr(widget.get_state())) < 250_000
    with pytest.raises(ValueError, match="the text has 33 tokens; at most 32 fit here"):
        LensWidget(torch.zeros(2, 33, 4), torch.zeros(1, 33, dtype=torch.long), str)


@pytest.mark.parametrize(
    ("logits", "ids", "said"),
    [
        (LOGITS[0], IDS, "logits must be what logit_lens returned"),
        (LOGITS, IDS[0], "ids must be those of the logits"),
        (LOGITS, torch.tensor([[0, 9]]), "ids must be from 0 to 3"),
        (LOGITS * math.nan, IDS, "logits hold NaN"),
        (None, IDS, "got NoneType"),
    ],
)
def test_what_does_not_fit(logits, ids, said):
    with pytest.raises(ValueError, match=said):
        LensWidget(logits, ids, WORDS)
    with pytest.raises(ValueError, match="layer must be a whole number from 0 to 2"):
        LensWidget(LOGITS, IDS, WORDS, layer=3)
