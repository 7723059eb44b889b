"""Tokenizers: what goes in comes out, and what cannot be is told."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mygpt_helpers import (
    BPETokenizer,
    CharTokenizer,
    CheckpointError,
    WordTokenizer,
    tokenizer_from_json,
)

QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)
TEXT = "the cat sat on the mat; the rat, too.\nthe end"
TRAINED = {
    "char": CharTokenizer.train(TEXT),
    "char, unknown": CharTokenizer.train(TEXT, unknown="<unk>"),
    "word": WordTokenizer.train(TEXT),
    "word, unknown": WordTokenizer.train(TEXT, unknown="?"),
    "bpe": BPETokenizer.train(TEXT, 270),
}
every = pytest.mark.parametrize("tokenizer", TRAINED.values(), ids=TRAINED)


@every
def test_the_training_text_comes_back(tokenizer):
    ids = tokenizer.encode(TEXT)
    assert tokenizer.decode(ids) == tokenizer.decode(torch.tensor(ids)) == TEXT
    assert tokenizer.decode([]) == "" and tokenizer.encode("") == []
    assert "".join(tokenizer.vocab[i] for i in ids) == TEXT
    assert len(tokenizer.vocab) == tokenizer.vocab_size > max(ids)
    assert all(type(i) is int for i in ids)


@QUICK
@given(st.text(min_size=1), st.text())
def test_any_text_comes_back_as_far_as_its_tokens_are_known(training, text):
    for kind in (CharTokenizer, WordTokenizer):
        tokenizer = kind.train(training)
        assert tokenizer.decode(tokenizer.encode(training)) == training
        assert "".join(kind.split(text)) == text
        known = "".join(piece for piece in kind.split(text) if piece in tokenizer.vocab)
        if kind is CharTokenizer:
            assert tokenizer.decode(tokenizer.encode(known)) == known
        wide = kind.train(training, unknown="<unk>")
        wanted = [p if p in tokenizer.vocab else "<unk>" for p in kind.split(text)]
        assert wide.decode(wide.encode(text)) == "".join(wanted)


def test_a_vocabulary_is_in_order_and_has_each_token_once():
    assert TRAINED["char"].vocab == sorted(set(TEXT))
    words = TRAINED["word"].vocab
    assert words == sorted(words) and {"cat", " ", ";", "\n"} < set(words)
    assert TRAINED["char, unknown"].vocab == [*TRAINED["char"].vocab, "<unk>"]
    assert CharTokenizer.train("a?", unknown="?").vocab == ["?", "a"]
    assert repr(TRAINED["char"]) == "CharTokenizer(16 tokens)"


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (CharTokenizer, "the zoo", "the character 'z' at position 4 of the text has no token"),
        (CharTokenizer, "\u202e", r"the character '\\u202e' at position 0"),
        (WordTokenizer, "the cats", "the word 'cats' at position 4"),
        (WordTokenizer, "the 🍺", "the word '🍺' at position 4"),
    ],
)
def test_what_was_never_seen_is_named_with_its_place(kind, text, says):
    with pytest.raises(ValueError, match=says + "(?s:.*)unknown="):
        kind.train(TEXT).encode(text)
    wide = kind.train(TEXT, unknown="<unk>")
    assert "<unk>" in wide.decode(wide.encode(text))


@every
def test_what_is_no_text_and_what_is_no_id_is_refused(tokenizer):
    with pytest.raises(ValueError, match=r"half a character, '\\ud83d', at position 4"):
        tokenizer.encode("the \ud83d")
    with pytest.raises(ValueError, match="text must be a string, got bytes"):
        tokenizer.encode(b"the")
    for bad in ([tokenizer.vocab_size], [-1], [0.5], ["t"], 3, torch.zeros(1, 2).long(), "the"):
        with pytest.raises(ValueError, match="ids must"):
            tokenizer.decode(bad)


@pytest.mark.parametrize("train", [
    CharTokenizer.train, WordTokenizer.train, lambda text: BPETokenizer.train(text, 300),
])  # fmt: skip
def test_what_nothing_can_be_learnt_from_is_refused(train):
    for bad, says in (("", "the text is empty"), (None, "must be a string"), ("\udc80", "half a")):
        with pytest.raises(ValueError, match=says):
            train(bad)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: CharTokenizer(["a", "bc"]), "a character in each place; got 'bc'"),
        (lambda: CharTokenizer(["a", ""]), "got ''"),
        (lambda: CharTokenizer(["a", "a"]), "each of them once"),
        (lambda: CharTokenizer([]), "at least one"),
        (lambda: CharTokenizer("ab"), "vocab must be a list of strings"),
        (lambda: CharTokenizer(["a"], "b"), "unknown must be a token of the vocabulary, got 'b'"),
        (lambda: WordTokenizer(["two words"]), "a word in each place; got 'two words'"),
        (lambda: CharTokenizer.train("a", unknown=""), "a character in each place; got ''"),
        (lambda: CharTokenizer.train("a", unknown=5), "unknown must be a string, got int"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@every
def test_json_brings_it_back(tokenizer):
    text = tokenizer.to_json()
    again = tokenizer_from_json(text)
    assert type(again) is type(tokenizer) and again.vocab == tokenizer.vocab
    assert again.to_json() == text and again.encode(TEXT) == tokenizer.encode(TEXT)


BOMB = json.dumps({"kind": "bpe", "merges": [[97, 97], *([i, i] for i in range(256, 400))]})
DAMAGED = [
    "", "null", "5", "[]", "{}", '"char"', "[" * 100_000, None, BOMB,
    '{"kind": "pickle"}', '{"kind": ["bpe"]}', '{"kind": "bpe"}', '{"kind": "bpe", "merges": null}',
    '{"kind": "bpe", "merges": [5]}', '{"kind": "bpe", "merges": [[1]]}',
    '{"kind": "bpe", "merges": [[1, 2, 3]]}', '{"kind": "bpe", "merges": [[1, 256]]}',
    '{"kind": "bpe", "merges": [[1, -1]]}', '{"kind": "bpe", "merges": [[1, 2], [1, 2]]}',
    '{"kind": "bpe", "merges": [[true, 1]]}', '{"kind": "bpe", "merges": [[1.0, 2]]}',
    '{"kind": "bpe", "merges": ["ab"]}', '{"kind": "bpe", "merges": [], "more": 1}',
    '{"kind": "char", "vocab": ["a", 5]}', '{"kind": "char", "vocab": ["a", "a"]}',
    '{"kind": "char", "vocab": ["\\ud800"]}', '{"kind": "char", "vocab": ["a"], "unknown": []}',
    '{"kind": "word", "vocab": ["a b"], "unknown": null}',
    TRAINED["char"].to_json()[:-9],
]  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED, ids=lambda text: str(text)[:40])
def test_damaged_json_is_one_message(text):
    with pytest.raises(CheckpointError, match="no tokenizer that to_json wrote, or it is damaged"):
        tokenizer_from_json(text)


@QUICK
@given(st.data())
def test_json_with_a_piece_cut_out_is_read_or_refused(data):
    text = data.draw(st.sampled_from([tokenizer.to_json() for tokenizer in TRAINED.values()]))
    start = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:start] + text[start + data.draw(st.integers(1, 9)) :]
    try:
        tokenizer = tokenizer_from_json(damaged)
    except CheckpointError:
        return
    assert tokenizer.decode(tokenizer.encode(tokenizer.vocab[0])) == tokenizer.vocab[0]
