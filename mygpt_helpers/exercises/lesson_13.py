"""The exercises of lesson 13: tokenizers, and how they are compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from ..byte_pairs import merge_pair
from .engine import Exercise


def encode(text: str, vocab: list[str], unknown: str) -> list[int]:
    """Return the id of each character: its place in vocab, or that of the token `unknown`."""
    id_of = {token: i for i, token in enumerate(vocab)}
    return [id_of.get(char, id_of[unknown]) for char in text]


def _texts() -> Iterator[tuple[str, list[str], str]]:
    yield "cab", ["a", "b", "c", "<unk>"], "<unk>"
    yield "cat", ["a", "b", "c", "<unk>"], "<unk>"
    yield "to be", ["?", " ", "b", "e", "o", "t"], "?"
    yield "To be!", ["?", " ", "b", "e", "o", "t"], "?"
    yield "aab", ["b", "<unk>", "a"], "<unk>"
    yield "", ["<unk>", "a"], "<unk>"
    yield "e\u0301é", ["<unk>", "e", "é"], "<unk>"


def _ids_and_pairs() -> Iterator[tuple[list[int], tuple[int, int], int]]:
    yield [1, 2, 3], (1, 2), 4
    yield [1, 2, 3, 1, 2], (1, 2), 4
    yield [2, 1, 3], (1, 2), 4
    yield [3, 3, 3], (3, 3), 4
    yield [3, 3, 3, 3, 1], (3, 3), 4
    yield [1, 1, 2, 2], (1, 2), 5
    yield [1], (1, 2), 4
    yield [], (1, 2), 4


def _by_replace(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    return [new_id if i in pair else i for i in ids]


def _overlapping(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """Look at every place, also in the middle of a pair that was replaced already."""
    merged, before = [], None
    for i in ids:
        merged = [*merged[:-1], new_id] if (before, i) == pair else [*merged, i]
        before = i
    return merged


def _first_only(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    for i in range(len(ids) - 1):
        if (ids[i], ids[i + 1]) == pair:
            return [*ids[:i], new_id, *ids[i + 2 :]]
    return ids


def _from_the_right(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    return merge_pair(ids[::-1], pair[::-1], new_id)[::-1]


def _without_the_last(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    merged, i = [], 0
    while i < len(ids) - 1:
        found = (ids[i], ids[i + 1]) == pair
        merged.append(new_id if found else ids[i])
        i += 1 + found
    return merged


def bits_per_char(nats_per_token: float, num_tokens: int, num_chars: int) -> float:
    """Return the bits that a model needs for each character of a text."""
    return nats_per_token * num_tokens / math.log(2) / num_chars


def _losses() -> Iterator[tuple[float, int, int]]:
    yield 2.0, 100, 200
    yield math.log(2), 10, 10
    yield 1.5, 1000, 1000
    yield 4.6, 25_000, 100_000
    yield 0.0, 7, 30


def _bits(formula: Callable[[float, int, int, float], float]) -> Callable:
    return lambda nats, tokens, chars: formula(nats, tokens, chars, math.log(2))


EXERCISES = (
    Exercise(
        name="13.encode",
        title="A tokenizer of characters",
        difficulty=1,
        minutes=4,
        solution=encode,
        cases=_texts,
        mistakes={
            "What of a character that vocab does not have? It gets the id of unknown.": (
                lambda text, vocab, unknown: [vocab.index(char) for char in text],
                lambda text, vocab, unknown: [{c: i for i, c in enumerate(vocab)}[c] for c in text],
            ),
            "An unknown character is not left out: it gets the id of unknown.": (
                lambda text, vocab, unknown: [vocab.index(c) for c in text if c in vocab]
            ),
            "Ids are asked for: the place of unknown in vocab, not its text.": (
                lambda text, vocab, unknown: [
                    vocab.index(c) if c in vocab else unknown for c in text
                ]
            ),
            "unknown may stand anywhere in vocab: look up its place.": (
                lambda text, vocab, unknown: [
                    vocab.index(c) if c in vocab else len(vocab) - 1 for c in text
                ],
                lambda text, vocab, unknown: [vocab.index(c) if c in vocab else 0 for c in text],
                lambda text, vocab, unknown: [vocab.index(c) if c in vocab else -1 for c in text],
                lambda text, vocab, unknown: [
                    vocab.index(c) if c in vocab else len(vocab) for c in text
                ],
            ),
            "The vocabulary is given: a text's own characters have other places.": (
                lambda text, vocab, unknown: [sorted(set(text)).index(char) for char in text]
            ),
            "The id is the character's place in vocab, from 0.": (
                lambda text, vocab, unknown: [1 + i for i in encode(text, vocab, unknown)]
            ),
            "The id is the place in vocab, not the code point that ord gives.": (
                lambda text, vocab, unknown: [ord(char) for char in text]
            ),
        },
        hints=(
            "A dict from each token to its place: {token: i for i, token in enumerate(vocab)}.",
            "dict.get(char, other) gives `other` for a character that is not there.",
        ),
        why="A tokenizer of characters is a table from characters to places, and one place for the "
        "rest.",
        tried="known and unknown characters, and no character at all",
        imports="",
    ),
    Exercise(
        name="13.merge",
        title="One merge",
        difficulty=2,
        minutes=7,
        solution=merge_pair,
        cases=_ids_and_pairs,
        mistakes={
            "Only the two side by side, in this order, are the pair.": _by_replace,
            "No overlap: an id that went into a new token is gone.": _overlapping,
            "Replace every pair, not only the first.": _first_only,
            "Go from left to right: of three alike the first two become one.": _from_the_right,
            "What of the last id, where no pair ends the list?": _without_the_last,
            "A slice of a list never equals a tuple: compare (ids[i], ids[i + 1]) with pair.": (
                lambda ids, pair, new_id: list(ids)
            ),
            "The second id of a pair goes, and the list's last id stays.": (
                lambda ids, pair, new_id: [
                    new_id if two == pair else two[0] for two in pairwise(ids)
                ]
            ),
            "The new token stands for both: the second id goes.": (
                lambda ids, pair, new_id: [
                    new_id if (i, j) == pair else i
                    for i, j in zip(ids, [*ids[1:], None], strict=True)
                ]
            ),
        },
        keep="Whoever gave you the list still needs it: return a new one.",
        hints=(
            "Build a new list, and look at each id together with the last one that you put there.",
            "Where both are the pair, new_id takes the last one's place. Else append the id.",
        ),
        why="The last id of the new list is the left neighbour, already merged or not, so no id is "
        "used twice.",
        tried="pairs, none, runs of one id, the empty list",
        imports="",
    ),
    Exercise(
        name="13.bits_per_char",
        title="Bits per character",
        difficulty=2,
        minutes=5,
        solution=bits_per_char,
        cases=_losses,
        mistakes={
            "That is nats per character. A bit is ln 2 nats: divide by math.log(2).": _bits(
                lambda nats, tokens, chars, ln2: nats * tokens / chars
            ),
            "That is bits per token. The text has num_tokens of them, and num_chars characters.": (
                _bits(lambda nats, tokens, chars, ln2: nats / ln2)
            ),
            "Fewer tokens mean fewer bits: times tokens, divided by characters.": _bits(
                lambda nats, tokens, chars, ln2: nats / ln2 * chars / tokens
            ),
            "A nat is more than a bit: divide by ln 2, do not multiply.": _bits(
                lambda nats, tokens, chars, ln2: nats * ln2 * tokens / chars
            ),
            "A factor changes the unit, not a logarithm of the loss.": (
                lambda nats, tokens, chars: math.log2(nats or 1) * tokens / chars
            ),
            "0.693 is rounded: math.log(2) has all digits.": (
                lambda nats, tokens, chars: nats / 0.693 * tokens / chars
            ),
            "That is the whole text's bits; asked is each character's share.": _bits(
                lambda nats, tokens, chars, ln2: nats / ln2 * tokens
            ),
        },
        hints=(
            "How many nats does the whole text take? nats_per_token for each of its tokens.",
            "In bits that is more: divide by math.log(2). Then share it among the characters.",
        ),
        why="However a text is cut, its characters stay the same, so tokenizers can be compared.",
        tried="more tokens and fewer, a loss of ln 2, and of 0",
        imports="import math",
    ),
)
