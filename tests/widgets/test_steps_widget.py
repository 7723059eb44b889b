"""Live steps without a browser."""

from __future__ import annotations

import pytest
import torch

from mygpt_helpers import StepsWidget
from mygpt_helpers.pictures.distributions import distribution_text, summarize
from tests.widgets.wire import from_browser, twin_of

LOGITS = torch.tensor([0.5, 3.0, -1.0, 2.0, 2.0, -7.0])
LABELS = [" a", "b", "c\n", "$d$", "<e>", "f"]


def steps(number: int) -> list:
    return [
        summarize(
            LOGITS * i, (LOGITS * i).softmax(-1), LABELS.__getitem__, num_bars=3, title=f"{i}"
        )
        for i in range(number)
    ]


def test_steps_show_one_distribution_at_a_time():
    made = steps(3)
    widget = StepsWidget(made, label="position", start=1)
    assert twin_of(widget) == distribution_text(made[1])
    assert [step["title"] for step in widget._data["steps"]] == ["0", "1", "2"]
    assert widget._data["steps"][2]["after"] == made[2].after
    from_browser(widget, step=2)
    assert widget.step == 2 and twin_of(widget) == distribution_text(made[2])


def test_rows_say_what_became_of_each_token():
    probs = torch.tensor([0.7, 0.3, 0.0, 0.0])
    shown = [summarize(torch.tensor([2.0, 1.0, 9.0, 0.0]), probs, str, num_bars=n) for n in (1, 3)]
    first, second = (StepsWidget([d]).numbers() for d in shown)
    assert first["rows"] == [['"2"', 0.0, "✕ cut"], ["3 others", 1.0, "▲ top"]]
    assert [state for _, _, state in second["rows"]] == ["✕ cut", "▲ top", "", ""]
    assert second["facts"][:2] == [2, 4]


def test_steps_that_are_not_there_are_refused():
    for none in ([], 3, None, ["a"]):
        with pytest.raises(ValueError, match="at least one, each made by summarize"):
            StepsWidget(none)
    with pytest.raises(ValueError, match="from 0 to 2, got 3"):
        StepsWidget(steps(3), start=3)
    widget = StepsWidget(steps(3))
    with pytest.raises(ValueError, match="from 0 to 2, got -1"):
        widget.step = -1
    assert widget.step == 0
