"""The still of a search's tree and its text twin."""

from __future__ import annotations

import re

import pytest
import torch

from mygpt_helpers import GPT, beam_search, show_tree
from mygpt_helpers.pictures.trees import Branch, TreeView, best_path, checked_tree
from tests.pictures.test_tables import HOSTILE
from tests.test_trace import Table
from tests.widgets.runs import LABELS, MODEL

WORDS = list("abcdef")
FOUND = beam_search(Table(), torch.tensor([[2]]), 4, 2)


def test_the_twin_says_every_candidate_of_every_level():
    twin = show_tree(FOUND, WORDS).text
    assert twin.startswith("Beam search: levels 1 to 4\nprompt: c\nlevel 1\n")
    lines = [line for line in twin.splitlines() if " sum " in line and line.startswith("  ")]
    assert len(lines) == sum(map(len, FOUND.tree))
    counts = {state: sum(mark in line for line in lines) for state, mark in MARKS.items()}
    for state, count in counts.items():
        assert count == sum(node.state == state for level in FOUND.tree for node in level)
    best = "".join(WORDS[i] for i in FOUND.ids[0, 1:].tolist())
    (line,) = [line for line in lines if f'"{best}"' in line]
    assert f"sum {FOUND.score:7.2f}" in line and "◆ chosen" in line
    assert f"chosen: 4 tokens, sum {FOUND.score:.2f}, mean {FOUND.score / 4:.2f}" in twin


def test_of_a_path_that_goes_on_beyond_the_levels_shown_the_visible_part_is_shown():
    prompt, branches = checked_tree(FOUND, WORDS)
    path = best_path(FOUND)
    view = TreeView("T", prompt, branches, 1, path)
    assert [*view.columns()] == [1] and len(view.columns()[1]) == 4
    more = (*path, 0)
    grown = branches | {more: Branch(more, "a", -1.0, -9.0, "grown")}
    assert [*TreeView("T", prompt, grown, 1, more).columns()] == [1]  # back in the search
    columns = TreeView("T", prompt, grown, len(path), more).columns()
    assert [*columns] == [*range(1, len(more) + 1)]
    assert [x.path for x in columns[len(more)]] == [more]


MARKS = {"kept": "✓ kept", "pruned": "✕ pruned", "ended": "■ ended"}


def test_greedys_path_is_marked_until_it_is_pruned():
    rows = torch.tensor([[0.1, 0.5, 0.4], [0.34, 0.33, 0.33], [0.5, 0.48, 0.02]]).log()
    found = beam_search(Table(rows=rows), torch.tensor([[0]]), 3, 2)
    greedy = re.findall(r'"(.*?)".*▲ greedy', show_tree(found, "xyz".__getitem__).text)
    assert greedy == ["y", "yx"]


def test_a_long_search_shows_its_last_levels():
    picture = show_tree(beam_search(Table(), torch.tensor([[2]]), 60, 2), WORDS)
    assert picture.text.startswith("Beam search: levels 56 to 60") and '"…' in picture.text
    assert len(picture.text) < 4000
    assert picture.figure.get_size_inches()[1] < 4
    assert "levels 1 to 3" in show_tree(FOUND, WORDS, level=3).text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(text):
    found = beam_search(MODEL, torch.tensor([[0]]), 2, 2, eos_token_id=1)
    data, _ = show_tree(found, [text] * len(LABELS), title=text)._repr_mimebundle_()
    assert "image/png" in data
    assert (
        len(data["text/plain"].splitlines())
        == 5 + sum(map(len, found.tree)) + len(found.ids[0]) - 1
    )


def test_an_interrupted_search_is_the_prompt_alone(capsys):
    found = beam_search(Table(stop=1), torch.tensor([[2]]), 4, 2)
    text = show_tree(found, WORDS).text
    assert text == ("Beam search: the prompt alone\nprompt: c\nchosen: the prompt itself, sum 0.00")
    assert show_tree(found, WORDS).figure


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((FOUND.tree, WORDS), "a tree is what beam_search returns; got tuple"),
        ((FOUND, "abcdef"), "labels must be strings"),
        ((FOUND, ["a", "b"]), "labels has 2 strings, none for id"),
        ((FOUND, lambda i: i), "labels must be strings; id 2 has int"),
        ((FOUND, WORDS, 5), "level must be a whole number from 1 to 4, got 5"),
        ((beam_search(GPT(30, 8, 2, 1, 8), torch.tensor([[1]]), 2, 17), str), "room for 8 beams"),
    ],
)
def test_bad_input(given, message):
    found, labels, *level = given
    with pytest.raises(ValueError, match=message):
        show_tree(found, labels, level=level[0] if level else None)
