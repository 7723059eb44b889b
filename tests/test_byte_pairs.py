"""Byte pairs: the library's merges are those of a plain loop, and any text comes back."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mygpt_helpers import BPETokenizer, merge_pair
from mygpt_helpers.byte_pairs import LONGEST, byte_names, text_of_bytes

QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)
TEXT = "the cat sat on the mat; the rat, too: naïve café, 😊😊 and the end\n" * 3
TRAINED = BPETokenizer.train(TEXT, 290)


def merges_by_hand(text, vocab_size):
    """Count all pairs anew for each merge; on a tie the first in the order of the names wins."""
    names = byte_names()
    rank = {byte: sorted(names).index(name) for byte, name in enumerate(names)}
    pieces = BPETokenizer([])._library.pre_tokenizer.pre_tokenize_str(text)
    words = [[names.index(name) for name in piece] for piece, _ in pieces]
    merges = []
    while 256 + len(merges) < vocab_size:
        counts = Counter(pair for word in words for pair in pairwise(word))
        counts = {pair: count for pair, count in counts.items() if count > 1}
        if not counts:
            break
        pair = min(counts, key=lambda p: (-counts[p], rank[p[0]], rank[p[1]]))
        rank[256 + len(merges)] = 256 + len(merges)
        words = [merge_pair(word, pair, 256 + len(merges)) for word in words]
        merges.append(pair)
    return merges


@pytest.mark.parametrize("seed", range(30))
def test_the_merges_are_those_of_a_plain_loop_ties_too(seed):
    chosen = random.Random(seed)
    letters = "aab \n" if seed % 2 else "abcdé😊 '.1\n"
    text = "".join(chosen.choice(letters) for _ in range(chosen.randint(1, 300)))
    size = 256 + chosen.randint(0, 40)
    assert BPETokenizer.train(text, size).merges == merges_by_hand(text, size)


def test_other_threads_and_another_hash_seed_give_the_same_merges():
    code = (
        "from mygpt_helpers import BPETokenizer; import random, json\n"
        "text = ''.join(random.Random(0).choice('abc d') for _ in range(20_000))\n"
        "print(json.dumps(BPETokenizer.train(text, 320).merges))"
    )
    said = set()
    for parallel, threads, seed in (("true", "4", "1"), ("false", "1", "2"), ("true", "1", "3")):
        about = {"TOKENIZERS_PARALLELISM": parallel, "RAYON_NUM_THREADS": threads}
        env = os.environ | about | {"PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
        said.add(run.stdout)
    assert len(said) == 1


@QUICK
@given(st.text())
def test_any_text_comes_back_after_any_number_of_merges(text):
    steps = [*TRAINED.merge_steps(text)]
    counts = [len(ids) for ids in steps]
    assert counts[0] == len(text.encode()) and counts == sorted(counts, reverse=True)
    assert len(steps) == len(TRAINED.merges) + 1
    for n in (0, 1, 7, len(TRAINED.merges)):
        tokenizer = BPETokenizer(TRAINED.merges[:n])
        assert tokenizer.encode(text) == steps[n]
        assert tokenizer.decode(steps[n]) == text


@QUICK
@given(st.text(min_size=1, max_size=60), st.integers(256, 300))
def test_a_tokenizer_of_any_text_brings_back_any_other(text, vocab_size):
    tokenizer = BPETokenizer.train(text, vocab_size)
    assert 256 <= tokenizer.vocab_size <= vocab_size
    assert tokenizer.decode(tokenizer.encode(text + TEXT)) == text + TEXT
    assert [*tokenizer.merge_steps(text)][-1] == tokenizer.encode(text)


def test_more_merges_mean_fewer_tokens_a_character():
    rates = [len(ids) / len(TEXT) for ids in TRAINED.merge_steps(TEXT)]
    assert rates[0] > 1 and rates[-1] < 0.5
    assert all(after < before for before, after in pairwise(rates))


def test_the_names_of_tokens():
    assert TRAINED.vocab[256] == "at" and TRAINED.vocab[ord("a")] == "a"
    assert TRAINED.vocab[0xC3] == "<0xC3>" and text_of_bytes("é".encode()) == "é"
    assert " the" in TRAINED.vocab and "😊" in TRAINED.vocab
    assert all(len(text) for text in TRAINED.vocab)


def test_part_of_a_character_decodes_to_a_replacement():
    assert BPETokenizer([]).decode([*"é".encode()][:1]) == "\ufffd"
    assert TRAINED.decode([ord("a"), 0xC3]) == "a\ufffd"


def test_a_pair_is_replaced_from_left_to_right():
    assert merge_pair([1, 1, 1, 2, 1, 1], (1, 1), 9) == [9, 1, 2, 9]
    assert merge_pair([], (1, 1), 9) == [] and merge_pair([2, 1], (1, 2), 9) == [2, 1]


def test_a_text_of_one_letter_has_tokens_of_bounded_length():
    tokenizer = BPETokenizer.train("a" * 20_000, 400)
    assert LONGEST / 2 < max(map(len, tokenizer.vocab)) <= LONGEST


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="vocab_size must be a whole number from 256, got 255"):
        BPETokenizer.train("ab", 255)
    for merges in ([(97, 256)], [(97,)], [97], None, [(97, 98), (97, 98)], ["ab"], [(97, True)]):
        with pytest.raises(ValueError, match="must be two ids from 0 to 25"):
            BPETokenizer(merges)
