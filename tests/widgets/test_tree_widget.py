"""TreeWidget: what grows where, and what a learner's function does wrongly."""

from __future__ import annotations

import re

import pytest
import torch

from mygpt_helpers import TreeWidget, beam_search
from mygpt_helpers.pictures.trees import MOST_ROWS
from tests.test_trace import Table
from tests.widgets.wire import from_browser, twin_of

WORDS = list("abcdef")
FOUND = beam_search(Table(), torch.tensor([[2]]), 3, 2)
BEST = ",".join(map(str, FOUND.ids[0, 1:].tolist()))


def grow(ids):
    top = Table()(ids)[0][0, -1].log_softmax(-1).topk(3)
    return top.indices, top.values


def grown_in(widget):
    return {node[0]: node for node in widget._answer["grown"]}


def test_it_starts_with_the_best_text():
    widget = TreeWidget(FOUND, WORDS, grow)
    assert widget.chosen == BEST and torch.equal(widget.ids, FOUND.ids) and widget.level == 3
    assert grown_in(widget) == {}
    assert "◆ chosen" in twin_of(widget)


def test_a_leaf_grows_and_grows_on():
    widget = TreeWidget(FOUND, WORDS, grow)
    from_browser(widget, asked=f"1 {BEST}", chosen=BEST)
    children = grown_in(widget)
    assert len(children) == 3 and all(key.startswith(f"{BEST},") for key in children)
    tokens, log_probs = grow(FOUND.ids)
    first = f"{BEST},{int(tokens[0])}"
    assert children[first][2] == pytest.approx(float(log_probs[0]))
    assert children[first][3] == pytest.approx(FOUND.score + float(log_probs[0]))
    from_browser(widget, asked=f"2 {first}", chosen=first)
    assert len(grown_in(widget)) == 6
    assert widget.ids.tolist() == [[*FOUND.ids[0].tolist(), int(tokens[0])]]
    assert widget.numbers()["title"] == "Beam search: levels 1 to 5"
    assert widget.numbers()["rows"][-1][1] == pytest.approx(float(log_probs[0]))
    from_browser(widget, asked="3 " + first, chosen="")  # again, and back to the prompt
    assert len(grown_in(widget)) == 6 and widget.ids.tolist() == [[2]]
    assert "+ grown" not in twin_of(widget).splitlines()[0]


def test_a_long_path_shows_its_last_tokens_and_no_gradient_is_kept():
    with_gradients = []

    def watched(ids):
        with_gradients.append(torch.is_grad_enabled())
        return grow(ids)

    widget, path = TreeWidget(FOUND, WORDS, watched), BEST
    for count in range(MOST_ROWS):
        from_browser(widget, asked=f"{count} {path}", chosen=path)
        path = next(key for key in grown_in(widget) if key.rpartition(",")[0] == path)
    assert not any(with_gradients)
    assert len(widget.ids[0]) == 1 + 3 + MOST_ROWS - 1
    assert len(widget.numbers()["rows"]) == MOST_ROWS


def test_a_pruned_node_grows_too():
    widget = TreeWidget(FOUND, WORDS, grow)
    pruned = next(x[0] for x in widget._data["nodes"] if x[4] == "pruned")
    widget.asked = f"1 {pruned}"
    assert len(grown_in(widget)) == 3


def test_an_empty_tree_grows_from_its_prompt(capsys):
    widget = TreeWidget(beam_search(Table(stop=1), torch.tensor([[2]]), 3, 2), WORDS, grow)
    assert widget.numbers()["rows"] == [] and "the prompt alone" in twin_of(widget)
    from_browser(widget, asked="1 ")
    assert len(grown_in(widget)) == 3 and "level 1" in twin_of(widget)


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (lambda ids: None, "must return .token ids, log-probabilities., got NoneType"),
        (lambda ids: (torch.tensor([1]), torch.tensor([0.1])), "0 or less: logits.log_softmax"),
        (lambda ids: (torch.tensor([1]), torch.tensor([float("nan")])), "0 or less"),
        (lambda ids: ([1, 2], [-1.0]), "got 2 ids and 1 log-prob"),
        (lambda ids: ([], []), "1 to 8; got 0 ids"),
        (lambda ids: ([*range(9)], [-1.0] * 9), "1 to 8; got 9 ids"),
        (lambda ids: ([0.5], [-1.0]), "a token's id must be a whole number"),
        (lambda ids: ([77], [-1.0]), "labels has 6 strings, none for id 77"),
        (lambda ids: ids.nope, "AttributeError"),
        (torch.nn.Embedding(3, 1), "longer than the model's context"),
        (None, "this tree does not grow"),
    ],
)
def test_what_a_function_does_wrongly_is_said_and_the_tree_stays(came, said):
    widget = TreeWidget(FOUND, WORDS, came)
    widget.asked = f"1 {BEST}"
    assert re.search(said, widget.numbers()["note"])
    assert grown_in(widget) == {} and len(widget.numbers()["rows"]) == 3
    widget._grow = grow
    widget.asked = f"2 {BEST}"
    assert widget.numbers()["note"] == "" and len(grown_in(widget)) == 3


def test_an_interrupt_is_said_and_the_tree_stays():
    calls = []

    def interrupted(ids):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return grow(ids)

    widget = TreeWidget(FOUND, WORDS, interrupted)
    with pytest.raises(KeyboardInterrupt):
        widget.asked = f"1 {BEST}"
    assert "Interrupted" in widget.numbers()["note"]
    widget.asked = f"2 {BEST}"
    assert widget.numbers()["note"] == "" and len(grown_in(widget)) == 3


def test_what_has_ended_does_not_grow():
    rows = torch.zeros(6, 6)
    rows[:, 0] = 3.0
    found = beam_search(Table(rows=rows), torch.tensor([[1]]), 3, 2, eos_token_id=0)
    widget = TreeWidget(found, WORDS, grow)
    widget.asked = "1 0"
    assert widget.numbers()["note"] == "this text has ended: choose another node."


def test_nodes_that_are_not_there():
    widget = TreeWidget(FOUND, WORDS, grow)
    for wrong in ("9", "x", "1,,2", f"{BEST},0"):
        with pytest.raises(ValueError, match="this tree has no node"):
            widget.chosen = wrong
    widget.asked = "1 9,9"
    assert "this tree has no node" in widget.numbers()["note"]
    with pytest.raises(ValueError, match="grow must be a function"):
        TreeWidget(FOUND, WORDS, 3)
    with pytest.raises(ValueError, match="level must be a whole number from 1 to 3"):
        widget.level = 4
