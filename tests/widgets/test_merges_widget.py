"""Byte pairs under a slider, without a browser."""

from __future__ import annotations

import pytest

from mygpt_helpers import BPETokenizer, CharTokenizer, MergesWidget
from mygpt_helpers.widgets.merges import MOST_CHARS, MOST_MERGES
from tests.widgets.wire import from_browser, twin_of

TEXT = "the cat sat on the mat, the rat on the hat"
TOKENIZER = BPETokenizer.train(TEXT, 270)


def test_the_tokens_are_those_of_the_first_merges():
    widget = MergesWidget(TOKENIZER, TEXT)
    for n in range(len(TOKENIZER.merges) + 1):
        from_browser(widget, merges=n)
        first = BPETokenizer(TOKENIZER.merges[:n])
        ids, page = first.encode(TEXT), widget.numbers()
        wanted = [first.vocab[i].replace(" ", "␣") for i in ids]
        assert page["rows"][0] == ["tokens", *wanted]
        assert page["facts"] == [len(ids), 42, len(ids) / 42, 256, n, 256 + n]
        assert len(page["rows"]) == 2 + min(n, 5)


def test_the_twin_marks_what_the_last_merge_made():
    widget = MergesWidget(TOKENIZER, TEXT, merges=1, title="Small")
    assert twin_of(widget).splitlines() == [
        "Small: after 1 of 6 merges",
        "  t h e ␣ c [at] ␣ s [at] ␣ o n ␣ t h e ␣ m [at] , ␣ t h e ␣ r [at] "
        "␣ o n ␣ t h e ␣ h [at]",
        "  1  a + t → at, here: 5",
        "37 tokens for 42 characters: 0.88 tokens per character.",
        "Vocabulary: 256 bytes + 1 merged = 257 tokens.",
    ]


def test_a_character_of_several_bytes_is_explained():
    note = "Character 3 of this text is stored as 2 bytes, <0xC3> <0xAF>. One of them alone"
    widget = MergesWidget(TOKENIZER, "naïve")
    assert widget.numbers()["note"].startswith(note) and note in twin_of(widget)
    assert widget.numbers()["rows"][0][1:] == ["n", "a", "<0xC3>", "<0xAF>", "v", "e"]
    from_browser(widget, text="a")
    assert widget.numbers()["note"] == ""


def test_texts_and_merges_are_bounded():
    long = BPETokenizer([(i % 256, i // 256) for i in range(MOST_MERGES + 5)])
    widget = MergesWidget(long, "é" * 10_000, merges=MOST_MERGES)
    assert len(widget.text) == MOST_CHARS
    with pytest.raises(ValueError, match="merges must be a whole number from 0 to 1000, got 1001"):
        widget.merges = MOST_MERGES + 1
    widget.text = ""
    assert widget.numbers()["facts"][:3] == [0, 0, 0.0] and twin_of(widget)
    assert "after 0 of 0 merges" in twin_of(MergesWidget(BPETokenizer([]), "a"))


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(ValueError, match="must be a BPETokenizer, got CharTokenizer"):
        MergesWidget(CharTokenizer.train("a"), "a")
    for bad, says in (("\ud800", "half a character"), (5, "string")):
        with pytest.raises(Exception, match=says):
            MergesWidget(TOKENIZER, bad)
