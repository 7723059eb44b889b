"""One prompt under several strategies: the texts of generate and beam_search, and two numbers."""

from __future__ import annotations

import random

import pytest
import torch

from mygpt_helpers import beam_search, generate, share_repeated, strategies
from mygpt_helpers.continuations import STRATEGIES
from tests.test_search import sum_by_hand
from tests.test_trace import Table

PROMPT = torch.tensor([[2, 3]])


def test_the_texts_are_those_of_generate_and_beam_search():
    found = strategies(Table(), PROMPT, 6, seeds=(0, 5))
    by_name = {(x.strategy, x.seed): x for x in found}
    assert len(found) == len(by_name) == 2 + 2 * 3
    for (name, seed), x in by_name.items():
        options = STRATEGIES[name]
        if "num_beams" in options:
            ids = beam_search(Table(), PROMPT, 6, 4).ids
        else:
            ids = generate(Table(), PROMPT, 6, **options, generator=random.Random(seed))
        assert x.new_ids.tolist() == ids[0, 2:].tolist()
        assert x.mean_log_prob == pytest.approx(sum_by_hand(Table(), ids, 2) / 6, abs=1e-5)
        assert x.repeated == share_repeated(ids[0, 2:].tolist())
    assert by_name["greedy", None].mean_log_prob <= 0


@pytest.mark.parametrize(
    ("ids", "n", "share"),
    [
        ([1, 2, 3], 1, 0),
        ([1, 1, 1, 1], 1, 0.75),
        ([1, 2, 1, 2, 1], 2, 0.5),
        ([1], 3, 0),
        ([], 1, 0),
    ],
)
def test_the_share_of_repeated_runs(ids, n, share):
    assert share_repeated(ids, n) == pytest.approx(share)


def test_an_interrupt_keeps_what_was_written(capsys):
    (only,) = strategies(Table(stop=2), PROMPT, 6, {"greedy": {"top_k": 1}})
    assert len(only.new_ids) == 1 and "stopped after 1 of 6" in capsys.readouterr().out
    (none,) = strategies(Table(stop=1), PROMPT, 6, {"greedy": {"top_k": 1}})
    assert len(none.new_ids) == 0 and none.mean_log_prob == none.repeated == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: strategies(Table(), PROMPT, 2, ["greedy"]), "settings must be"),
        (lambda: strategies(Table(), PROMPT, 2, seeds=[]), "seeds must be a list"),
        (lambda: strategies(Table(), PROMPT, 2, seeds=3), "seeds must be a list"),
        (lambda: strategies(Table(), PROMPT, 2, seeds=[0.5]), "a seed must be a whole number"),
        (lambda: strategies(Table(), PROMPT, 2, {"x": {"top_k": 0}}), "top_k must be"),
        (lambda: strategies(Table(), PROMPT.repeat(2, 1), 2), "one prompt"),
        (lambda: share_repeated([1, 2], 0), "n must be a whole number from 1"),
        (lambda: share_repeated(3), "ids must be a list"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
